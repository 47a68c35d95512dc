"""A few samples of a day by where their labels and queries come from, to follow with `uniscale.lineage.sample`."""

from __future__ import annotations

from datetime import date
from typing import Any

from uniscale.contracts.samples import SAMPLES
from uniscale.contracts.tasks import LABELS
from uniscale.lake import Lake
from uniscale.lake.lake import table_has

TIERS = {0: "real", 1: "own past", 2: "co-occurring", 3: "nearest"}
"""Where a sample's query comes from, by ``query_tier``."""


def some_samples(lake: Lake, ds: date, each: int) -> list[dict[str, Any]]:
    """Samples of a day by tier of the query and provenance of the items.

    Args:
        lake: The lake.
        ds: Day of the samples.
        each: Identifiers to give of each kind: first those with the most labels of the kind.

    Returns:
        Per tier and provenance that the day has: ``query_tier``, ``query`` (the tier in words), ``provenance``,
        ``num_samples``, ``num_items`` and ``sample_ids``.

    Raises:
        ValueError: The day has no samples; the message tells the days that have.
        FileNotFoundError: There is no lake.
    """
    with lake.read() as con:
        held = None
        if table_has(con, SAMPLES):
            held = con.execute(
                f"select min(ds), max(ds), bool_or(ds = ?) from lake.{SAMPLES.qualified}", [ds]
            ).fetchone()
        if held is None or not held[2]:
            others = f"; there are samples of {held[0]}..{held[1]}" if held is not None and held[0] else ""
            raise ValueError(f"there are no samples of {ds}: run uniscale build {ds}{others}")
        rows = con.execute(
            f"""
            with items as (
                select
                    query_tier,
                    sample_id,
                    unnest(provenance) as provenance,
                    {" or ".join(f"unnest({label})" for label in LABELS)} as is_labelled
                from lake.{SAMPLES.qualified}
                where ds = ?
            ),
            kinds as (
                select query_tier, provenance, sample_id, count(*) as num_items, count_if(is_labelled) as num_labels
                from items
                group by all
            )
            select
                query_tier,
                provenance,
                count(*),
                sum(num_items)::bigint,
                list(sample_id order by num_labels desc, sample_id)[:?]
            from kinds
            group by query_tier, provenance
            order by query_tier, provenance
            """,
            [ds, each],
        ).fetchall()
    names = ("query_tier", "provenance", "num_samples", "num_items", "sample_ids")
    found = [dict(zip(names, row, strict=True)) for row in rows]
    return [{**kind, "query": TIERS[kind["query_tier"]]} for kind in found]
