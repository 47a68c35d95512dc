"""A heat map: rows by days, each cell a degree between none and most, with its number where there is room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from uniscale.ui.charts.svg import element, link, picture, text

DEGREES = 6
_STEP, _ROOM, _LETTER = 26.0, 510.0, 6.9


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """How strong it is from 0 to 1 (None: not known), what stands in it, and what it says."""

    strength: float | None
    words: str
    said: str


def heat_map(
    rows: Mapping[str, Mapping[date, Cell]],
    days: Sequence[date],
    label: str,
    *,
    row_href: Mapping[str, str] | None = None,
) -> Markup | None:
    """Rows by days; None without rows or days. A day without a cell stays empty.

    Args:
        rows: Cells by row and day.
        days: In order.
        label: What the picture shows.
        row_href: Where the name of a row leads to.
    """
    if not rows or not days:
        return None
    left = max(80.0, _LETTER * max(map(len, rows)) + 16)
    room = min(_ROOM / len(days), 64.0)
    width = left + room * len(days)
    parts = []
    for index, (name, cells) in enumerate(rows.items()):
        y = _STEP * index + 2
        href = (row_href or {}).get(name)
        named = text(left - 10, y + 16, name, f"tick end strong{' linked' if href else ''}")
        parts.append(element("a", named, href=href) if href else named)
        for place, day in enumerate(days):
            cell = cells.get(day)
            if cell is not None:
                x = left + room * place
                drawn = [
                    element("title", f"{name}, {day}: {cell.said}"),
                    element(
                        "rect", x=x, y=y, width=max(room - 2, 1.0), height=_STEP - 3, class_=f"heat {degree(cell)}"
                    ),
                ]
                if room >= 34:
                    drawn.append(text(x + room / 2 - 1, y + 16, cell.words, f"in-cell middle {degree(cell)}"))
                parts.append(link(f"/day/{day}", element("g", *drawn)))
    bottom = _STEP * len(rows) + 16
    step = max(1, -(-len(days) // 8))
    for place in range(len(days) - 1, -1, -step):
        parts.append(text(left + room * (place + 0.5) - 1, bottom, f"{days[place]:%m-%d}", "tick middle"))
    return picture(width, bottom + 8, label, *parts, class_="chart wide-chart", width=width * 1.15)


def degree(cell: Cell) -> str:
    """Class of the style sheet for a cell."""
    if cell.strength is None:
        return "unknown"
    return f"degree-{min(DEGREES - 1, int(max(cell.strength, 0.0) * DEGREES))}"
