"""What logs are allowed to lack or to contradict, but should be seen: counted on the days that an ingest brought."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import duckdb

from uniscale.contracts.literals import in_days

GAPS = {
    "unlisted_items": (
        "items of candidates and actions are not in the catalogue: their category, brand and price are unknown"
    ),
    "requests_without_candidates": "requests have no candidates: their queries count, but they give no samples",
    "lists_with_equal_positions": (
        "lists show two items at one position: number each list through (1, 2, 3, ...), over pages and widgets too"
    ),
    "actions_outside_their_list": (
        "actions name a request whose list lacks their item: they give no label there; log whole lists, or leave the "
        "request_id of such actions empty"
    ),
    "actions_of_another_user": (
        "actions name a request of another user: the ids of one visitor differ between your logs, or their request_id "
        "is wrong"
    ),
    "actions_below_zero": (
        "actions have a quantity below 0 and are in quarantine: a return is no purchase; leave returns out of the "
        "actions"
    ),
}
"""What each count is of, and what to do about it; the number comes before the words."""

WITHOUT_REQUESTS = (
    "the log has no request: actions alone count into features, but there is nothing to train or to judge a ranker on; "
    "land requests and candidates as well"
)
"""Told when not even the lake has a request."""


def count_gaps(con: duckdb.DuckDBPyConnection, days: Sequence[date]) -> dict[str, int]:
    """Numbers by the names of `GAPS`, of what the lake has on these days; ``actions_below_zero`` never got there."""
    on_days = in_days(days)
    con.execute(
        "create or replace temp table named_requests as "
        "select a.item_id, a.request_id, a.user_id <> q.user_id as is_of_another, q.ds "
        f"from (from lake.raw.actions where {on_days} and request_id is not null) a "
        "join lake.raw.requests q on q.request_id = a.request_id"
    )
    counted = {name: _count(con, query) for name, query in _queries(con, on_days).items()}
    con.execute("drop table temp.named_requests")
    return counted


def _queries(con: duckdb.DuckDBPyConnection, on_days: str) -> dict[str, str]:
    asked = con.execute("select distinct ds from temp.named_requests").fetchall()
    on_asked = in_days([day for (day,) in asked])
    return {
        "unlisted_items": (
            f"(select item_id from lake.raw.candidates where {on_days} "
            f"union select item_id from lake.raw.actions where {on_days}) anti join lake.raw.items using (item_id)"
        ),
        "requests_without_candidates": (
            f"(select request_id from lake.raw.requests where {on_days}) "
            f"anti join (select request_id from lake.raw.candidates where {on_days}) using (request_id)"
        ),
        "lists_with_equal_positions": (
            "(select distinct request_id from (select request_id from lake.raw.candidates "
            f'where {on_days} and "position" is not null group by request_id, "position" having count(*) > 1))'
        ),
        "actions_outside_their_list": (
            "temp.named_requests anti join "
            f"(select request_id, item_id from lake.raw.candidates where {on_asked}) using (request_id, item_id)"
        ),
        "actions_of_another_user": "temp.named_requests where is_of_another",
    }


def _count(con: duckdb.DuckDBPyConnection, source: str) -> int:
    row = con.execute(f"select count(*) from {source}").fetchone()
    assert row is not None
    return int(row[0])
