"""Profiles of all populations of a relation: each column is read once, whatever the number of populations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from uniscale.contracts.literals import identifier
from uniscale.contracts.monitor import MAX_VALUES, QUANTILES

CELL = ("ds", "domain", "provenance", "query_tier")
"""Columns of a relation that name the day of a row, and its population."""

ITEM_FACTS = {
    "title": "text",
    "category_id": "category",
    "brand_id": "category",
    "shop_id": "category",
    "price": "number",
}
"""Facts of an item, and how each is described."""

NO_LABELS = "null::timestamp as label_as_of"
"""SQL of ``label_as_of`` where rows have no label."""

MIN_VALUE_ROWS = 5
"""Rows of a value that a profile names: it is kept for ever, and is to name nobody."""

_DIGITS = 9
"""Digits that count: sums of floating-point numbers depend on the order of rows in the last ones."""
_COLUMNS_AT_ONCE = 32
"""Numbers described by one query: exact quantiles hold a column's values in memory."""
_STATISTICS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """Rows of one stage, and how their columns are described.

    Attributes:
        stage: One of `uniscale.contracts.monitor.STAGES`.
        sql: Query with the columns of `CELL`, ``group_id`` (request or other group), ``weight``, ``label_as_of`` and
            the described ones.
        columns: Name to kind, one of `uniscale.contracts.monitor.KINDS`.
    """

    stage: str
    sql: str
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Cell:
    """A population of the relation."""

    num_rows: int
    num_requests: int
    weight: float
    label_as_of: datetime | None


def profiles(con: duckdb.DuckDBPyConnection, rows: Rows) -> list[dict[str, Any]]:
    """Rows of ``monitor.profiles``; a column without any value is one of them.

    Quantiles are exact. A result does not depend on the order of rows.

    Args:
        con: A connection that reads what ``rows.sql`` reads; it gets a temporary table for the time of the call.
        rows: The relation.

    Returns:
        By day, population and column, in their order.
    """
    con.execute(f"create or replace temp table profiled as {rows.sql}")
    try:
        cells = _cells(con)
        found = [
            *_numbers(con, {name: kind for name, kind in rows.columns.items() if kind != "category"}),
            *_categories(con, [name for name, kind in rows.columns.items() if kind == "category"], cells),
        ]
    finally:
        con.execute("drop table temp.profiled")
    by_key = {(cell, name): facts for cell, name, facts in found}
    return [
        _profile(rows, cell, name, cells[cell], by_key[cell, name])
        for cell in sorted(cells, key=str)
        for name in rows.columns
    ]


def population_name(stage: str, parts: Sequence[Any]) -> str:
    """Name of a population from its stage, and its domain, provenance and query tier."""
    return "/".join(str(part) for part in (stage, *parts) if part is not None)


def _profile(rows: Rows, cell: tuple[Any, ...], name: str, size: _Cell, facts: Mapping[str, Any]) -> dict[str, Any]:
    ds, domain, provenance, query_tier = cell
    return {
        "ds": ds,
        "population": population_name(rows.stage, cell[1:]),
        "stage": rows.stage,
        "domain": domain,
        "provenance": provenance,
        "query_tier": query_tier,
        "column_name": name,
        "kind": rows.columns[name],
        "num_rows": size.num_rows,
        "num_requests": size.num_requests,
        "weight": size.weight,
        "label_as_of": size.label_as_of,
        **dict.fromkeys(("mean", "std", "quantiles", "top_values", "top_counts")),
        **facts,
    }


def _cells(con: duckdb.DuckDBPyConnection) -> dict[tuple[Any, ...], _Cell]:
    found = con.execute(
        f"""
        select {", ".join(CELL)}, count(*), count(distinct group_id), sum(weight), max(label_as_of)
        from temp.profiled group by all
        """
    ).fetchall()
    return {row[:4]: _Cell(row[4], row[5], _rounded(float(row[6])), row[7]) for row in found}


