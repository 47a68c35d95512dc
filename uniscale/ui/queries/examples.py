"""Requests of a day's test set whose order the challenger changes most, with what the user saw and did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

from uniscale.contracts.events import ITEMS, REQUESTS
from uniscale.contracts.frames import FRAMES
from uniscale.contracts.outcomes import PREDICTIONS
from uniscale.lake.lake import table_has


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """A shown item: what it is, what happened, and its place by either ranker, from 1."""

    item_id: str
    title: str
    price: float | None
    labels: tuple[str, ...]
    shown: int | None
    before: int
    after: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """A request; ``gain`` is the change of its NDCG by clicks."""

    request_id: str
    query: str
    ds: date
    gain: float
    items: tuple[Placed, ...]


def examples(con: duckdb.DuckDBPyConnection, ds: date, days: tuple[date, ...], each: int = 2) -> list[Example]:
    """The requests that gain and lose most, ``each`` of them; none without a challenger.

    Rows are the shown ones, as those alone have labels of their own. Titles and prices are those of the end of the
    request's day.

    Args:
        con: An open lake connection.
        ds: Day of the run.
        days: Its test days.
        each: How many of those that gain, and of those that lose.
    """
    if not all(table_has(con, table) for table in (PREDICTIONS, FRAMES, ITEMS, REQUESTS)):
        return []
    rows = con.execute(
        f"""
        with scores as (
            select request_id, role, unnest(item_ids) as item_id, unnest(click_probability) as score
            from lake.{PREDICTIONS.qualified} where ds = $ds
        ),
        pairs as (
            select request_id, item_id,
                max(score) filter (role = 'champion') as champion, max(score) filter (role = 'challenger') as challenger
            from scores group by all
        ),
        shown as (
            select ds, sample_id as request_id, unnest(item_ids) as item_id, unnest(is_exposed) as is_exposed,
                unnest(position) as position, unnest(is_clicked) as is_clicked, unnest(is_carted) as is_carted,
                unnest(is_purchased) as is_purchased
            from lake.{FRAMES.qualified}
            where split = 'eval' and list_contains($days, ds) and sample_id in (select request_id from scores)
        ),
        placed as (
            select shown.*,
                row_number() over (partition by request_id order by champion desc, item_id) as before,
                row_number() over (partition by request_id order by challenger desc, item_id) as after
            from shown join pairs using (request_id, item_id)
            where is_exposed and champion is not null and challenger is not null
        ),
        gains as (
            select request_id,
                sum(1 / log2(1 + after) - 1 / log2(1 + before)) filter (is_clicked)
                    / list_sum([1 / log2(1 + place) for place in range(1, count_if(is_clicked)::bigint + 1)]) as gain
            from placed group by request_id having count_if(is_clicked) > 0
        ),
        chosen as (
            from (from gains where gain > 0 order by gain desc, request_id limit $each)
            union all
            from (from gains where gain < 0 order by gain, request_id limit $each)
        )
        select placed.*, gain from placed join chosen using (request_id)
        order by gain desc, request_id, before
        """,
        {"ds": ds, "days": list(days), "each": each},
    ).fetchall()
    names = [column[0] for column in con.description or []]
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        entry = dict(zip(names, row, strict=True))
        found.setdefault(entry["request_id"], []).append(entry)
    if not found:
        return []
    asked = _requests(con, [(items[0]["ds"], request) for request, items in found.items()])
    titles = _titles(con, sorted({entry["item_id"] for items in found.values() for entry in items}), max(days))
    return [_example(request, items, asked.get(request, ""), titles) for request, items in found.items()]


def _example(
    request: str, items: list[dict[str, Any]], query: str, titles: dict[str, tuple[str, float | None]]
) -> Example:
    return Example(
        request_id=request,
        query=query,
        ds=items[0]["ds"],
        gain=items[0]["gain"],
        items=tuple(
            Placed(
                item_id=entry["item_id"],
                title=titles.get(entry["item_id"], (entry["item_id"], None))[0],
                price=titles.get(entry["item_id"], ("", None))[1],
                labels=tuple(
                    word
                    for word, label in (("click", "is_clicked"), ("cart", "is_carted"), ("purchase", "is_purchased"))
                    if entry[label]
                ),
                shown=entry["position"],
                before=entry["before"],
                after=entry["after"],
            )
            for entry in items
        ),
    )


def _requests(con: duckdb.DuckDBPyConnection, requests: list[tuple[date, str]]) -> dict[str, str]:
    rows = con.execute(
        f"select request_id, query_text from lake.{REQUESTS.qualified} where list_contains(?, ds) "
        "and list_contains(?, request_id)",
        [sorted({day for day, _ in requests}), [request for _, request in requests]],
    ).fetchall()
    return {request: query or "" for request, query in rows}


def _titles(con: duckdb.DuckDBPyConnection, items: list[str], day: date) -> dict[str, tuple[str, float | None]]:
    rows = con.execute(
        "select item_id, arg_max(coalesce(title, item_id), valid_from), arg_max(price, valid_from) "
        f"from lake.{ITEMS.qualified} where list_contains(?, item_id) and valid_from < ?::date + 1 "
        "group by item_id",
        [items, day],
    ).fetchall()
    return {item: (title, price) for item, title, price in rows}
