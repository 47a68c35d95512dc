"""Read the online store: whatever the pointer says is served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from uniscale.config import Settings
from uniscale.contracts.features import USER_FRESH_ACTIONS
from uniscale.features.online.slots import LIVE, Pointer, read_pointer
from uniscale.features.repo import open_store


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
