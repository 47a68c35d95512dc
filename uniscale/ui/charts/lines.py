"""Values by day: lines with their intervals, marks for decisions, and single differences by day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from uniscale.ui.charts.svg import Days, Scale, around, element, link, number, path, picture, rule, text

WIDTH, HEIGHT = 520.0, 230.0
LEFT, RIGHT, TOP, BOTTOM = 66.0, 14.0, 16.0, 34.0
_MOST_DOTS = 120
"""Points of a line that are drawn one by one; of longer lines those that are too thin to trust."""


_MOST_RULES = 15
"""Marks up to which each has a line through the picture."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """A value of a day with its interval, where there is one; ``standing`` is a style of its own."""

    ds: date
    value: float | None
    low: float | None = None
    high: float | None = None
    standing: str = ""
    href: str | None = None
    said: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """Values of one thing by day; ``style`` is a class of the style sheet."""

    name: str
    style: str
    points: Sequence[Point]


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """Something that happened on a day; ``sign`` is one letter or symbol."""

    ds: date
    sign: str
    style: str
    said: str
    href: str | None = None


def line_chart(
    lines: Sequence[Line], label: str, *, marks: Sequence[Mark] = (), level: float | None = None, height: float = HEIGHT
) -> Markup | None:
    """Lines over days with their intervals as bands; None without any value.

    Args:
        lines: What is drawn.
        label: What the picture shows, for those who do not see it.
        marks: Drawn at the bottom, with a line through the picture.
        level: A value that a dashed line marks, "no difference" say.
        height: Of the picture.
    """
    known = [point for line in lines for point in line.points if point.value is not None]
    if not known:
        return None
    x, y = _scales(known, level, height)
    parts = [*_axes(x, y, height)]
    if level is not None:
        parts.append(rule(LEFT, y(level), WIDTH - RIGHT, y(level), "level"))
    seen = [mark for mark in marks if x.first <= mark.ds <= x.last]
    parts += [part for mark in seen for part in _mark(mark, x, height, is_ruled=len(seen) <= _MOST_RULES)]
    for line in lines:
        for run in _runs(line.points):
            parts += _line(run, line, x, y)
    return picture(WIDTH, height, label, *parts)


def difference_chart(points: Sequence[Point], label: str, *, height: float = HEIGHT) -> Markup | None:
    """One interval per day around its value, styled by standing, with a line at 0; None without any value."""
    known = [point for point in points if point.value is not None]
    if not known:
        return None
    x, y = _scales(known, 0.0, height)
    parts = [*_axes(x, y, height), rule(LEFT, y(0.0), WIDTH - RIGHT, y(0.0), "level")]
    for point in known:
        assert point.value is not None
        at = x(point.ds)
        drawn = [element("circle", cx=at, cy=y(point.value), r=3.2, class_=f"dot {point.standing}")]
        if point.low is not None and point.high is not None:
            drawn.insert(0, rule(at, y(point.low), at, y(point.high), f"whisker {point.standing}"))
        parts.append(link(point.href, element("g", element("title", point.said), *drawn)))
    return picture(WIDTH, height, label, *parts)


def spark(points: Sequence[Point], label: str, style: str = "champion") -> Markup | None:
    """A small line without axes; None with fewer than two values."""
    known = [point for point in points if point.value is not None]
    if len(known) < 2:
        return None
    values = [point.value for point in known if point.value is not None]
    x = Days(first=known[0].ds, last=known[-1].ds, start=4, end=176)
    y = around(values, 40, 4)
    drawn = [(x(point.ds), y(point.value)) for point in known if point.value is not None]
    end = element("circle", cx=drawn[-1][0], cy=drawn[-1][1], r=3.0, class_=f"dot {style}")
    return picture(180, 44, label, path(drawn, f"line {style}"), end, class_="spark")


def _scales(known: Sequence[Point], level: float | None, height: float) -> tuple[Days, Scale]:
    days = [point.ds for point in known]
    ends = [end for point in known for end in (point.value, point.low, point.high) if end is not None]
    x = Days(first=min(days), last=max(days), start=LEFT + 6, end=WIDTH - RIGHT - 6)
    values = [*ends] if level is None else [*ends, level]
    return x, around(values, height - BOTTOM, TOP, least=max(abs(max(values)) * 0.002, 1e-6))


def _axes(x: Days, y: Scale, height: float) -> Iterator[Markup]:
    for tick in y.ticks():
        yield rule(LEFT, y(tick), WIDTH - RIGHT, y(tick), "grid")
        yield text(LEFT - 8, y(tick) + 4, number(tick), "tick end")
    days = x.ticks()
    for place, day in enumerate(reversed(days)):
        is_last = place == 0
        class_ = "tick end" if is_last and len(days) > 1 else "tick middle"
        yield text(
            WIDTH - RIGHT + 8 if is_last and len(days) > 1 else x(day),
            height - 10,
            f"{day:%m-%d}" if (x.last - x.first).days < 330 else f"{day:%y-%m-%d}",
            f"{class_}{' seldom' if place % 2 else ''}",
        )


def _mark(mark: Mark, x: Days, height: float, *, is_ruled: bool) -> Iterator[Markup]:
    at = x(mark.ds)
    if is_ruled:
        yield rule(at, TOP, at, height - BOTTOM, f"moment {mark.style}")
    sign = text(at, TOP - 4, mark.sign, f"sign middle {mark.style}")
    yield link(mark.href, element("g", element("title", mark.said), sign))


def _runs(points: Sequence[Point]) -> Iterator[list[Point]]:
    """Points between days without a value."""
    run: list[Point] = []
    for point in points:
        if point.value is None:
            if run:
                yield run
            run = []
        else:
            run.append(point)
    if run:
        yield run


def _line(run: Sequence[Point], line: Line, x: Days, y: Scale) -> Iterator[Markup]:
    if all(point.low is not None and point.high is not None for point in run):
        upper = [(x(point.ds), y(point.high)) for point in run if point.high is not None]
        lower = [(x(point.ds), y(point.low)) for point in run if point.low is not None]
        if len(run) == 1:
            yield rule(upper[0][0], lower[0][1], upper[0][0], upper[0][1], f"whisker {line.style}")
        else:
            yield path([*upper, *reversed(lower)], f"band {line.style}", is_closed=True)
    drawn = [(x(point.ds), y(point.value)) for point in run if point.value is not None]
    if len(run) > 1:
        yield path(drawn, f"line {line.style}")
    for point, (at, level) in zip(run, drawn, strict=True):
        if len(line.points) > _MOST_DOTS and not point.standing:
            continue
        dot = element(
            "circle",
            element("title", f"{point.ds} {line.name}: {point.said or number(point.value or 0.0)}"),
            cx=at,
            cy=level,
            r=3.0 if len(line.points) <= 45 else 1.8,
            class_=f"dot {line.style} {point.standing}".strip(),
        )
        yield link(point.href, dot)
