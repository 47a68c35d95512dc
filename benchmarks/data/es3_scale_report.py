"""The record of `es3_scale`: JSON, a page that a person reads, and a plot."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import log
from typing import Any

from benchmarks.record import store
from uniscale.checkout import PROJECT_ROOT

PLOT = PROJECT_ROOT / "docs" / "img" / "es3_scale.png"
WAYS = {
    "build": "UniScale, whole build",
    "same_work": "UniScale, without features",
    "by_hand": "by hand",
    "pandas": "pandas",
}
"""What was measured, by the record's name; ``same_work`` is the build less its feature tables."""


def measured(found: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """Seconds and peak MiB of each way that has been measured."""
    ways = {name: (found[name]["seconds"], found[name]["peak_mib"]) for name in WAYS if name in found}
    if "build" in found:
        ways["same_work"] = (found["build"]["same_work_seconds"], found["build"]["peak_mib"])
    return {name: ways[name] for name in WAYS if name in ways}


def growth(sizes: dict[str, dict[str, Any]], way: str) -> list[str]:
    """Between neighbouring sizes: exponent of time (1 is linear), and seconds for each further million rows."""
    points = [(found["candidate_rows"], measured(found)[way][0]) for found in sizes.values() if way in measured(found)]
    return [
        f"{fewer:,} to {more:,}: {log(slower / faster) / log(more / fewer):.2f}, "
        f"{(slower - faster) / (more - fewer) * 1e6:.2f} s per further million"
        for (fewer, faster), (more, slower) in pairwise(points)
    ]


def write(record: dict[str, Any]) -> None:
    """Store the record as JSON, as tables that a person reads, and as a plot."""
    store("es3_scale", record, markdown(record))
    plot(record["sizes"])


def markdown(record: dict[str, Any]) -> str:
    """The record as a page."""
    lines = [
        f"# The data half by candidate rows, {record['date']}",
        "",
        f"`{record['command']}`, code {record['code_version']}, {record['hardware']}. Size m with users and searches "
        "scaled, four days, three of them training days. Seconds of UniScale are those of the ledger for the steps "
        "marts and samples; the hand-written script and pandas make the same records without feature tables, data "
        "tests, checks, partitions and tier 3. Without features means: less the seconds of the models of feature "
        "tables. CPU seconds are those of all processes, their start included, so they say more on a busy machine. "
        "Peak memory is the largest resident set of a process.",
        "",
        "| candidate rows | way | seconds | CPU s | rows/s | peak MiB | against by hand |",
        "|---|---|---|---|---|---|---|",
    ]
    for found in record["sizes"].values():
        ways = measured(found)
        for way, (seconds, peak) in ways.items():
            ratio = f"{seconds / ways['by_hand'][0]:.2f}" if "by_hand" in ways else ""
            rows = found["candidate_rows"]
            cpu = f"{found[way]['cpu_seconds']:.1f}" if way in found else ""
            lines.append(
                f"| {rows:,} | {WAYS[way]} | {seconds:.1f} | {cpu} | {rows / seconds:,.0f} | {peak:,.0f} | {ratio} |"
            )
    lines += ["", "Where the seconds of the build go:", ""]
    sizes = [found for found in record["sizes"].values() if "build" in found]
    lines.append("| part | " + " | ".join(f"{found['candidate_rows']:,}" for found in sizes) + " |")
    lines.append("|---|" + "---|" * len(sizes))
    for part in sizes[0]["build"]["parts"] if sizes else ():
        lines.append(f"| {part} | " + " | ".join(f"{found['build']['parts'][part]:.1f}" for found in sizes) + " |")
    if len(sizes) > 1:
        lines += ["", "Growth of time, as exponent of rows (1 is linear), and without what every size costs alike:", ""]
        lines += [f"- {WAYS[way]}: {'; '.join(steps)}" for way in WAYS if (steps := growth(record["sizes"], way))]
    lines += ["", *_compared(record["sizes"])]
    return "\n".join(lines) + "\n"


def _compared(sizes: dict[str, dict[str, Any]]) -> list[str]:
    lines = []
    for found in sizes.values():
        for way in ("by_hand", "pandas"):
            if way in found:
                counts = found[way]["same"]["counts"]
                rows = ", ".join(f"{name} {count:,}" for name, count in counts["rows"].items())
                lines.append(
                    f"- {found['candidate_rows']:,} rows, {WAYS[way]}: the same {counts['exposures']:,} exposures, "
                    f"{sum(counts['attributed'].values()):,} attributions by target and sample rows ({rows}); "
                    f"{found[way]['same']['identical']:.1%} of the records equal in every column. "
                    f"Tier 3 in addition: {found['build']['searchified'].get('tier 3', 0):,} requests."
                )
    return lines


def plot(sizes: dict[str, dict[str, Any]]) -> None:
    """Seconds and memory by rows."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator

    colours = {"build": "#1f5fa8", "same_work": "#7ba7d7", "by_hand": "#3a8a4d", "pandas": "#d1661c"}
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    panels = figure.subplots(1, 2)
    for place, (axes, title) in enumerate(zip(panels, ("seconds", "peak memory, MiB"), strict=True)):
        for way, name in WAYS.items():
            points = [
                (found["candidate_rows"], measured(found)[way][place])
                for found in sizes.values()
                if way in measured(found) and not (place and way == "same_work")
            ]
            if points:
                axes.plot(*zip(*points, strict=True), "o-", color=colours[way], label=name)
        axes.set(yscale="log", title=title)
        by_rows(axes, [found["candidate_rows"] for found in sizes.values()])
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:,g}")
    panels[0].legend(fontsize=8)
    PLOT.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PLOT, dpi=110, metadata={"Software": None})


def by_rows(axes: Any, rows: Sequence[int]) -> None:
    """Make candidate rows the horizontal axis, with a tick for each size that was measured."""
    axes.set(xscale="log", xlabel="candidate rows")
    axes.set_xticks(rows, [f"{count / 1e6:.3g} M" for count in rows])
    axes.minorticks_off()
    axes.grid(visible=True, alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
