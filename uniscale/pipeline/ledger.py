"""The ledger of finished steps: what was done for a day, from which inputs, by which code, in how many seconds.

A step that was killed leaves no entry and is done again. A step whose inputs and code are unchanged is not.
"""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
from pydantic_core import to_jsonable_python

from uniscale.checkout import code_version
from uniscale.contracts.code import code_of
from uniscale.contracts.outcomes import STEPS
from uniscale.lake import Lake
from uniscale.lake.keys import input_key
from uniscale.lake.lake import table_has


def finished(lake: Lake, ds: date, step: str) -> dict[str, Any] | None:
    """The ledger's entry of a step of a day, or None."""
    if not lake.exists():
        return None
    with lake.read() as con:
        return entries(con, ds).get(step)


def entries(con: duckdb.DuckDBPyConnection, ds: date) -> dict[str, dict[str, Any]]:
    """The ledger's entries of a day by step."""
    if not table_has(con, STEPS):
        return {}
    names = STEPS.column_names
    rows = con.execute(f"select {', '.join(names)} from lake.{STEPS.qualified} where ds = ?", [ds]).fetchall()
    return {entry["step"]: entry for row in rows for entry in [dict(zip(names, row, strict=True))]}


def as_json(found: Any) -> str:
    """What a step found as the ledger keeps it: JSON-like values, dataclasses of them included."""
    return json.dumps(to_jsonable_python(found))


@dataclass(frozen=True, kw_only=True, slots=True)
class Finish:
    """The commit that wrote a step of a day into the ledger.

    Attributes:
        snapshot_id: Lake snapshot of the commit: the state right after the step.
        inputs: What the step's result depended on apart from the code.
        code: Hash of the code it comes from (`uniscale.contracts.code.code_of`).
    """

    snapshot_id: int
    inputs: Mapping[str, Any]
    code: str


def finish_of(con: duckdb.DuckDBPyConnection, entry: Mapping[str, Any]) -> Finish | None:
    """When an entry of the ledger was written, and from what; None if its snapshot has expired.

    Args:
        con: An open lake connection.
        entry: As `finished` gives it.
    """
    rows = con.execute(
        "select snapshot_id, commit_extra_info from ducklake_snapshots('lake') "
        "where commit_message = ? and commit_extra_info is not null order by snapshot_id desc",
        [_message(entry["ds"], entry["step"])],
    ).fetchall()
    for snapshot_id, extra in rows:
        made_from = json.loads(extra)
        if made_from["input_key"] == entry["input_key"]:
            return Finish(snapshot_id=snapshot_id, inputs=made_from["inputs"], code=made_from["code"])
    return None


def run_step(
    lake: Lake,
    ds: date,
    step: str,
    inputs: Mapping[str, Any],
    work: Callable[[], Any],
    *,
    force: bool = False,
) -> tuple[dict[str, Any], bool]:
    """Do a step once: skip it when the ledger holds it with the same inputs and code, else do it and write it down.

    Args:
        lake: The lake.
        ds: Day of the run.
        step: Step name, one word.
        inputs: What the result depends on apart from the code: settings, and the input keys of the steps before.
        work: Does the step; returns what it found: JSON-like values, dataclasses of them included.
        force: Do it even if the ledger holds it.

    Returns:
        The ledger's entry, and whether the step was done now (False: it was finished before).
    """
    key = input_key({"inputs": inputs, "code": code_of(step)})
    entry = finished(lake, ds, step)
    if entry is not None and entry["input_key"] == key and not force:
        return entry, False
    snapshot = lake.snapshot_id() if lake.exists() else 0
    start = time.monotonic()
    details = work()
    entry = {
        "ds": ds,
        "step": step,
        "input_key": key,
        "code_version": code_version(),
        "snapshot_id": snapshot,
        "seconds": time.monotonic() - start,
        "peak_mib": _peak_mib(),
        "details": as_json(details),
    }
    _write(lake, entry, {"input_key": key, "inputs": inputs, "code": code_of(step)})
    return entry, True


def _peak_mib() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return max(own, children) / 1024


def _write(lake: Lake, entry: dict[str, Any], made_from: Mapping[str, Any]) -> None:
    """Write the entry down; what it was made from is kept with the snapshot, as long as the snapshot is."""

    def work(con: duckdb.DuckDBPyConnection) -> None:
        Lake.create(con, STEPS)
        con.execute(f"delete from lake.{STEPS.qualified} where ds = ? and step = ?", [entry["ds"], entry["step"]])
        marks = ", ".join("?" for _ in STEPS.columns)
        con.execute(f"insert into lake.{STEPS.qualified} values ({marks})", [entry[c.name] for c in STEPS.columns])

    extra = json.dumps(made_from, sort_keys=True, default=str)
    lake.commit(work, _message(entry["ds"], entry["step"]), extra)


def _message(ds: date, step: str) -> str:
    return f"{step} of {ds} finished"
