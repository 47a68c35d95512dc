"""What each step of a night does: the features of the day that has just ended, built, served and compared.

Each waits for a step of the retraining that is at work, and imports what it needs when it runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from uniscale.config import Settings
from uniscale.contracts.features import FRESH_HOURS, USER_FRESH_ACTIONS
from uniscale.lake import Lake
from uniscale.pipeline.bar import writing_bar
from uniscale.pipeline.locks import one_at_a_time


def build(settings: Settings, lake: Lake, ds: date) -> dict[str, Any]:
    """Land the logs of a day and build its features.

    Returns:
        What `uniscale.sources.landing.land_until` and `uniscale.warehouse.nightly.build_features` return.
    """
    from uniscale.sources.landing import land_until
    from uniscale.warehouse.nightly import build_features

    with one_at_a_time(settings, "step"):
        return {**land_until(settings, lake, ds), **build_features(settings, lake, ds)}


def materialize(settings: Settings, lake: Lake, ds: date) -> dict[str, Any]:
    """Serve the features of a day.

    Returns:
        What `uniscale.features.online.materialize.materialize` returns.

    Raises:
        ValueError: A feature table lacks the day.
    """
    from uniscale.features.online.materialize import materialize as fill
    from uniscale.warehouse.nightly import check_features

    with one_at_a_time(settings, "step"):
        check_features(lake, ds)
        with writing_bar() as advance:
            return fill(settings, lake, ds, advance=advance)


def skew(settings: Settings, lake: Lake, ds: date, kind: str) -> dict[str, Any]:
    """Compare what was served on a day with the lake.

    Returns:
        What `uniscale.serving.skew.measure_skew` returns, ``least_match``, which share of the requests has to match,
        and ``faults``: sentences on what was not as promised.

    Raises:
        ValueError: The fresh actions of the day are not built.
    """
    from uniscale.config.thresholds import load_thresholds
    from uniscale.serving.skew import measure_skew
    from uniscale.warehouse.nightly import check_features

    with one_at_a_time(settings, "step"):
        check_features(lake, ds, (USER_FRESH_ACTIONS,))
        found = measure_skew(settings, lake, ds, kind)
    least = load_thresholds().skew.match
    return {**found, "least_match": least, "faults": _faults(found, least)}


def _faults(found: Mapping[str, Any], least: float) -> list[str]:
    """What was not as promised; requests just after midnight, before the new values are there, are not held against."""
    if not found["requests"]:
        return []
    faults = []
    if found["exact_in_time"] < least * found["in_time"]:
        faults.append(
            f"only {found['exact_in_time']} of {found['in_time']} {found['kind']} requests of {found['ds']} were "
            f"served what the lake holds, {least:.1%} must be. See which features differ: were actions not pushed, or "
            "logs landed again?"
        )
    if found["overdue"]:
        faults.append(
            f"{found['overdue']} of {found['requests']} were served daily values older than {FRESH_HOURS} hours: "
            "materialize earlier"
        )
    return faults
