"""One real look-up for the page of a day: the last request before midnight, as the online store would answer it."""

from __future__ import annotations

import shlex
from datetime import date
from typing import Any

from uniscale.config import Settings
from uniscale.contracts.events import CANDIDATES, REQUESTS
from uniscale.contracts.features import HISTORY_SERVICE, ITEM_SERVICE, PAIR_SERVICE, REQUEST_SERVICE
from uniscale.lake import Lake
from uniscale.serving.get import get_features


def example_look_up(settings: Settings, lake: Lake, ds: date) -> dict[str, Any]:
    """Ask for the user, the query, the top item and its category of the day's last target-domain request.

    Returns:
        ``as_of``, ``generation``, and ``answers``: per service the ``command`` that asks for it and its ``features``;
        an empty dictionary when the day has no such request.
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
    asked = [(REQUEST_SERVICE, [("user_id", user), *([("query_text", query)] if query else [])])]
    asked.append((HISTORY_SERVICE, [("user_id", user)]))
    asked.append((ITEM_SERVICE, [("item_id", item)]))
    answers = [get_features(settings, service, entities) for service, entities in asked]
    category = answers[-1]["rows"][0]["features"]["category_id"]
    if category:
        asked.append((PAIR_SERVICE, [("user_id", user), ("category_id", category)]))
        answers.append(get_features(settings, *asked[-1]))
    return {
        "as_of": answers[0]["as_of"],
        "generation": answers[0]["generation"],
        "answers": [
            {"command": _command(service, entities), "features": answer["rows"][0]["features"]}
            for (service, entities), answer in zip(asked, answers, strict=True)
        ],
    }


def _command(service: str, entities: list[tuple[str, str]]) -> str:
    given = " ".join(f"--entity {shlex.quote(f'{key}={value}')}" for key, value in entities)
    return f"uniscale features get --service {service} {given}"
