"""Elements of SVG as text, and scales: positions in a picture for values and days."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from markupsafe import Markup, escape


def element(name: str, *content: str, **attributes: object) -> Markup:
    """An element; attributes that are None are left out, ``class_`` is ``class``, underscores are dashes."""
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_short(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{told}>{''.join(escape(part) for part in content)}</{name}>")


def _short(value: object) -> object:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else value


def text(x: float, y: float, words: str, class_: str = "tick", **attributes: object) -> Markup:
    """Words at a place."""
    return element("text", words, x=x, y=y, class_=class_, **attributes)


def rule(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def path(points: Sequence[tuple[float, float]], class_: str, *, is_closed: bool = False) -> Markup:
    """A line through points."""
    told = " ".join(f"{_short(float(x))},{_short(float(y))}" for x, y in points)
    return element("polygon" if is_closed else "polyline", points=told, class_=class_)


def link(href: str | None, *content: str) -> Markup:
    """A link that the keyboard skips: the table under a picture has the same ones."""
    joined = Markup("").join(content)
    return joined if href is None else element("a", joined, href=href, tabindex="-1")


def picture(width: float, height: float, label: str, /, *content: str, class_: str = "chart", **more: object) -> Markup:
    """The whole picture, named for those who do not see it."""
    return element(
        "svg",
        element("title", label),
        *content,
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        class_=class_,
        aria_label=label,
        **more,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """Positions for values: ``low`` at ``start``, ``high`` at ``end``."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Position of a value."""
        span = self.high - self.low
        return self.start + (self.end - self.start) * ((value - self.low) / span if span else 0.5)

    def ticks(self, count: int = 5) -> list[float]:
        """Round values between the ends."""
        step = _round_step((self.high - self.low) / max(count, 1))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [index * step for index in range(first, last + 1)]


def around(values: Sequence[float], start: float, end: float, *, least: float = 1e-9) -> Scale:
    """A scale with some room around the values."""
    low, high = min(values), max(values)
    room = max((high - low) * 0.08, least)
    return Scale(low=low - room, high=high + room, start=start, end=end)


def _round_step(raw: float) -> float:
    if raw <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(raw))
    return float(next(factor for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999) * power)


def number(value: float) -> str:
    """A number with as many digits as count."""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.0f}" if float(value).is_integer() else f"{value:.1f}"
    return f"{value:.4f}".rstrip("0").rstrip(".") if size >= 0.0001 else f"{value:.1e}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Days:
    """Positions for days."""

    first: date
    last: date
    start: float
    end: float

    def __call__(self, day: date) -> float:
        """Position of a day; a single one stands in the middle."""
        span = (self.last - self.first).days
        return self.start + (self.end - self.start) * ((day - self.first).days / span if span else 0.5)

    def ticks(self, count: int = 5) -> list[date]:
        """Days at even distances, the last one among them."""
        span = (self.last - self.first).days
        step = max(1, math.ceil(span / count))
        return [self.last - timedelta(days=back) for back in range(0, span + 1, step)][::-1]
