"""Lineage: look a sample, a user or a model up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from uniscale.contracts.tasks import LABELS
from uniscale.lineage.sample import sample_lineage
from uniscale.lineage.sampled import some_samples
from uniscale.lineage.user import user_lineage
from uniscale.registry.client import is_there
from uniscale.ui.queries.judged import decisions, reigns
from uniscale.ui.queries.steps import timings
from uniscale.ui.reading import Look
from uniscale.ui.site import Context, Site

KINDS = ("sample", "user", "model")


def lineage(site: Site, look: Look, query: Mapping[str, str]) -> Context:
    """What the look-up shows: nothing yet, an answer, or why there is none.

    Raises:
        ValueError: Something else than a sample, a user or a model is asked for.
    """
    kind, name = query.get("kind", "sample"), query.get("id", "").strip()
    if kind not in KINDS:
        raise ValueError(f"kind={kind} cannot be looked up; write one of {', '.join(KINDS)}")
    found: Context = {"kinds": KINDS, "kind": kind, "id": name, "found": None, "fault": ""}
    if not name:
        return {**found, "suggested": _suggested(site, look)}
    try:
        answer = {"sample": _sample, "user": _user, "model": _model}[kind](site, look, name)
    except ValueError as error:
        return {**found, "fault": str(error)}
    return {**found, "found": answer}


def _suggested(site: Site, look: Look) -> list[dict[str, Any]]:
    """Some samples of the newest day, of every kind one."""
    days = look(timings)
    try:
        return some_samples(site.reader.lake, max(days), 1) if days else []
    except ValueError:
        return []


def _sample(site: Site, look: Look, name: str) -> dict[str, Any]:
    del look
    found = sample_lineage(site.settings, site.reader.lake, name)
    labels = {label: label.removeprefix("is_") for label in LABELS}
    for entry in found["items"]:
        entry["labels"] = [word for label, word in labels.items() if entry[label]]
    versions: dict[tuple[str, str], int] = {}
    for row in found["features"]:
        place = (row["table"], str(row["feature_at"]))
        versions[place] = versions.get(place, 0) + 1
    return {**found, "versions": [(*place, count) for place, count in sorted(versions.items())]}


def _user(site: Site, look: Look, name: str) -> dict[str, Any]:
    del look
    return user_lineage(site.settings, site.reader.lake, name)


def _model(site: Site, look: Look, name: str) -> dict[str, Any]:
    if not is_there(site.settings):
        raise ValueError("no model is registered yet; run a day")
    from uniscale.registry.store import Registry

    registry = Registry(site.settings)
    version = registry.named(name)
    champion = registry.champion()
    judged = {ds: row for ds, row in look(decisions).items() if version.version in _versions(row)}
    return {
        "version": version,
        "is_champion": champion is not None and champion.version == version.version,
        "judged": judged,
        "reigns": [change for change in look(reigns) if version.version in (change.version, change.replaced)],
    }


def _versions(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["champion_version"], row["challenger_version"]
