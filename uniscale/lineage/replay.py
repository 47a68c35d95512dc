"""Build a past day's run again from what its steps read, in a lake of its own, and compare.

The raw tables come from the snapshot that step `marts` read, settings and policy from what the ledger kept of the run.
The steps are the real ones. What they give must equal what the installation holds.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import yaml
from pydantic import TypeAdapter

from uniscale.checkout import code_version
from uniscale.config import Settings
from uniscale.config.settings import LakeSettings
from uniscale.contracts.code import code_of
from uniscale.contracts.events import EVENT_TABLES
from uniscale.contracts.literals import quoted, quoted_file
from uniscale.contracts.policy import load_policy
from uniscale.contracts.schema import Table
from uniscale.lake import Lake
from uniscale.lake.lake import table_has
from uniscale.lake.snapshots import snapshot
from uniscale.lineage.compare import Partition, compare
from uniscale.pipeline.ledger import Finish, finish_of, finished
from uniscale.pipeline.steps import DAY_STEPS, day_step

STEPS = tuple(step.name for step in DAY_STEPS if step.is_replayed)
"""The steps that are replayed, as far as the run did them."""

_NOT_RESTORED = ("source", "policy")  # the raw tables are copied; the policy is a file of its own


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """What the ledger says about the run of a day.

    Attributes:
        ds: Last training day.
        steps: Steps that can be replayed, in order.
        read_at: Lake snapshot that the first of them read.
        written_at: Lake snapshot right after the last of them.
        code_version: Code that ran.
        inputs: Settings and policy that decided the result, by name.
    """

    ds: date
    steps: tuple[str, ...]
    read_at: int
    written_at: int
    code_version: str
    inputs: Mapping[str, Any]


def find_run(lake: Lake, ds: date, *, any_code: bool = False) -> Run:
    """The run of a day as the ledger has it.

    Args:
        lake: The lake.
        ds: Last training day.
        any_code: Accept that other code ran.

    Raises:
        ValueError: The day was never run, it was run by other code, or its snapshots have expired.
        FileNotFoundError: There is no lake.
    """
    with lake.read() as con:
        entries = {step: entry for step in ("land", *STEPS) if (entry := finished(lake, ds, step)) is not None}
        if STEPS[0] not in entries:
            raise ValueError(f"step {STEPS[0]} of {ds} was never finished, so there is nothing to replay; {_runs(con)}")
        finishes = {step: _finish(con, entry) for step, entry in entries.items()}
    done = [STEPS[0]]
    for before, step in pairwise(STEPS):
        # A step that went on from an earlier form of the step before it belongs to another run.
        if step not in entries or finishes[step].inputs.get("before") != entries[before]["input_key"]:
            break
        done.append(step)
    inputs: dict[str, Any] = {}
    for finish in finishes.values():
        inputs |= finish.inputs
    built = [entries[step] for step in done]
    other = sorted({entries[step]["code_version"] for step in done if finishes[step].code != code_of(step)})
    if other and not any_code:
        raise ValueError(
            f"the run of {ds} was done by code {', '.join(other)}, this is {code_version()}; check the commit in front "
            "of the dash out and replay there, or compare the two codes with --any-code"
        )
    return Run(
        ds=ds,
        steps=tuple(done),
        read_at=built[0]["snapshot_id"],
        written_at=finishes[done[-1]].snapshot_id,
        code_version=built[0]["code_version"],
        inputs=inputs,
    )


def _finish(con: duckdb.DuckDBPyConnection, entry: Mapping[str, Any]) -> Finish:
    """The commit of a ledger entry; refuses one whose past is gone."""
    step, ds = entry["step"], entry["ds"]
    finish = finish_of(con, entry)
    if finish is None or (step == STEPS[0] and not snapshot(con, entry["snapshot_id"]).is_kept):
        raise ValueError(
            f"snapshot {entry['snapshot_id']}, which step {step} of {ds} read, has expired (uniscale maintain keeps 30 "
            "days, uniscale forget keeps none), so the day cannot be replayed; it can be rebuilt: "
            f"uniscale step {step} {ds} --force"
        )
    return finish


def _runs(con: duckdb.DuckDBPyConnection) -> str:
    from uniscale.contracts.outcomes import STEPS as LEDGER

    days: list[str] = []
    if table_has(con, LEDGER):
        rows = con.execute(f"select distinct ds from lake.{LEDGER.qualified} where step = ? order by ds", [STEPS[0]])
        days = [str(row[0]) for row in rows.fetchall()]
    return f"days that were run: {', '.join(days)}" if days else "no day was run yet; run: uniscale day DS"


def replay_run(settings: Settings, lake: Lake, run: Run, tell: Callable[[str], None]) -> list[Partition]:
    """Build the run again and compare every partition it has.

    Args:
        settings: The installation; what decided the result comes from the run.
        lake: Its lake; only read.
        run: As `find_run` gives it.
        tell: Takes a sentence about what is done next.

    Returns:
        The compared partitions, by table and day.
    """
    with _scratch(settings) as folder:
        then = restored(settings, run, folder)
        copy = Lake(then)
        for table in EVENT_TABLES:
            tell(f"copying {table.qualified}")
            _copy(lake, run.read_at, table, copy, folder)
        for step in run.steps:
            tell(f"running step {step}")
            day_step(step).work(then, copy, run.ds, False)
        tell("comparing")
        return compare(copy, lake, run.written_at)


def restored(settings: Settings, run: Run, folder: Path) -> Settings:
    """Settings of the scratch installation: those of the run where they decide the result, a lake of its own."""
    now = settings.model_dump(mode="json")
    then: dict[str, Any] = {}
    for name, value in run.inputs.items():
        section, _, field = name.partition(".")
        if section in now and section not in _NOT_RESTORED:
            then[section] = {**then.get(section, now[section]), field: value} if field else value
    kinds: dict[str, Any] = {name: field.annotation for name, field in type(settings).model_fields.items()}
    values = {name: TypeAdapter(kinds[name]).validate_python(value) for name, value in then.items()}
    policy = folder / "policy.yaml"
    policy.write_text(yaml.safe_dump(run.inputs["policy"]), encoding="utf-8")
    load_policy(policy)
    lake = LakeSettings.model_validate({**settings.lake.model_dump(), "catalog": None, "data_path": None})
    return settings.model_copy(update={**values, "policy": policy, "home": folder, "lake": lake})


@contextmanager
def _scratch(settings: Settings) -> Iterator[Path]:
    """An empty folder of the installation, removed however this ends; what a killed replay left is removed first."""
    folder = settings.home / "replay"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy(lake: Lake, snapshot_id: int, table: Table, copy: Lake, folder: Path) -> None:
    """Copy a raw table as it was at a snapshot."""
    file = folder / "raw.parquet"
    with lake.read(snapshot_id) as con:
        if not table_has(con, table):
            return
        columns = ", ".join(f'"{name}"' for name in table.column_names)
        con.execute(f"copy (select {columns} from lake.{table.qualified}) to {quoted(file)} (format parquet)")
    rows = f"from read_parquet({quoted_file(file)})"
    copy.commit(lambda con: Lake.replace(con, table, "true", rows), f"copy of {table.name}")
    file.unlink()
