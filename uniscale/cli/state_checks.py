"""What `uniscale doctor` looks at in the state of an installation: its lake and its databases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import duckdb

from uniscale.cli.finding import Finding
from uniscale.cli.lost import lost_files
from uniscale.config import Settings
from uniscale.config.sqlite_files import sqlite_fault
from uniscale.console import err
from uniscale.contracts.events import EVENT_TABLES
from uniscale.contracts.outcomes import PARTITIONS
from uniscale.lake import Lake
from uniscale.lake.files import Fault, files_of, find_faults
from uniscale.lake.lost import LostPart, lost_parts, refuse_without_files
from uniscale.pipeline.repair import can_be_made_again

_NEW_HOME = "name another home (UNISCALE_HOME), land the logs there and run the days again"
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


def check_lake(settings: Settings) -> list[Finding]:
    """Whether the lake opens, and every file that its catalogue names can be read; what is lost, table by table."""
    from uniscale.lake.extensions import connect

    kind, _, location = settings.lake_catalog.partition(":")
    fault = sqlite_fault(Path(location), thorough=True) if kind == "sqlite" else None
    if fault is not None:
        remedy = f"put a copy from a backup in its place, with the data of that time; without one, {_NEW_HOME}"
        return [Finding(what="lake", ok=False, found=f"the catalogue {location} is damaged: {fault}", remedy=remedy)]
    try:
        connect(settings.lake_catalog).close()
        lake = Lake(settings)
        if not lake.exists() or (kind == "sqlite" and Path(location).stat().st_size == 0):
            return [Finding(what="lake", ok=True, found="DuckLake loads; no lake yet")]
        with lake.read() as con:
            files = files_of(lake, con)
            faults = find_faults(con, files, _watched)
            refuse_without_files(lake, faults)
            sources = _sources(con, faults)
        snapshot = lake.snapshot_id()
    except (RuntimeError, ValueError, OSError, duckdb.Error) as error:
        return [Finding(what="lake", ok=False, found=settings.lake_catalog, remedy=str(error).splitlines()[0])]
    known = [fault for fault in faults if fault.file.is_taken_out]
    unknown = [fault for fault in faults if not fault.file.is_taken_out]
    told = f"snapshot {snapshot}, {len(files):,} files"
    past = f" but {len(known):,} of the past, which were taken out" if known else ""
    if not unknown:
        return [Finding(what="lake", ok=True, found=f"{told}, all can be read{past}")]
    by_table = ", ".join(f"{n} of {table}" for table, n in sorted(Counter(f.file.table for f in unknown).items()))
    remedy = f"put them back from a backup of {lake.data_path}; without one, as said of each below"
    found = f"{told}; {len(unknown):,} are lost ({by_table})"
    return [Finding(what="lake", ok=False, found=found, remedy=remedy), *_lost(settings, unknown, sources)]


def _lost(settings: Settings, faults: list[Fault], sources: Mapping[date, str | None]) -> list[Finding]:
    findings = [
        Finding(what=part.name, ok=False, found=lost_files(part.faults), remedy=_remedy(settings, part, sources))
        for part in lost_parts(faults)
    ]
    past = [fault for fault in faults if not fault.file.is_current]
    if past:
        remedy = "only snapshots of the past read them; let go of that past: uniscale maintain --keep-days 0"
        findings.append(Finding(what="past of the lake", ok=False, found=lost_files(past), remedy=remedy))
    return findings


def _remedy(settings: Settings, part: LostPart, sources: Mapping[date, str | None]) -> str:
    if can_be_made_again(part):
        return "uniscale repair"
    if part.table in {table.qualified for table in EVENT_TABLES} and part.day is not None:
        source = sources.get(part.day) or "events"
        folder = settings.source.events_dir if source == "events" else None
        return f"uniscale unland {part.day}, then land the day again: uniscale ingest {source} {folder or 'PATH'}"
    return _NEW_HOME


def _sources(con: duckdb.DuckDBPyConnection, faults: list[Fault]) -> Mapping[date, str | None]:
    """From what each landed day is, unless that is lost too."""
    from uniscale.sources.landed import landed_days

    is_lost = any(fault.file.table == PARTITIONS.qualified and fault.file.is_current for fault in faults)
    return {} if is_lost or not faults else landed_days(con)


def check_databases(settings: Settings) -> list[Finding]:
    """Whether the databases next to the lake are whole; one that is not there yet is no fault."""
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
