"""Amounts: bars with their numbers, and columns by day in parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from markupsafe import Markup

from uniscale.ui.charts.lines import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH
from uniscale.ui.charts.svg import Scale, element, link, number, picture, rule, text


def bar_chart(values: Mapping[str, float], label: str, unit: str = "") -> Markup | None:
    """Horizontal bars in the given order, each with its number; None without values."""
    if not values:
        return None
    left, step = 190.0, 27.0
    x = Scale(low=0, high=max([*values.values(), 1e-9]), start=left, end=WIDTH - 84)
    parts = []
    for index, (name, value) in enumerate(values.items()):
        y = step * index + 4
        parts.append(text(left - 10, y + 15, name, "tick end strong"))
        parts.append(element("rect", x=left, y=y, width=max(x(value) - left, 1.0), height=step - 8, class_="bar"))
        parts.append(text(x(value) + 7, y + 15, f"{number(value)}{unit}", "tick"))
    return picture(WIDTH, step * len(values) + 6, label, *parts)


def column_chart(
    days: Sequence[date], parts: Mapping[str, Sequence[float]], label: str, *, unit: str = "", href: str = "/day/"
) -> Markup | None:
    """One column per day, its parts on top of one another; None without days.

    Args:
        days: In order.
        parts: By name the amount of each day; the n-th has the style ``part-n``.
        label: What the picture shows.
        unit: Written after each number.
        href: Where a column leads to, before its day.
    """
    if not days:
        return None
    totals = [sum(values[index] for values in parts.values()) for index in range(len(days))]
    y = Scale(low=0, high=max([*totals, 1e-9]) * 1.05, start=HEIGHT - BOTTOM, end=TOP)
    drawn: list[Markup] = []
    for tick in y.ticks():
        drawn.append(rule(LEFT, y(tick), WIDTH - RIGHT, y(tick), "grid"))
        drawn.append(text(LEFT - 8, y(tick) + 4, number(tick), "tick end"))
    room = (WIDTH - RIGHT - LEFT) / len(days)
    wide = min(room * 0.8, 46.0)
    for index, day in enumerate(days):
        at, level = LEFT + room * (index + 0.5) - wide / 2, 0.0
        column = [element("title", _said(day, parts, index, unit))]
        for place, values in enumerate(parts.values()):
            if values[index] > 0:
                top = y(level + values[index])
                column.append(
                    element("rect", x=at, y=top, width=wide, height=y(level) - top, class_=f"part part-{place}")
                )
                level += values[index]
        drawn.append(link(f"{href}{day}", element("g", *column)))
    for index in _labelled(len(days)):
        drawn.append(text(LEFT + room * (index + 0.5), HEIGHT - 10, f"{days[index]:%m-%d}", "tick middle"))
    return picture(WIDTH, HEIGHT, label, *drawn)


def _said(day: date, parts: Mapping[str, Sequence[float]], index: int, unit: str) -> str:
    told = [f"{name} {number(values[index])}{unit}" for name, values in parts.items() if values[index] > 0]
    return f"{day}: {', '.join(told) or 'nothing'}"


def _labelled(count: int) -> list[int]:
    step = max(1, -(-count // 5))
    return list(range(count - 1, -1, -step))[::-1]
