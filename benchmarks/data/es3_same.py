"""Are samples that were made another way the lake's? Counts must be equal; how many records are identical is said."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from uniscale.contracts.samples import SAMPLES
from uniscale.contracts.sequences import SEQUENCES

_TIERS = "query_tier < 3"
"""The nearest query (tier 3) is a matter of vectors and is left out of what is compared."""
_NOT_COMPARED = {"policy_version"}


def compare(
    con: duckdb.DuckDBPyConnection, ds: date, out: Path, *, exposures: int, attributed: Mapping[str, int]
) -> dict[str, Any]:
    """Compare ``records.parquet`` and ``sequences.parquet`` of a folder, and the counts behind them, with the lake.

    Returns:
        ``counts`` (equal on both sides) and ``identical``, the share of records that are equal in every column that the
        other way makes.

    Raises:
        ValueError: A count differs; the message has both sides.
    """
    other = {
        "exposures": exposures,
        "attributed": dict(sorted(attributed.items())),
        **_counts(con, f"'{out}/records.parquet'", f"'{out}/sequences.parquet'"),
    }
    sequences = f"(from lake.{SEQUENCES.qualified} where ds <= date '{ds}')"
    ours = {
        "exposures": _one(con, "select count(*) from lake.marts.fct_exposures"),
        "attributed": _pairs(con, "select action || ' to ' || target, count(*) from lake.marts.fct_attributions"),
        **_counts(con, f"lake.{SAMPLES.qualified}", sequences),
    }
    different = {name: (ours[name], other[name]) for name in ours if ours[name] != other[name]}
    if different:
        raise ValueError(f"{out.name} does not give the lake's samples; (lake, {out.name}): {different}")
    made = {name for name, *_ in con.execute(f"describe from '{out}/records.parquet'").fetchall()}
    columns = ", ".join(name for name in SAMPLES.column_names if name in made - _NOT_COMPARED)
    same = (
        f"(select {columns} from lake.{SAMPLES.qualified} intersect all select {columns} from '{out}/records.parquet')"
    )
    records = _one(con, f"select count(*) from '{out}/records.parquet'")
    return {"counts": ours, "identical": _one(con, f"select count(*) from {same}") / records}


def _counts(con: duckdb.DuckDBPyConnection, records: str, sequences: str) -> dict[str, Any]:
    items = f"(select query_tier, unnest(provenance) as provenance from {records} where {_TIERS})"
    return {
        "rows": _pairs(con, f"select 'tier ' || query_tier || ' ' || provenance, count(*) from {items}"),
        "requests": _pairs(con, f"select 'tier ' || query_tier, count(*) from {records} where {_TIERS}"),
        "clicked": _one(con, f"select sum(len(list_filter(is_clicked, lambda x: x))) from {records} where {_TIERS}"),
        "carted": _one(con, f"select sum(len(list_filter(is_carted, lambda x: x))) from {records} where {_TIERS}"),
        "purchased": _one(
            con, f"select sum(len(list_filter(is_purchased, lambda x: x))) from {records} where {_TIERS}"
        ),
        # As decimals, since a sum of doubles depends on its order.
        "weight": _one(
            con, f"select 1e4 * sum(list_sum([w::decimal(18, 4) for w in label_weight])) from {records} where {_TIERS}"
        ),
        "prefixes": _one(con, f"select sum(sequence_length) from {records} where {_TIERS}"),
        "actions": _one(con, f"select sum(len(item_ids)) from {sequences}"),
    }


def _one(con: duckdb.DuckDBPyConnection, query: str) -> int:
    row = con.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def _pairs(con: duckdb.DuckDBPyConnection, query: str) -> dict[str, int]:
    return dict(con.execute(f"{query} group by all order by all").fetchall())
