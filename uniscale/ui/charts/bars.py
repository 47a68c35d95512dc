"""Amounts: bars with their numbers, and columns by day in parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date

from markupsafe import Markup

from uniscale.ui.charts.lines import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH
from uniscale.ui.charts.svg import Scale, element, link, number, picture, rule, text


def bar_chart(values: Mapping[str, float], label: str, write: Callable[[float], str] = number) -> Markup | None:
    """A table of names, bars and numbers in the given order; None without values."""
    if not values:
        return None
    x = Scale(low=0, high=max([*values.values(), 1e-9]), start=0, end=100)
    rows = []
    for name, value in values.items():
        drawn = element("rect", width=max(x(value), 0.4), height=10, class_="bar")
        bar = element("svg", drawn, viewBox="0 0 100 10", preserveAspectRatio="none", aria_hidden="true")
        cells = (element("th", name, scope="row"), element("td", bar), element("td", write(value)))
        rows.append(element("tr", *cells))
    return element("table", element("caption", label, class_="unseen"), *rows, class_="bars")


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
