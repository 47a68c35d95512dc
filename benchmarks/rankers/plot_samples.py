"""Plot what each part of the samples is worth, from the records of the study.

``python -m benchmarks.rankers.plot_samples``.
"""

from __future__ import annotations

import json
from statistics import mean, stdev
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.rankers.samples import COMPARED, METRICS, TITLES, WORLDS
from benchmarks.record import newest
from uniscale.checkout import PROJECT_ROOT

PLOT = PROJECT_ROOT / "docs" / "img" / "samples.png"
RANKERS = {"dlrm": "#3b6ea8", "hhfi": "#6a9a5b", "hhsft": "#c98a3b"}
SHOWN = ("gauc", "true_gauc", "true_auc_exposed", "true_calibration")


def main() -> None:
    """Draw a row per metric and a column per world: mean and standard error over seeds, by data recipe."""
    found = {ranker: worlds_of(ranker) for ranker in RANKERS}
    figure = Figure(figsize=(11, 9), layout="constrained")
    grid = figure.subplots(len(SHOWN), len(WORLDS), sharex=True)
    for row, metric in zip(grid, SHOWN, strict=True):
        for axes, world in zip(row, WORLDS, strict=True):
            for ranker, colour in RANKERS.items():
                _draw(axes, found[ranker].get(world, []), metric, ranker, colour)
            axes.grid(axis="y", color="#e3e3e3")
            axes.set_axisbelow(True)
            axes.spines[["top", "right"]].set_visible(False)
            axes.tick_params(labelsize=8)
            axes.set_xticks(range(len(COMPARED)), COMPARED, rotation=60, ha="right")
            if metric == "true_calibration":
                axes.axhline(1, color="#888888", linewidth=0.8)
        row[0].set_ylabel(TITLES[METRICS.index(metric)], fontsize=9)
    for axes, world in zip(grid[0], WORLDS, strict=True):
        axes.set_title(world, fontsize=10)
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, loc="outside upper center", ncol=len(RANKERS), fontsize=9)
    figure.savefig(PLOT, dpi=100)
    print(PLOT.name)


def worlds_of(ranker: str) -> dict[str, list[dict[str, Any]]]:
    """Trials at the best number of passes by world, of the newest record of a ranker at size xs."""
    record = json.loads(newest(f"samples_{ranker}_xs", ".json").read_text(encoding="utf-8"))
    return {world: parts["best_passes"] for world, parts in record["worlds"].items()}


def _draw(axes: Axes, trials: list[dict[str, Any]], metric: str, ranker: str, colour: str) -> None:
    values = {name: [trial[metric] for trial in trials if trial["data"] == name] for name in COMPARED}
    places = [place for place, name in enumerate(COMPARED) if values[name]]
    own = [values[COMPARED[place]] for place in places]
    axes.errorbar(
        [place + 0.15 * list(RANKERS).index(ranker) for place in places],
        [mean(one) for one in own],
        yerr=[stdev(one) / len(one) ** 0.5 for one in own],
        fmt="o",
        markersize=4,
        capsize=2,
        color=colour,
        label=ranker,
    )


if __name__ == "__main__":
    main()
