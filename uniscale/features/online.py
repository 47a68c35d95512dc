"""Read the online store: whatever the pointer says is served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from uniscale.config import Settings
from uniscale.contracts.features import ITEM_SERVICE, REQUEST_SERVICE, USER_FRESH_ACTIONS
from uniscale.features.lookup import Answers, Question, describe
from uniscale.features.repo import open_store
from uniscale.features.slots import LIVE, Pointer, read_pointer


def served(settings: Settings) -> Pointer:
    """What is served.

    Raises:
        ValueError: Nothing was ever materialised.
    """
    pointer = read_pointer(settings)
    if pointer is None:
        raise ValueError("the online store is empty; fill it first: uniscale step materialize DS")
    return pointer


def read_online(
    settings: Settings, service: str, rows: Sequence[Mapping[str, str | None]], pointer: Pointer | None = None
) -> list[dict[str, Any]]:
    """Features of a service from the active slot, and pushed actions from the live project.

    Args:
        settings: The installation.
        service: Feature service.
        rows: Join keys of each entity.
        pointer: What to read; None for what is served now.

    Returns:
        A dictionary of features per row; None where nothing is known.

    Raises:
        ValueError: Nothing was ever materialised.
    """
    if not rows:
        return []
    pointer = pointer or served(settings)
    slot = open_store(settings, project=pointer.slot)
    keys = [{name: value or "" for name, value in row.items()} for row in rows]  # Feast fails on a missing key
    answers: list[dict[str, Any]] = [{} for _ in rows]
    for projection in slot.get_feature_service(service).feature_view_projections:
        store = open_store(settings, project=LIVE) if projection.name == USER_FRESH_ACTIONS.name else slot
        names = [feature.name for feature in projection.features]
        references = [f"{projection.name}:{name}" for name in names]
        columns = store.get_online_features(features=references, entity_rows=keys).to_dict()
        for name in names:
            for answer, value in zip(answers, columns[name], strict=True):
                answer[name] = value
    return answers


def look_up(
    settings: Settings, *, user: str | None = None, item: Sequence[str] = (), query: str | None = None
) -> dict[str, Any]:
    """What the online store knows about a user, items and a query.

    Args:
        settings: The installation.
        user: User, or None.
        item: Items, in the order wanted.
        query: Query text as typed, or None.

    Returns:
        ``as_of`` (UTC), ``user``, ``query`` and ``items`` with their features (None where nothing is known), and
        ``unknown``: a sentence per entity without features.

    Raises:
        ValueError: Nothing is asked for, or nothing was ever materialised.
    """
    question = Question(user=user, items=tuple(item), query=query)
    pointer = served(settings)
    request = read_online(settings, REQUEST_SERVICE, [question.request_row()], pointer)
    items = read_online(settings, ITEM_SERVICE, question.item_rows(), pointer)
    return describe(question, Answers(as_of=pointer.moment, request=request[0], items=items))
