"""What the worlds of the simulated shop look like, and what each knob moves: ``python -m benchmarks.data.worlds``.

Every preset is simulated with several seeds and measured; every knob of ``world_sweeps`` is turned alone, with one
seed. No ranker takes part. Writes a record and the plots of docs/worlds.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from statistics import mean
from typing import Any

import matplotlib as mpl

from benchmarks.data.world_facts import FACTS, measure
from benchmarks.data.world_sweeps import SWEEPS, Sweep
from benchmarks.record import begin, store
from uniscale.checkout import PROJECT_ROOT
from uniscale.simulator.blueprint import Blueprint
from uniscale.simulator.simulate import simulate
from uniscale.simulator.worlds import DEFAULT, PRESETS, choose_world

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

IMAGES = PROJECT_ROOT / "docs" / "img"
START = date(2026, 1, 5)
TABLE = (
    "feed_requests_per_search",
    "candidates_per_search",
    "click_rate",
    "outside_per_search_click",
    "caused_share",
    "held_share",
    "unseen_share",
    "attributed_per_search_click",
    "attributed_unseen_share",
    "same_category_again",
    "in_session",
    "distinct_queries",
    "bot_requests",
    "returned",
)
"""Facts of the presets."""
DRAWN = TABLE[:10]
BLUE, GREY = "#1f5fa8", "#9a9a9a"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="xs", help="of the shops")
    parser.add_argument("--days", type=int, default=9, help="of the presets")
    parser.add_argument("--sweep-days", type=int, default=4, help="of the knobs")
    parser.add_argument("--seeds", nargs="+", type=int, default=[7, 8, 9], help="of the presets; knobs get the first")
    arguments = parser.parse_args()
    size, seeds = arguments.size, arguments.seeds
    record = begin("benchmarks.data.worlds") | {"seeds": seeds, "presets": {}, "knobs": []}
    del record["sizes"]
    for name, world in PRESETS.items():
        told = [facts(world, size, arguments.days, seed, TABLE) for seed in seeds]
        record["presets"][name] = {fact: [one[fact] for one in told] for fact in TABLE}
        print(name, record["presets"][name], file=sys.stderr, flush=True)
    for sweep in SWEEPS:
        values = [turn(sweep, value, size, arguments.sweep_days, seeds[0]) for value in sweep.values]
        record["knobs"].append({"knob": sweep.knob, "at": sweep.values, "fact": sweep.fact, "is": values})
        print(record["knobs"][-1], file=sys.stderr, flush=True)
    store("worlds", record, page(record))
    draw_presets(record["presets"], IMAGES / "worlds.png")
    draw_knobs(record["knobs"], IMAGES / "knobs.png")


def facts(world: Blueprint, size: str, days: int, seed: int, names: Sequence[str]) -> dict[str, float]:
    """Facts of one simulated shop."""
    with tempfile.TemporaryDirectory(prefix="uniscale-bench-") as folder:
        simulate(Path(folder), days=days, size=size, seed=seed, start=START, blueprint=world)
        return {name: round(value, 5) for name, value in measure(Path(folder), names).items()}


def turn(sweep: Sweep, value: float | str, size: str, days: int, seed: int) -> float:
    """The fact of a sweep at one value of its knob."""
    changes = [f"{name}={setting}" for name, setting in {**sweep.with_knobs, sweep.knob: value}.items()]
    return facts(choose_world(DEFAULT.name, changes), size, days, seed, [sweep.fact])[sweep.fact]


def page(record: Mapping[str, Any]) -> str:
    """The record as a person reads it."""
    presets: Mapping[str, Mapping[str, Sequence[float]]] = record["presets"]
    return "\n".join(
        [
            f"# Worlds of the simulated shop, {record['date']}",
            "",
            f"`{record['command']}` on {record['hardware']}. Means of the seeds "
            f"{', '.join(map(str, record['seeds']))}; no ranker took part.",
            "",
            f"| | {' | '.join(presets)} |",
            f"|---|{'---|' * len(presets)}",
            *(
                f"| {FACTS[fact][0]} | {' | '.join(f'{mean(presets[name][fact]):.3g}' for name in presets)} |"
                for fact in TABLE
            ),
            "",
            "| knob | fact | at | is |",
            "|---|---|---|---|",
            *(
                f"| `{row['knob']}` | {FACTS[row['fact']][0]} | {', '.join(_short(value) for value in row['at'])} | "
                f"{', '.join(f'{value:.3g}' for value in row['is'])} |"
                for row in record["knobs"]
            ),
            "",
        ]
    )


def draw_presets(presets: Mapping[str, Mapping[str, Sequence[float]]], image: Path) -> None:
    """A panel a fact, a bar a preset, a dot a seed."""
    figure, grid = plt.subplots(2, 5, figsize=(15, 6), layout="constrained")
    for axes, fact in zip(grid.flat, DRAWN, strict=True):
        for row, (name, told) in enumerate(presets.items()):
            axes.barh(row, mean(told[fact]), color=GREY if name == DEFAULT.name else BLUE, height=0.6)
            axes.plot(told[fact], [row] * len(told[fact]), "k.", markersize=3)
        axes.set_yticks(range(len(presets)), list(presets) if axes in grid[:, 0] else [])
        axes.invert_yaxis()
        _style(axes, FACTS[fact][0])
    _save(figure, image)


def draw_knobs(knobs: Sequence[Mapping[str, Any]], image: Path) -> None:
    """A panel a knob; the dotted line is its default."""
    columns = 4
    figure, grid = plt.subplots(-(-len(knobs) // columns), columns, figsize=(13, 18), layout="constrained")
    for axes in grid.flat[len(knobs) :]:
        axes.remove()
    for axes, row in zip(grid.flat, knobs, strict=False):
        axes.plot(row["at"], row["is"], "o-", color=BLUE, markersize=4)
        default = getattr(DEFAULT.knobs, row["knob"])
        if default in row["at"]:
            axes.axvline(default, color=GREY, linestyle=":")
        axes.set_xlabel(row["knob"], fontsize=9, family="monospace")
        axes.set_ylim(min(0.0, *row["is"]), None)
        _style(axes, FACTS[row["fact"]][0])
    _save(figure, image)


def _style(axes: Axes, title: str) -> None:
    words, lines = title.split(), [""]
    for word in words:
        lines = [*lines[:-1], f"{lines[-1]} {word}".strip()] if len(lines[-1]) < 34 else [*lines, word]
    axes.set_title("\n".join(lines), fontsize=8)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _save(figure: plt.Figure, image: Path) -> None:
    image.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(image, dpi=75, metadata={"Software": None})
    plt.close(figure)


def _short(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.3g}"


if __name__ == "__main__":
    main()
