"""One real look-up for the page of a day: the last request before midnight, as the online store would answer it."""

from __future__ import annotations

from datetime import date
from typing import Any

from uniscale.config import Settings
from uniscale.contracts.events import CANDIDATES, REQUESTS
from uniscale.features.online import look_up
from uniscale.lake import Lake


def example_look_up(settings: Settings, lake: Lake, ds: date) -> dict[str, Any]:
    """Ask the online store for the user, the query and the top item of the day's last target-domain request.

    Returns:
        What was ``asked`` and the answer of `look_up`, or an empty dictionary when the day has no such request.
    """
    with lake.read() as con:
        row = con.execute(
            f"""
            select requests.user_id, requests.query_text, candidates.item_id
            from {REQUESTS.qualified} as requests
            inner join {CANDIDATES.qualified} as candidates
                on requests.ds = candidates.ds and requests.request_id = candidates.request_id
            where requests.ds = ? and requests.domain = ? and candidates.is_exposed
            order by requests.requested_at desc, requests.request_id, candidates.position
            limit 1
            """,
            [ds, settings.target_domain],
        ).fetchone()
    if row is None:
        return {}
    user, query, item = row
    answer = look_up(settings, user=user, query=query, item=[item])
    return {"asked": {"user": user, "query": query, "item": item}, **answer}
