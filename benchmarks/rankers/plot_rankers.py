"""Plot the quality of all rankers from their records: ``python -m benchmarks.rankers.plot_rankers``."""

from __future__ import annotations

import json
from statistics import mean, stdev

from matplotlib.figure import Figure

from benchmarks.record import newest
from uniscale.checkout import PROJECT_ROOT

PLOT = PROJECT_ROOT / "docs" / "img" / "rankers.png"
DATA = {"es3": ("entire-space rows", "#3b6ea8"), "exposed": ("shown rows only", "#c98a3b")}


def main() -> None:
    """Draw GAUC by ranker, mean and standard error over seeds."""
    found = {data: gauc_by_ranker(data) for data in DATA}
    names = sorted(found["es3"], key=lambda name: mean(found["es3"][name]))
    figure = Figure(figsize=(7.5, 5), layout="constrained")
    axes = figure.subplots()
    for data, (label, colour) in DATA.items():
        values = [found[data][name] for name in names]
        errors = [stdev(one) / len(one) ** 0.5 for one in values]
        axes.errorbar(
            [mean(one) for one in values],
            range(len(names)),
            xerr=errors,
            fmt="o",
            markersize=5,
            capsize=3,
            color=colour,
            label=label,
        )
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("GAUC of clicks on the next day, mean and standard error over seeds", fontsize=9)
    axes.grid(axis="x", color="#e3e3e3")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1), ncol=2, fontsize=9)
    figure.savefig(PLOT, dpi=110)
    print(PLOT.name)


def gauc_by_ranker(data: str) -> dict[str, list[float]]:
    """GAUC of every seed, by ranker, of the newest record at size xs."""
    found: dict[str, list[float]] = {}
    for trial in json.loads(newest(f"rankers_xs_{data}", ".json").read_text(encoding="utf-8"))["trials"]:
        found.setdefault(trial["model"], []).append(trial["gauc"])
    return found


if __name__ == "__main__":
    main()
