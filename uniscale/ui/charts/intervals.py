"""Differences of several metrics with their intervals, one row each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from uniscale.ui.charts.svg import around, element, number, picture, rule, text


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A value, its interval, and how it stands (`uniscale.pipeline.standing`)."""

    name: str
    value: float
    low: float | None
    high: float | None
    standing: str
    said: str = ""


def interval_chart(rows: Sequence[Interval], label: str) -> Markup | None:
    """One row per interval around a line at 0; None without rows."""
    if not rows:
        return None
    left, width, step = 176.0, 520.0, 30.0
    height = step * len(rows) + 30
    ends = [end for row in rows for end in (row.value, row.low, row.high) if end is not None]
    x = around([*ends, 0.0], left + 6, width - 12, least=1e-6)
    parts: list[Markup] = []
    for tick in x.ticks(4):
        parts.append(rule(x(tick), 4, x(tick), height - 26, "grid"))
        parts.append(text(x(tick), height - 8, number(tick), "tick middle"))
    parts.append(rule(x(0.0), 4, x(0.0), height - 26, "level"))
    for index, row in enumerate(rows):
        y = 4 + step * (index + 0.5)
        drawn = [element("circle", cx=x(row.value), cy=y, r=5.0, class_=f"dot {row.standing}")]
        if row.low is not None and row.high is not None:
            drawn.insert(0, rule(x(row.low), y, x(row.high), y, f"whisker wide {row.standing}"))
        parts.append(text(left - 10, y + 4, row.name, "tick end strong"))
        parts.append(element("g", element("title", row.said), *drawn))
    return picture(width, height, label, *parts)
