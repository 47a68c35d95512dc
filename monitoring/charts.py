"""The pictures of the page of the day, as inline SVG."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

from uniscale.es3.maturity import Growth

INK, CALM, ALERT, GOOD = "#1f2933", "#5b7db1", "#c2410c", "#2f855a"
_STANDING = {"better": GOOD, "worse": ALERT}


def interval_chart(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    """Differences challenger - champion with 95 % intervals, one row per metric; the zero line is "no difference".

    Args:
        metrics: Metric name to ``value``, ``ci_low``, ``ci_high`` and ``standing`` of the difference; a thin one is
            hollow.
    """
    known = {name: m for name, m in metrics.items() if m["value"] is not None}
    figure, axes = _figure(6.4, 0.5 + 0.45 * max(len(known), 1))
    for row, (_name, metric) in enumerate(known.items()):
        low, high, is_thin = metric["ci_low"], metric["ci_high"], metric["standing"] == "thin"
        colour = _STANDING.get(metric["standing"], CALM)
        if low is not None:
            style = {"linewidth": 1, "linestyle": ":"} if is_thin else {"linewidth": 3, "solid_capstyle": "round"}
            axes.plot([low, high], [row, row], color=colour, **style)
        axes.plot(metric["value"], row, "o", color=colour, markersize=7, fillstyle="none" if is_thin else "full")
    axes.axvline(0, color=INK, linewidth=1)
    axes.set_yticks(range(len(known)), list(known))
    axes.set_ylim(len(known) - 0.5, -0.5)
    axes.set_xlabel("challenger - champion, 95 % interval over requests")
    return _svg(figure)


def bar_chart(values: Mapping[str, float], unit: str) -> str:
    """Horizontal bars in the given order, each with its number."""
    figure, axes = _figure(6.4, 0.4 + 0.33 * max(len(values), 1))
    names, numbers = list(values), list(values.values())
    bars = axes.barh(range(len(names)), numbers, color=CALM, height=0.7)
    axes.bar_label(bars, [_number(number) for number in numbers], padding=4, color=INK, fontsize=9)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(0, max([*numbers, 1e-9]) * 1.18)
    axes.set_xlabel(unit)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    return _svg(figure)


def curve_chart(curves: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Training loss by epoch, a picture per recipe: a loss is a mean over the rows of its own data."""
    figure, grid = _figure(6.4, 2.6, len(curves))
    for axes, (name, points) in zip(grid, curves.items(), strict=True):
        marker = "o" if len(points) < 3 else None
        axes.plot([p["epoch"] for p in points], [p["loss"] for p in points], color=CALM, linewidth=1.8, marker=marker)
        axes.set_title(name, fontsize=9, color=INK)
        axes.set_xlabel("epochs")
    grid[0].set_ylabel("training loss")
    return _svg(figure)


def growth_chart(growth: Mapping[str, Growth]) -> str:
    """Share of a day's attributed labels that is known, by age of the day, one line per action.

    Args:
        growth: By action; what lies beyond the largest age that any day has reached is dashed.
    """
    figure, axes = _figure(6.4, 2.6)
    for (action, found), colour in zip(growth.items(), (CALM, GOOD, ALERT, INK), strict=False):
        known, seen = found.known, found.observed_to + 1
        axes.plot(range(min(seen, len(known))), known[:seen], "o-", color=colour, label=action, linewidth=1.8)
        axes.plot(range(seen - 1, len(known)), known[seen - 1 :], ":", color=colour)
    axes.set_xlabel("days after the day ended")
    axes.set_ylabel("share of labels known")
    axes.set_ylim(0, 1.05)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False, fontsize=9)
    return _svg(figure)


def _number(value: float) -> str:
    if value >= 100 or value == 0:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def _figure(width: float, height: float, columns: int | None = None) -> tuple[Any, Any]:
    """A figure with its axes; a list of them if columns are asked for."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    grid = figure.subplots(1, columns or 1, squeeze=False)[0]
    for axes in grid:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(colors=INK, labelsize=9)
    return figure, grid[0] if columns is None else grid


def _svg(figure: Any) -> str:
    import matplotlib as mpl

    buffer = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "uniscale", "font.family": "sans-serif"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None}, transparent=True)
    return re.sub(r"^.*?(?=<svg)", "", buffer.getvalue(), flags=re.DOTALL)
