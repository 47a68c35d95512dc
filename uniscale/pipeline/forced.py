"""Steps that are done by force: all that they made counts as missing until they have finished, whoever kills them.

That a step is forced is noted in the lake next to what partitions were built from, so the next run goes on forced.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date

import duckdb

from uniscale.contracts.outcomes import PARTITIONS, STEPS
from uniscale.lake import Lake
from uniscale.lake.lake import table_has
from uniscale.lake.partitions import mark_built


def ask_force(lake: Lake, ds: date, names: Sequence[str]) -> None:
    """Have several steps done by force, also those that a kill of the first leaves to a later run."""
    if lake.exists():
        lake.commit(lambda con: _begin(con, ds, names), f"{', '.join(names)} of {ds} are forced")


@contextmanager
def forcing(lake: Lake, ds: date, name: str, asked: bool) -> Iterator[bool]:
    """Do a step by force if that is asked for, or was and has not been finished since.

    While the block runs the step is not in the ledger; when it ends without an error the force ends too.

    Args:
        lake: The lake.
        ds: Day of the run.
        name: Step name.
        asked: Whether force is asked for now.

    Yields:
        Whether the step is to do all of its work again.
    """
    if not lake.exists():  # nothing is there that could pass for done
        yield asked
        return
    with lake.read() as con:
        forced = asked or _is_noted(con, ds, name)
    if forced:
        lake.commit(lambda con: _begin(con, ds, [name]), f"{name} of {ds} is forced")
    yield forced
    if forced:
        lake.commit(lambda con: _end(con, ds, name), f"{name} of {ds} was forced")


def _begin(con: duckdb.DuckDBPyConnection, ds: date, names: Sequence[str]) -> None:
    for name in names:
        mark_built(con, _note(name), {ds: "forced"})
        if table_has(con, STEPS):
            con.execute(f"delete from lake.{STEPS.qualified} where ds = ? and step = ?", [ds, name])


def _end(con: duckdb.DuckDBPyConnection, ds: date, name: str) -> None:
    con.execute(f"delete from lake.{PARTITIONS.qualified} where table_name = ? and ds = ?", [_note(name), ds])


def _is_noted(con: duckdb.DuckDBPyConnection, ds: date, name: str) -> bool:
    if not table_has(con, PARTITIONS):
        return False
    query = f"select 1 from lake.{PARTITIONS.qualified} where table_name = ? and ds = ?"
    return con.execute(query, [_note(name), ds]).fetchone() is not None


def _note(name: str) -> str:
    return f"forced/{name}"
