"""Which days a page shows: the last 28, 90 or 365, or all; told by ``?days=``."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, timedelta

CHOICES = ("28", "90", "365", "all")


def chosen_span(query: Mapping[str, str], default: str = "90") -> str:
    """The choice of a page.

    Raises:
        ValueError: It is none of the choices.
    """
    span = query.get("days", default)
    if span not in CHOICES:
        raise ValueError(f"days={span} is no choice; write one of {', '.join(CHOICES)}")
    return span


def first_day(span: str, days: Collection[date]) -> date:
    """First day of a span that ends with the newest of ``days``."""
    if not days or span == "all":
        return min(days, default=date.min)
    return max(days) - timedelta(days=int(span) - 1)


def parse_day(text: str) -> date:
    """A day of an address.

    Raises:
        ValueError: It is not a date.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a day; write it as YYYY-MM-DD") from None
