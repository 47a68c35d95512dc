"""How templates write numbers, times and days."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

NOTHING = "\u2013"
"""What stands where there is no value."""


def count(value: float | None) -> str:
    """A whole number."""
    return NOTHING if value is None else f"{value:,.0f}"


def value(number: float | None) -> str:
    """A metric."""
    return NOTHING if number is None else f"{number:.4f}"


def signed(number: float | None) -> str:
    """A difference."""
    return NOTHING if number is None else f"{number:+.4f}"


def share(number: float | None) -> str:
    """A share in per cent."""
    return NOTHING if number is None else f"{100 * number:.1f} %"


def moment(at: datetime | None) -> str:
    """A UTC time."""
    return NOTHING if at is None else f"{at:%Y-%m-%d %H:%M} UTC"


def seconds(number: float | None) -> str:
    """A span of time."""
    if number is None:
        return NOTHING
    if number >= 90:
        return f"{number // 60:.0f} min {number % 60:.0f} s"
    return f"{number:.1f} s"


def interval(row: Mapping[str, Any] | None) -> str:
    """The 95 % interval of a row of ``ml.metrics``."""
    if row is None or row["ci_low"] is None:
        return ""
    return f"{row['ci_low']:.4f} … {row['ci_high']:.4f}"


def clock(at: datetime) -> str:
    """A UTC time to the second."""
    return f"{at:%m-%d %H:%M:%S}"


FILTERS: Mapping[str, Callable[..., str]] = {
    "count": count,
    "value": value,
    "signed": signed,
    "share": share,
    "moment": moment,
    "seconds": seconds,
    "interval": interval,
    "clock": clock,
}
