"""What `uniscale doctor` looks at in the state of an installation: its lake and its databases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb

from uniscale.cli.console import err
from uniscale.cli.finding import Finding
from uniscale.cli.lake_files import Fault, check_lake_files
from uniscale.config import Settings
from uniscale.config.sqlite_files import sqlite_fault
from uniscale.lake import Lake

_NEW_HOME = "name another home (UNISCALE_HOME), land the logs there and run the days again"
_SHOWN = 3
_DATABASES = (
    (
        "model registry",
        "mlflow.db",
        "put a copy from a backup in its place, or remove it: the next day then trains its rankers again, and the "
        "earlier ones are lost",
    ),
    ("Airflow's database", "airflow/airflow.db", "remove it: it holds the history of runs, and is made again"),
    ("online store", "feast/online.db", "remove it and feast/serving.json, then run: uniscale features materialize DS"),
)


def check_lake(settings: Settings) -> Finding:
    """Whether the lake opens, and every file that its catalogue names can be read."""
    from uniscale.lake.extensions import connect

    kind, _, location = settings.lake_catalog.partition(":")
    fault = sqlite_fault(Path(location), thorough=True) if kind == "sqlite" else None
    if fault is not None:
        remedy = f"put a copy from a backup in its place, with the data of that time; without one, {_NEW_HOME}"
        return Finding(what="lake", ok=False, found=f"the catalogue {location} is damaged: {fault}", remedy=remedy)
    try:
        connect(settings.lake_catalog).close()
        lake = Lake(settings)
        if not lake.exists() or (kind == "sqlite" and Path(location).stat().st_size == 0):
            return Finding(what="lake", ok=True, found="DuckLake loads; no lake yet")
        num_files, faults = check_lake_files(lake, _watched)
        snapshot = lake.snapshot_id()
    except (RuntimeError, ValueError, OSError, duckdb.Error) as error:
        return Finding(what="lake", ok=False, found=settings.lake_catalog, remedy=str(error).splitlines()[0])
    if faults:
        return Finding(what="lake", ok=False, found=_told(num_files, faults), remedy=_remedy(lake, faults))
    return Finding(what="lake", ok=True, found=f"snapshot {snapshot}, {num_files:,} files, all can be read")


def check_databases(settings: Settings) -> list[Finding]:
    """Whether the databases beside the lake are whole; one that is not there yet is no fault."""
    found = []
    for what, name, remedy in _DATABASES:
        path = settings.home / name
        fault = sqlite_fault(path, thorough=True)
        if fault is not None:
            found.append(Finding(what=what, ok=False, found=f"{path} is damaged: {fault}", remedy=remedy))
    return found or [Finding(what="databases", ok=True, found="whole, or still to be made")]


def _watched(looks: Iterator[None], num_files: int) -> Iterator[None]:
    from rich.progress import track

    yield from track(
        looks, "opening the lake's files", num_files, console=err, transient=True, disable=not err.is_terminal
    )


def _told(num_files: int, faults: list[Fault]) -> str:
    by_table = Counter(fault.file.table for fault in faults)
    tables = ", ".join(f"{number} of {table}" for table, number in sorted(by_table.items()))
    shown = "; ".join(f"{fault.file.path} {fault.reason}" for fault in faults[:_SHOWN])
    more = f"; and {len(faults) - _SHOWN:,} more" if len(faults) > _SHOWN else ""
    return f"{len(faults):,} of {num_files:,} files are lost ({tables}): {shown}{more}"


def _remedy(lake: Lake, faults: list[Fault]) -> str:
    if any(fault.file.is_current for fault in faults):
        return f"put them back from a backup of {lake.data_path}; without one, {_NEW_HOME}"
    return (
        f"only snapshots of the past read them: put them back from a backup of {lake.data_path}, or let go of that "
        "past: uniscale maintain --keep-days 0"
    )
