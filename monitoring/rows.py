"""Sampled rows of training days, population by population: what a classifier and Evidently look at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import duckdb
import pandas as pd

from monitoring.profiling.stages import NUMERIC_INPUTS, numeric_columns
from uniscale.contracts.frames import FRAMES
from uniscale.contracts.literals import in_days
from uniscale.contracts.marts import ITEM_VERSIONS
from uniscale.contracts.tasks import LABELS

CATEGORY = "category_id"
"""The category of a sampled row's item, as known when the day had ended."""
COLUMNS = (*LABELS, CATEGORY, *NUMERIC_INPUTS)
"""What is sampled of a row."""


def sampled_rows(con: duckdb.DuckDBPyConnection, days: Sequence[date], max_rows: int) -> pd.DataFrame:
    """Rows of training frames, at most ``max_rows`` of each population, the same ones every time.

    Args:
        con: A lake connection.
        days: Training days; a population is sampled over all of them.
        max_rows: Rows of a population.

    Returns:
        Columns ``domain``, ``provenance``, ``query_tier``, ``user_id`` and `COLUMNS`; NaN where a value is missing.
    """
    labels = ", ".join(LABELS)
    unnested = ", ".join(f"unnest({name}) as {name}" for name in ("item_ids", "provenance", *LABELS, "item_numeric"))
    query = f"""
        with
        rows as (
            select sample_id, ds, unnest(item_ids) as item_ids, unnest(provenance) as provenance, domain, query_tier
            from lake.{FRAMES.qualified} where split = 'train' and {in_days(days)}
        ),
        kept as (
            select ds, sample_id, item_ids from rows
            qualify row_number() over (
                partition by domain, provenance, query_tier order by md5_number_lower(sample_id || item_ids), sample_id
            ) <= {max_rows}
        ),
        values_of as (
            select ds, sample_id, user_id, domain, query_tier, user_numeric, query_numeric, {unnested}
            from lake.{FRAMES.qualified} semi join kept using (ds, sample_id)
            where split = 'train' and {in_days(days)}
        ),
        found as (from values_of semi join kept using (ds, sample_id, item_ids)),
        versions as (select item_id, known_from, category_id from lake.{ITEM_VERSIONS.qualified})
        select domain, provenance, query_tier, user_id, {labels}, versions.{CATEGORY}, {numeric_columns()}
        from found
        asof left join versions on found.item_ids = versions.item_id and found.ds + interval 1 day > versions.known_from
        order by found.ds, sample_id, item_ids
    """
    return con.execute(query).df()