def _numbers(con: duckdb.DuckDBPyConnection, columns: Mapping[str, str]) -> Iterator[tuple[Any, str, dict[str, Any]]]:
    listed = list(columns.items())
    for begin in range(0, len(listed), _COLUMNS_AT_ONCE):
        part = listed[begin : begin + _COLUMNS_AT_ONCE]
        statistics = ", ".join(_statistics(name, kind) for name, kind in part)
        query = f"select {', '.join(CELL)}, count(*), {statistics} from temp.profiled group by all"
        for row in con.execute(query).fetchall():
            for (name, kind), start in zip(part, range(5, len(row), _STATISTICS), strict=True):
                known, distinct, mean, std, quantiles = row[start : start + _STATISTICS]
                facts = {"num_nulls": row[4] - known, "num_distinct": distinct}
                if known:
                    facts |= {"mean": _rounded(mean), "std": _rounded(std)}
                    facts |= {"quantiles": None if kind == "flag" else [_rounded(value) for value in quantiles]}
                yield row[:4], name, facts


def _statistics(name: str, kind: str) -> str:
    column = identifier(name)
    value = {"number": f"nullif({column}::double, 'nan')", "text": f"length({column})::double"}.get(
        kind, f"{column}::integer::double"
    )
    quantiles = "null" if kind == "flag" else f"quantile_cont({value}, {list(QUANTILES)})"
    distinct = f"approx_count_distinct({column})"
    return f"count({value}), {distinct}, avg({value}), coalesce(stddev_samp({value}), 0), {quantiles}"


def _categories(
    con: duckdb.DuckDBPyConnection, names: Sequence[str], cells: Mapping[tuple[Any, ...], _Cell]
) -> Iterator[tuple[Any, str, dict[str, Any]]]:
    """All categories in one pass: a row per value, of which the most frequent are kept."""
    if not names:
        return
    values = ", ".join(f"{identifier(name)}::varchar as {identifier(name)}" for name in names)
    found = con.execute(
        f"""
        with
        long as (
            unpivot (select {", ".join(CELL)}, {values} from temp.profiled)
            on {", ".join(identifier(name) for name in names)} into name column_name value value
        ),
        counted as (select {", ".join(CELL)}, column_name, value, count(*) as n from long group by all),
        ranked as (
            select
                *, sum(n) over column_of_cell as num_known, count(*) over column_of_cell as num_distinct,
                row_number() over (partition by {", ".join(CELL)}, column_name order by n desc, value) as place
            from counted
            window column_of_cell as (partition by {", ".join(CELL)}, column_name)
        )
        select
            {", ".join(CELL)}, column_name, any_value(num_known), any_value(num_distinct),
            list(value order by place) filter (place <= {MAX_VALUES} and n >= {MIN_VALUE_ROWS}),
            list(n order by place) filter (place <= {MAX_VALUES} and n >= {MIN_VALUE_ROWS})
        from ranked group by all
        """
    ).fetchall()
    empty = {"num_distinct": 0, "top_values": [], "top_counts": []}
    facts: dict[tuple[Any, str], dict[str, Any]] = {
        (cell, name): {**empty, "num_nulls": size.num_rows} for cell, size in cells.items() for name in names
    }
    for *cell, name, known, distinct, top, counts in found:
        facts[tuple(cell), name] = {
            "num_nulls": cells[tuple(cell)].num_rows - int(known),
            "num_distinct": distinct,
            "top_values": top or [],
            "top_counts": counts or [],
        }
    for (cell, name), one in facts.items():
        yield cell, name, one


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def cell_of(ds: str = "ds", **known: str) -> str:
    """SQL of the columns of `CELL`: expressions by name, NULL for the others."""
    types = {"domain": "varchar", "provenance": "varchar", "query_tier": "integer"}
    return f"({ds})::date as ds, " + ", ".join(
        f"{known.get(name, 'null')}::{kind} as {name}" for name, kind in types.items()
    )
