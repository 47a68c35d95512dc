"""Content of built partitions: row counts and hashes that do not depend on the order of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from uniscale.contracts.alerts import ALERT_TABLES
from uniscale.contracts.all_tables import TABLES
from uniscale.contracts.literals import in_days, quoted
from uniscale.contracts.outcomes import PARTITIONS, STEPS
from uniscale.contracts.schema import Table
from uniscale.lake.lake import table_has

_BY_NAME = {table.qualified: table for table in TABLES}
_DERIVED = {name for name, table in _BY_NAME.items() if table.schema != "raw"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """What a partition holds.

    Attributes:
        rows: Number of rows.
        hash: Sum of the hashes of its rows, over all columns of the contract.
    """

    rows: int
    hash: int


EMPTY = Content(rows=0, hash=0)

NAMES_OF_RUNS = frozenset(
    {"model_version", "champion_version", "challenger_version", "snapshot_id", "evidence"}
    | {"changed_at", "version", "replaced", "baseline_version", "candidate_version"}
)
"""Columns that say which run wrote a row, not what it found."""


def partition_table(name: str) -> Table:
    """The table of a name in ``ops.partitions``, which may end in ``/split``."""
    return _BY_NAME[name.partition("/")[0]]


def read_keys(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, date], str]:
    """Build key of every partition of a derived table."""
    if not table_has(con, PARTITIONS):
        return {}
    rows = con.execute(f"select table_name, ds, build_key from lake.{PARTITIONS.qualified}").fetchall()
    return {(name, day): key for name, day, key in rows if name.partition("/")[0] in _DERIVED}


def read_content(con: duckdb.DuckDBPyConnection, name: str, days: Sequence[date]) -> dict[date, Content]:
    """Content of some days of a derived table; days without rows are left out."""
    table = partition_table(name)
    if not days or not table_has(con, table):
        return {}
    rows = con.execute(
        f"select ds, count(*), sum({_row_hash(table)}) from lake.{table.qualified} "
        f"where {_where(name, days)} group by ds"
    ).fetchall()
    return {day: Content(rows=count, hash=int(content)) for day, count, content in rows}


def whole_content(con: duckdb.DuckDBPyConnection) -> dict[str, Content]:
    """Content of every table of a lake by name, without `NAMES_OF_RUNS`.

    Left out are the ledger's, which tell when and how, and those of alerts, which tell what people were told meanwhile.
    """
    found = {}
    for table in TABLES:
        if table in (STEPS, PARTITIONS, *ALERT_TABLES) or not table_has(con, table):
            continue
        columns = ", ".join(f'"{name}"' for name in table.column_names if name not in NAMES_OF_RUNS)
        query = f"select count(*), coalesce(sum(hash({columns})), 0) from lake.{table.qualified}"
        [(count, content)] = con.execute(query).fetchall()
        found[table.qualified] = Content(rows=count, hash=int(content))
    return found


def differing_keys(
    ours: duckdb.DuckDBPyConnection, theirs: duckdb.DuckDBPyConnection, name: str, day: date, limit: int = 3
) -> list[dict[str, str]]:
    """Keys of rows of a day that only one of two lakes holds in this form, in order, the first few."""
    table = partition_table(name)
    keys = ", ".join(f'"{column}"' for column in table.key)
    query = f"select {keys}, {_row_hash(table)} as row_hash from lake.{table.qualified} where {_where(name, [day])}"
    with duckdb.connect() as con:
        for side, lake in (("ours", ours), ("theirs", theirs)):
            if table_has(lake, table):
                con.register(f"{side}_read", lake.execute(query).to_arrow_table())
                con.execute(f"create table {side} as from {side}_read")
            else:
                con.execute(f"create table {side} as from ours limit 0")
        rows = con.execute(
            f"""
            select distinct {keys}
            from ((from ours except all from theirs) union all (from theirs except all from ours))
            order by all
            limit {limit}
            """
        ).fetchall()
    return [{column: str(value) for column, value in zip(table.key, row, strict=True)} for row in rows]


def _row_hash(table: Table) -> str:
    columns = ", ".join(f'"{name}"' for name in table.column_names)
    return f"hash({columns})"


def _where(name: str, days: Sequence[date]) -> str:
    split = name.partition("/")[2]
    return in_days(days) + (f" and split = {quoted(split)}" if split else "")
