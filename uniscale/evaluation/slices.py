"""Which test requests belong to a slice, and metrics on these alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from math import log1p

import duckdb
import numpy as np

from uniscale.contracts.frames import FRAMES, NUMERIC
from uniscale.contracts.slices import NEW_ITEM_DAYS, SLICES
from uniscale.evaluation.outcomes import Array, Outcomes, Scores
from uniscale.lake.lake import table_has


def find_slices(con: duckdb.DuckDBPyConnection, days: Sequence[date], target_domain: str) -> dict[str, Array]:
    """Which requests belong to each slice, in the order of `uniscale.evaluation.outcomes.read_judged`.

    Args:
        con: An open lake connection.
        days: UTC days of the test requests.
        target_domain: Domain that is judged.

    Returns:
        A mask over the requests with a shown row by name of the slice, [R] each.
    """
    if not table_has(con, FRAMES) or not days:
        return {name: np.zeros(0, dtype=bool) for name in SLICES}
    read = con.execute(_QUERY, [target_domain, list(days), min(days), max(days)]).fetchnumpy()
    asked_R = np.asarray(np.ma.filled(read["asked"], 0.0), dtype=float)
    is_head_R, is_tail_R = thirds(asked_R)
    return {
        "head_query": is_head_R,
        "torso_query": ~is_head_R & ~is_tail_R,
        "tail_query": is_tail_R,
        "new_user": np.asarray(read["is_new_user"], dtype=bool),
        "new_item": np.asarray(read["has_new_item"], dtype=bool),
    }


def thirds(asked_R: Array) -> tuple[Array, Array]:
    """Which requests are of the third that was asked most, and of that asked least; equal ones stay together."""
    low, high = np.quantile(asked_R, [1 / 3, 2 / 3]) if len(asked_R) else (0.0, 0.0)
    return (asked_R >= high) & (asked_R > low), asked_R <= low


def within(mask_R: Array, outcomes: Outcomes, scores: Scores) -> tuple[Outcomes, Scores]:
    """The rows of the requests of a slice; requests keep their numbers, so resamples are shared with the whole."""
    kept_N = mask_R[outcomes.request_N]
    names = ("request_N", "is_first_N", "is_clicked_N", "is_carted_N", "is_purchased_N", "purchase_value_N")
    return (
        replace(outcomes, **{name: getattr(outcomes, name)[kept_N] for name in names}),
        Scores(click_N=scores.click_N[kept_N], cart_N=scores.cart_N[kept_N], purchase_N=scores.purchase_N[kept_N]),
    )


def _input(column: str, names: Sequence[str], name: str) -> str:
    return f"coalesce(nullif({column}[{names.index(name) + 1}], 'nan'::float), 0)"


_AGE = NUMERIC.item.index("log_hours_since_item_listed") + 1
_QUERY = f"""
    select
        {_input("query_numeric", NUMERIC.query, "log_query_num_requests_30d")} as asked,
        {_input("user_numeric", NUMERIC.user, "log_user_num_requests_30d")} = 0
            and {_input("user_numeric", NUMERIC.user, "log_user_num_clicks_30d")} = 0 as is_new_user,
        len(list_filter(
            list_zip(is_clicked, is_exposed, item_numeric),
            lambda row: row[1] and row[2] and row[3][{_AGE}] < {log1p(24 * NEW_ITEM_DAYS)}
        )) > 0 as has_new_item
    from lake.{FRAMES.qualified}
    where split = 'eval' and domain = ? and list_contains(?, ds) and ds between ? and ? and list_bool_or(is_exposed)
    order by ds, sample_id
"""
