"""Ask for the features of a user, items and a query as they were known at a moment, and read the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from uniscale.config import Settings
from uniscale.contracts.features import ITEM_SERVICE, REQUEST_SERVICE
from uniscale.features.repo import open_store

_NEVER_NULL = {"user": "user_num_requests", "query": "query_num_requests", "item": "item_num_exposures"}
"""A feature per entity that every version has: where it is NULL, no version answered."""

_PREFIXES = {"user": ("user_", "history_"), "query": ("query_",)}


def clean_query(text: str | None) -> str | None:
    """A query as the feature tables spell it: lower case, single spaces; an empty one is none."""
    return None if text is None else " ".join(text.lower().split()) or None


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What is asked for.

    Attributes:
        user: User, or None.
        items: Items, in the order wanted.
        query: Query text as typed, or None.

    Raises:
        ValueError: Nothing is asked for.
    """

    user: str | None
    items: tuple[str, ...]
    query: str | None

    def __post_init__(self) -> None:
        if self.user is None and self.query is None and not self.items:
            raise ValueError("nothing is asked for; name a user, an item or a query")

    def request_row(self) -> dict[str, str | None]:
        """Entity row of the request-level service."""
        return {"user_id": self.user, "query_text": clean_query(self.query)}

    def item_rows(self) -> list[dict[str, str | None]]:
        """Entity rows of the item-level service."""
        return [{"item_id": item} for item in self.items]


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """Features as they came from a store.

    Attributes:
        as_of: Moment (naive UTC) whose values these are.
        request: User, query and sequence features.
        items: Item features, in the order of the question.
    """

    as_of: datetime
    request: dict[str, Any]
    items: list[dict[str, Any]]


def look_up_at(
    settings: Settings,
    as_of: datetime,
    *,
    user: str | None = None,
    item: Sequence[str] = (),
    query: str | None = None,
    snapshot_id: int | None = None,
) -> dict[str, Any]:
    """What was known at a moment, point-in-time from the lake; the answer has the form of `online.look_up`.

    Args:
        settings: The installation.
        as_of: The moment (naive UTC).
        user: User, or None.
        item: Items, in the order wanted.
        query: Query text as typed, or None.
        snapshot_id: Lake snapshot to read; None for the newest state.

    Raises:
        ValueError: Nothing is asked for.
        FileNotFoundError: There is no lake.
    """
    question = Question(user=user, items=tuple(item), query=query)
    store = open_store(settings, snapshot_id)

    def retrieve(service: str, rows: list[dict[str, str | None]]) -> list[dict[str, Any]]:
        import pandas as pd

        frame = pd.DataFrame(rows).astype("string").assign(event_timestamp=pd.Timestamp(as_of))
        job = store.get_historical_features(entity_df=frame, features=store.get_feature_service(service))
        asked = {*rows[0], "event_timestamp"}
        found: list[dict[str, Any]] = job.to_arrow().to_pylist()
        return [{name: value for name, value in row.items() if name not in asked} for row in found]

    request = retrieve(REQUEST_SERVICE, [question.request_row()])[0]
    items = retrieve(ITEM_SERVICE, question.item_rows()) if question.items else []
    return describe(question, Answers(as_of=as_of, request=request, items=items))


def describe(question: Question, answers: Answers) -> dict[str, Any]:
    """The answer as a document: features per entity, None and a sentence where nothing is known."""
    unknown: list[str] = []

    def part(kind: str, name: str | None, features: dict[str, Any]) -> dict[str, Any] | None:
        if name is None:
            return None
        if features.get(_NEVER_NULL[kind]) is None:
            unknown.append(f"{kind} {name!r} has no features as of {answers.as_of:%Y-%m-%d %H:%M} UTC")
            return dict.fromkeys(sorted(features))
        return dict(sorted(features.items()))

    def of(kind: str) -> dict[str, Any]:
        return {name: value for name, value in answers.request.items() if name.startswith(_PREFIXES[kind])}

    return {
        "as_of": answers.as_of.isoformat(sep=" "),
        "user": part("user", question.user, of("user")),
        "query": part("query", clean_query(question.query), of("query")),
        "items": {
            name: part("item", name, features) for name, features in zip(question.items, answers.items, strict=True)
        },
        "unknown": unknown,
    }
