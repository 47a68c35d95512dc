"""The ledger of all days: which steps are done, in how many seconds, and what they found."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import duckdb

from uniscale.contracts.outcomes import STEPS
from uniscale.lake.lake import table_has
from uniscale.pipeline.ledger import entries, finish_of
from uniscale.pipeline.results import DayResults, read_entry
from uniscale.ui.queries.judged import Row, rows_of

_PLAIN = tuple(name for name in STEPS.column_names if name != "details")


def timings(con: duckdb.DuckDBPyConnection) -> dict[date, dict[str, Row]]:
    """Entries of the ledger by day and step, without what the steps found."""
    if not table_has(con, STEPS):
        return {}
    found: dict[date, dict[str, Row]] = {}
    for row in rows_of(con, f"select {', '.join(_PLAIN)} from lake.{STEPS.qualified} order by ds"):
        found.setdefault(row["ds"], {})[row["step"]] = row
    return found


def day_results(con: duckdb.DuckDBPyConnection, ds: date) -> tuple[DayResults, Mapping[str, str]]:
    """What the steps of a day found, and by step why it cannot be read: code of another time wrote it."""
    found, unread = {}, {}
    for step, entry in entries(con, ds).items():
        try:
            found[step] = read_entry(entry)
        except (ValueError, KeyError) as error:
            unread[step] = str(error)
    known = {name: value for name, value in found.items() if name in DayResults.__dataclass_fields__}
    return DayResults(**known), unread


def inputs_of_day(con: duckdb.DuckDBPyConnection, ds: date) -> dict[str, dict[str, Any]]:
    """By step what its result depended on and ``code``, as far as the lake's history still holds it."""
    found = {}
    for step, entry in entries(con, ds).items():
        finish = finish_of(con, entry)
        if finish is not None:
            found[step] = {**finish.inputs, "code": finish.code}
    return found


def code_versions(con: duckdb.DuckDBPyConnection, ds: date) -> list[str]:
    """Versions of the code that did the steps of a day."""
    return sorted({entry["code_version"] for entry in entries(con, ds).values()})


def values_over_days(
    con: duckdb.DuckDBPyConnection, step: str, paths: tuple[str, ...], first: date = date.min, last: date = date.max
) -> dict[date, dict[str, Any]]:
    """Values of a step's results over days, each by its JSON path, ``$.rows`` say; JSON text or a plain value."""
    if not table_has(con, STEPS):
        return {}
    taken = ", ".join("details ->> ?" for _ in paths)
    rows = con.execute(
        f"select ds, {taken} from lake.{STEPS.qualified} where step = ? and ds between ? and ? order by ds",
        [*paths, step, first, last],
    ).fetchall()
    return {ds: dict(zip(paths, values, strict=True)) for ds, *values in rows}
