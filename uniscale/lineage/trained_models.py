"""Which registered models were trained on which days."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from uniscale.config import Settings
from uniscale.registry.client import is_there


def models_trained_on(settings: Settings, days: Collection[date], until_snapshot: int | None = None) -> dict[str, Any]:
    """Registered versions whose training days hold one of ``days``, newest first.

    A recipe may leave rows of its days out, so a version listed here *may* have seen a certain row of them.

    Args:
        settings: The installation.
        days: UTC days.
        until_snapshot: Leave out versions trained on a later lake snapshot; None for all.

    Returns:
        ``trained``: the versions with the days in question, the role they serve in, and the snapshot; ``unknown``:
        versions of a time when versions did not keep their days, which may belong to it.
    """
    found: dict[str, Any] = {"trained": [], "unknown": []}
    if not days or not is_there(settings):
        return found
    from uniscale.registry.store import Registry

    registry = Registry(settings)
    champion = registry.champion()
    for version in registry.versions():
        if until_snapshot is not None and version.snapshot_id > until_snapshot:
            continue
        about = {
            "version": version.version,
            "name": version.name,
            "recipe": version.recipe.get("name"),
            "ds": version.ds,
            "role": version.role,
            "is_champion": champion is not None and champion.version == version.version,
            "snapshot_id": version.snapshot_id,
        }
        if version.days is None:
            found["unknown"].append(about)
        elif shared := sorted(set(days) & set(version.days)):
            found["trained"].append({**about, "days": shared})
    return found
