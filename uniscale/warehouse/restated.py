"""Final labels: the marts of days whose attribution window has closed, brought up to date whatever trains on them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from uniscale.config import Settings
from uniscale.contracts.days import closed_day, every_day
from uniscale.contracts.events import REQUESTS
from uniscale.contracts.policy import load_policy
from uniscale.lake import Lake
from uniscale.lake.contents import read_contents
from uniscale.warehouse.build import build_groups
from uniscale.warehouse.plan import plan_final_labels
from uniscale.warehouse.products import REQUEST_LABELS, last_read
from uniscale.warehouse.tables import create_tables

LOOK_BACK_DAYS = 28
"""Days before the newest closed one that are looked at too: what came late for them is taken in."""


def restate(settings: Settings, lake: Lake, ds: date) -> dict[str, Any]:
    """Build the final labels of the days whose window had closed when ``ds`` ended, where they are not up to date.

    Killed half-way, the same call finishes the work with the same rows.

    Args:
        settings: The installation.
        lake: Its lake, with the logs of ``ds``.
        ds: The day that has ended.

    Returns:
        ``first`` and ``last`` of the days looked at, None if no day is that old; ``restated``: how many of them were
        built now; and what `build_groups` returns.

    Raises:
        ValueError: The logs of ``ds`` have not been landed.
        DbtFailedError: A model or a test failed; the message names it.
    """
    policy = load_policy(settings.policy)
    window_days = policy.attribution.window_days
    create_tables(lake)
    raw = read_contents(lake, last_read(settings, ds))
    logged = set(raw.days(REQUESTS))
    if ds not in logged:
        raise ValueError(f"no request of {ds} has been landed, so the labels of no day are final by it; land its logs")
    newest = ds - timedelta(days=window_days)
    days = [day for day in every_day(newest - timedelta(days=LOOK_BACK_DAYS), newest) if day in logged]
    if not days:  # the log is younger than the window
        return {"first": None, "last": None, "restated": 0}
    groups = plan_final_labels(settings, policy, raw, [closed_day(day, window_days) for day in days])
    built = build_groups(settings, lake, policy, groups, f"final labels of {days[0]}..{days[-1]}")
    return {"first": days[0], "last": days[-1], "restated": built["days_built"][REQUEST_LABELS.name], **built}
