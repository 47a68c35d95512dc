"""Planted faults and quiet days on simulated shops: ``python -m benchmarks.monitoring.suite FOLDER``.

Each shop is run day by day as an installation would be, up to its profiles and findings; nothing is trained. A fault is
planted in a copy of the shop as it was before its last day. What was built is kept in the folder, so that a suite that
was stopped goes on.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

from benchmarks.monitoring.plants import PLANTS, Plant
from benchmarks.monitoring.report import page
from benchmarks.record import begin, store
from benchmarks.shop import START
from monitoring.drift.store import find_drift
from monitoring.profiling.store import profile_day
from uniscale.config import Settings
from uniscale.config.settings import SourceSettings, WindowSettings
from uniscale.config.thresholds import load_thresholds
from uniscale.contracts.policy import DEFAULT_POLICY
from uniscale.lake import Lake
from uniscale.pipeline import work
from uniscale.simulator.simulate import ABOUT, simulate

TRAIN_DAYS = 3
_RAN = "ran-{}"
"""File that marks a day of a shop as run."""


@dataclass(frozen=True, kw_only=True)
class Log:
    """A shop of the suite.

    Attributes:
        days: Age of the log on its last day.
        quiet: Days at its end that are watched and hold no fault.
        seed: Of the simulation.
        has_faults: Whether faults are planted in copies of it.
    """

    days: int
    quiet: int
    seed: int
    has_faults: bool = False

    @property
    def ds(self) -> date:
        """Its last day."""
        return START + timedelta(days=self.days - 1)

    @property
    def runs(self) -> list[date]:
        """Days that are run: every few while history is made, then every day that is watched."""
        watched = [self.ds - timedelta(days=back) for back in range(self.quiet - 1, -1, -1)]
        history = []
        day = watched[0] - timedelta(days=1)
        while day > START:
            history.append(day)
            day -= timedelta(days=TRAIN_DAYS)
        return [*reversed(history), *watched]


class Shop:
    """One shop of the suite in a folder of its own."""

    def __init__(self, folder: Path, log: Log) -> None:
        self.folder, self.log = folder, log
        self._policy = folder / "policy.yaml"
        self.settings = Settings(
            home=folder / "home",
            policy=self._policy,
            source=SourceSettings(events_dir=folder / "shop" / "events"),
            window=WindowSettings(train_days=TRAIN_DAYS),
        )

    def simulate(self, size: str) -> None:
        """Write the log, with the test day after its last day."""
        simulate(self.folder / "shop", days=self.log.days + 1, size=size, seed=self.log.seed, start=START)
        document = yaml.safe_load(DEFAULT_POLICY.read_text(encoding="utf-8"))
        document["searchification"]["max_leak"] = 0.5  # the guard would stop a day that monitoring is to see
        self._policy.write_text(yaml.safe_dump(document), encoding="utf-8")

    def run(self, ds: date, plant: Plant | None = None) -> list[dict[str, Any]]:
        """The run of a day up to its findings."""
        lake = Lake(self.settings)
        if plant is not None and plant.in_log is not None:
            plant.in_log(self.folder / "shop" / "events", ds)
        work.land(self.settings, lake, ds, False)
        work.marts(self.settings, lake, ds, False)
        if plant is not None and plant.in_lake is not None:
            plant.in_lake(lake, ds)
        work.samples(self.settings, lake, ds, False)
        work.frames(self.settings, lake, ds, False)
        profile_day(self.settings, lake, ds)
        return self.judge(ds)

    def judge(self, ds: date) -> list[dict[str, Any]]:
        """Findings of a day whose profiles are there."""
        return find_drift(Lake(self.settings), ds, self.settings.domains, load_thresholds().drift)

    def copied(self, folder: Path) -> Shop:
        """The same shop in another folder; what the home holds is not linked, as it will be written to."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.folder, folder)
        return Shop(folder, self.log)


def quiet_days(folder: Path, log: Log, size: str) -> Iterator[tuple[date, list[dict[str, Any]]]]:
    """Run a shop to its end, keeping a copy from before its last day; gives the findings of the watched days."""
    shop = Shop(folder / f"log-{log.days}-{log.seed}", log)
    if not (shop.folder / "shop" / ABOUT).is_file():
        shop.folder.mkdir(parents=True, exist_ok=True)
        shop.simulate(size)
    for ds in log.runs:
        if ds == log.ds and not (shop.folder / _RAN.format(ds)).is_file():
            shop.copied(_before(shop))
        _once(shop, ds)
    for ds in log.runs[-log.quiet :]:
        yield ds, shop.judge(ds)


def planted(folder: Path, log: Log, plant: Plant) -> list[dict[str, Any]]:
    """Findings of the last day of a shop with a fault planted in it."""
    before = Shop(_before(Shop(folder / f"log-{log.days}-{log.seed}", log)), log)
    place = folder / f"log-{log.days}-{log.seed}-{plant.name.replace(' ', '-').replace('%', 'percent')}"
    spoilt = Shop(place, log)
    if not (place / _RAN.format(log.ds)).is_file():
        spoilt = before.copied(place)
    _once(spoilt, log.ds, plant)
    return spoilt.judge(log.ds)


def is_named(found: list[dict[str, Any]], plant: Plant) -> dict[str, Any] | None:
    """The finding that names a fault by its population and column, or None."""
    return next(
        (
            one
            for one in found
            if (one["population"], one["column_name"], one["what"]) == (plant.population, plant.column, plant.what)
        ),
        None,
    )


def _before(shop: Shop) -> Path:
    return shop.folder.with_name(f"{shop.folder.name}-before")


def _once(shop: Shop, ds: date, plant: Plant | None = None) -> None:
    """Run a day unless it has been."""
    mark = shop.folder / _RAN.format(ds)
    if not mark.is_file():
        start = time.monotonic()
        shop.run(ds, plant)
        mark.touch()
        print(f"{shop.folder.name}: {ds}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="Where the shops are built, and kept.")
    parser.add_argument("--size", default="xs", help="Size of the shops.")
    parser.add_argument(
        "--seeds", type=int, nargs=3, default=(1, 2, 3), help="Of a young log, an old one and another young one."
    )
    parser.add_argument("--logs", type=int, default=3, help="Run the first so many of the three shops.")
    parser.add_argument("--dry", action="store_true", help="Store no record.")
    words = parser.parse_args()
    young, old, other = words.seeds
    logs = (
        Log(days=10, quiet=5, seed=young, has_faults=True),
        Log(days=40, quiet=10, seed=old, has_faults=True),
        Log(days=10, quiet=5, seed=other),
    )
    record = {**begin("benchmarks.monitoring.suite"), "size": words.size, "quiet": [], "planted": []}
    folder = words.folder.resolve()
    for log in logs[: words.logs]:
        for ds, found in quiet_days(folder, log, words.size):
            alarms = [one["detail"] for one in found]
            record["quiet"].append({"log_days": (ds - START).days + 1, "seed": log.seed, "false_alarms": alarms})
        if log.has_faults:
            record["planted"] += [_judged(log, plant, planted(folder, log, plant)) for plant in PLANTS]
    print(page(record))
    if not words.dry:
        store("monitoring", record, page(record))


def _judged(log: Log, plant: Plant, found: list[dict[str, Any]]) -> dict[str, Any]:
    named = is_named(found, plant)
    return {
        "log_days": log.days,
        "seed": log.seed,
        "name": plant.name,
        "title": plant.title,
        "is_found": named is not None,
        "detail": None if named is None else named["detail"],
        "score": None if named is None else named["score"],
        "num_findings": len(found),
    }


if __name__ == "__main__":
    main()
