"""The challenger against the champion on parts of the test requests.

Slices are measured when a day is judged (``ml.comparisons``). Categories are a shop's own, so they are measured here,
from stored predictions and frames: the interval is 1.96 linearised standard errors of a weighted mean over requests.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

from uniscale.contracts.events import ITEMS
from uniscale.contracts.frames import FRAMES
from uniscale.contracts.outcomes import COMPARISONS, PREDICTIONS
from uniscale.contracts.slices import SLICES
from uniscale.lake.lake import table_has

MOST_CATEGORY_DAYS = 28
"""Days over which categories are measured."""

_TOP_CATEGORIES = 6
_Z = 1.96


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """A way to part the requests: what it says, and its slices in order."""

    said: str
    slices: tuple[str, ...]


def _told(*names: str) -> Kind:
    said = "; ".join(f"{SLICES[name].title}: {SLICES[name].description}" for name in names)
    return Kind(said=said, slices=names)


KINDS = {
    "query": _told("head_query", "torso_query", "tail_query"),
    "user": _told("new_user"),
    "item": _told("new_item"),
    "category": Kind(said=f"Category of most shown items, the {_TOP_CATEGORIES} with most requests", slices=()),
}
"""What requests can be parted by."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sliced:
    """A metric on a part of a day's test requests: of both rankers, and their paired difference with its interval."""

    ds: date
    part: str
    baseline: float | None
    candidate: float | None
    difference: float | None
    low: float | None
    high: float | None
    num_requests: int

    @property
    def as_metric(self) -> dict[str, Any]:
        """The difference as a row of ``ml.metrics`` names it."""
        return {
            "value": self.difference,
            "ci_low": self.low,
            "ci_high": self.high,
            "num_requests": self.num_requests,
        }


def compared_slices(
    con: duckdb.DuckDBPyConnection, names: tuple[str, ...], metric: str, first: date, last: date
) -> list[Sliced]:
    """The challenger against the champion on slices, by day, in the order of ``names``."""
    if not table_has(con, COMPARISONS):
        return []
    rows = con.execute(
        "select ds, slice, baseline, candidate, difference, ci_low, ci_high, num_requests "
        f"from lake.{COMPARISONS.qualified} where list_contains(?, slice) and metric = ? and ds between ? and ? "
        "and baseline_role = 'champion' and candidate_role = 'challenger' order by list_position(?, slice), ds",
        [list(names), metric, first, last, list(names)],
    ).fetchall()
    return [
        Sliced(
            ds=ds,
            part=SLICES[name].title,
            baseline=baseline,
            candidate=candidate,
            difference=difference,
            low=low,
            high=high,
            num_requests=requests,
        )
        for ds, name, baseline, candidate, difference, low, high, requests in rows
    ]


def gauc_by_category(con: duckdb.DuckDBPyConnection, first: date, last: date) -> list[Sliced]:
    """GAUC of challenger and champion by category, by run day: the categories with most requests, largest first."""
    if not all(table_has(con, table) for table in (PREDICTIONS, FRAMES, ITEMS)):
        return []
    rows = con.execute(_QUERY, {"first": first, "last": last}).fetchall()
    sizes: dict[str, int] = {}
    for _, part, *_, requests in rows:
        sizes[part] = sizes.get(part, 0) + requests
    order = sorted(sizes, key=lambda part: (-sizes[part], part))[:_TOP_CATEGORIES]
    return [
        Sliced(
            ds=ds,
            part=part,
            baseline=baseline,
            candidate=candidate,
            difference=difference,
            low=difference - _Z * error,
            high=difference + _Z * error,
            num_requests=requests,
        )
        for ds, part, baseline, candidate, difference, error, requests in sorted(
            (row for row in rows if row[1] in order), key=lambda row: (order.index(row[1]), row[0])
        )
    ]


_QUERY = f"""
with predicted as (
    select ds, role, request_id, unnest(item_ids) as item_id, unnest(click_probability) as score
    from lake.{PREDICTIONS.qualified} where ds between $first and $last
),
items as (
    select sample_id as request_id, unnest(item_ids) as item_id, unnest(is_exposed) as is_exposed,
        unnest(is_clicked) as is_clicked
    from lake.{FRAMES.qualified}
    where split = 'eval' and ds > $first and sample_id in (select request_id from predicted)
),
categories as (select item_id, arg_max(category_id, valid_from) as category from lake.{ITEMS.qualified} group by 1),
shown as (from items join categories using (item_id) where is_exposed),
facts as (
    select request_id, coalesce(mode(category), 'unknown') as part from shown group by request_id
),
ranked as (
    select ds, role, request_id, is_clicked,
        rank() over (partition by ds, role, request_id order by score)
            + (count(*) over (partition by ds, role, request_id, score) - 1) / 2 as place
    from predicted join shown using (request_id, item_id)
),
valued as (
    select ds, role, request_id, count(*) as num_rows, count_if(is_clicked) as clicks,
        (sum(place) filter (is_clicked) - clicks * (clicks + 1) / 2) / (clicks * (num_rows - clicks)) as auc
    from ranked group by all having clicks > 0 and clicks < num_rows
),
pairs as (
    select ds, request_id, after.num_rows, before.auc as baseline, after.auc as candidate,
        candidate - baseline as difference
    from valued as after join valued as before using (ds, request_id)
    where after.role = 'challenger' and before.role = 'champion'
),
parted as (from pairs join facts using (request_id)),
means as (
    select ds, part, sum(num_rows) as weight, sum(baseline * num_rows) / weight as mean_baseline,
        sum(candidate * num_rows) / weight as mean_candidate, count(*) as num_requests
    from parted group by ds, part
)
select ds, part, any_value(mean_baseline), any_value(mean_candidate), any_value(mean_candidate - mean_baseline),
    sqrt(sum((num_rows * (difference - mean_candidate + mean_baseline)) ** 2)) / any_value(weight),
    any_value(means.num_requests)
from parted join means using (ds, part) group by ds, part order by ds, part
"""
