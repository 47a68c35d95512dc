"""GAUC of the rankers on parts of the test requests, from stored predictions and frames.

The interval is that of a weighted mean over requests, 1.96 linearised standard errors; the report's own metrics are
bootstrapped.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import log, sqrt

import duckdb

from uniscale.contracts.events import ITEMS
from uniscale.contracts.frames import FRAMES, ITEM_NUMERIC, QUERY_NUMERIC
from uniscale.contracts.outcomes import PREDICTIONS
from uniscale.lake.lake import table_has

NEW_ITEM_DAYS = 7
_ASKED = QUERY_NUMERIC.index("log_query_num_requests_7d") + 1
_LISTED = ITEM_NUMERIC.index("log_hours_since_item_listed") + 1
_RECENT = log(1 + NEW_ITEM_DAYS * 24)
_TOP_CATEGORIES = 5

KINDS = {
    "query": "How often the query was asked in the 7 days before, in thirds of the day's requests",
    "user": "Whether an action of the user was known",
    "item": f"Whether an item listed in the {NEW_ITEM_DAYS} days before was shown",
    "category": f"Category of most shown items, the {_TOP_CATEGORIES} with most requests",
}
"""What requests can be parted by, as people read it."""

_PART = {
    "query": """case when asked is null or isnan(asked) or asked < quantile_cont(asked, 1 / 3) over day then 'tail'
        when asked < quantile_cont(asked, 2 / 3) over day then 'torso' else 'head' end""",
    "user": "if(history = 0, 'new user', 'known user')",
    "item": "if(has_new, 'with a new item', 'without')",
    "category": "coalesce(category, 'unknown')",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Sliced:
    """GAUC of a part of a day's test requests; ``role`` may be ``difference``."""

    ds: date
    part: str
    role: str
    value: float
    low: float
    high: float
    num_requests: int


def gauc_of_slices(con: duckdb.DuckDBPyConnection, kind: str, first: date, last: date) -> list[Sliced]:
    """GAUC by run day, part and role, and of the paired difference where there are two roles.

    Args:
        con: An open lake connection.
        kind: One of `KINDS`.
        first: First day of a run.
        last: Last day of a run.

    Raises:
        ValueError: Requests cannot be parted by this.
    """
    if kind not in KINDS:
        raise ValueError(f"requests cannot be parted by {kind!r}; name one of {', '.join(KINDS)}")
    if not all(table_has(con, table) for table in (PREDICTIONS, FRAMES, ITEMS)):
        return []
    rows = con.execute(_QUERY.format(part=_PART[kind]), {"first": first, "last": last}).fetchall()
    parts = _largest(rows) if kind == "category" else None
    return [
        Sliced(
            ds=ds,
            part=part,
            role=role,
            value=value,
            low=value - 1.96 * sqrt(variance),
            high=value + 1.96 * sqrt(variance),
            num_requests=requests,
        )
        for ds, part, role, value, variance, requests in rows
        if value is not None and (parts is None or part in parts)
    ]


def _largest(rows: list[tuple[date, str, str, float, float, int]]) -> set[str]:
    sizes: dict[str, int] = {}
    for _, part, _, _, _, requests in rows:
        sizes[part] = sizes.get(part, 0) + requests
    return set(sorted(sizes, key=lambda part: -sizes[part])[:_TOP_CATEGORIES])


_QUERY = f"""
with predicted as (
    select ds, role, request_id, unnest(item_ids) as item_id, unnest(click_probability) as score
    from lake.{PREDICTIONS.qualified} where ds between $first and $last
),
requests as (
    select sample_id as request_id, item_ids, is_exposed, is_clicked, len(history_actions) as history,
        query_numeric[{_ASKED}] as asked, [numbers[{_LISTED}] for numbers in item_numeric] as listed
    from lake.{FRAMES.qualified}
    where split = 'eval' and ds > $first and sample_id in (select request_id from predicted)
),
items as (
    select request_id, history, asked, unnest(item_ids) as item_id, unnest(is_exposed) as is_exposed,
        unnest(is_clicked) as is_clicked, unnest(listed) as listed
    from requests
),
categories as (select item_id, arg_max(category_id, valid_from) as category from lake.{ITEMS.qualified} group by 1),
shown as (from items join categories using (item_id) where is_exposed),
facts as (
    select request_id, any_value(history) as history, any_value(asked) as asked,
        coalesce(bool_or(listed < {_RECENT}), false) as has_new, mode(category) as category
    from shown group by request_id
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
both_roles as (
    from valued
    union all by name
    select ds, 'difference' as role, request_id, after.num_rows, after.clicks, after.auc - before.auc as auc
    from valued as after join valued as before using (ds, request_id)
    where after.role = 'challenger' and before.role = 'champion'
),
parted as (
    select *, {{part}} as part from both_roles join facts using (request_id) window day as (partition by ds, role)
),
means as (select ds, part, role, sum(auc * num_rows) / sum(num_rows) as mean from parted group by all)
select ds, part, role, any_value(mean),
    sum((num_rows * (auc - mean)) ** 2) / sum(num_rows) ** 2, count(*)
from parted join means using (ds, part, role) group by all order by ds, part, role
"""
