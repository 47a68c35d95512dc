"""A simulated shop in a folder of its own, and the steps of its last training day."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path

from uniscale.checkout import PROJECT_ROOT
from uniscale.config import Settings
from uniscale.config.settings import SourceSettings, WindowSettings
from uniscale.simulator.blueprint import world_name
from uniscale.simulator.worlds import DEFAULT

START = date(2026, 1, 5)


class Shop:
    """A shop that is simulated and built through the command line, as a user would.

    Attributes:
        ds: Its last training day; one test day follows.
        settings: Its installation.
    """

    def __init__(self, folder: Path, *, size: str, train_days: int, days_before: int = 0, days_after: int = 0) -> None:
        folder.mkdir(exist_ok=True)
        self._days, self._days_after = days_before + train_days, days_after
        self.ds = START + timedelta(days=self._days - 1)
        self.settings = Settings(
            home=folder / "home",
            source=SourceSettings(events_dir=folder / "shop" / "events", truth_dir=folder / "shop" / "truth"),
            window=WindowSettings(train_days=train_days),
        )
        self._folder, self._size, self._train_days = folder, size, train_days

    def simulate(self, seed: int = 7, *, world: str = DEFAULT.name, changes: Sequence[str] = ()) -> float:
        """Write the logs of a preset or world file, some knobs set (``name=value``); returns seconds."""
        days = str(self._days + 1 + self._days_after)
        turned = [word for change in changes for word in ("--set", change)]
        return self._run(
            *("simulate", "--days", days, "--size", self._size, "--seed", str(seed), "--world", world, *turned),
            *("--start", START.isoformat(), "--out", str(self._folder / "shop")),
        )

    def world(self) -> str | None:
        """Name of the world that was simulated."""
        return world_name(self._folder / "shop")

    def ingest(self) -> None:
        """Land the logs of all days, also of those after the test day."""
        self._run("ingest", "events", str(self.settings.source.events_dir))

    def build(self, steps: Iterable[str]) -> None:
        """Run steps of the day, in order."""
        for step in steps:
            self._run("step", step, self.ds.isoformat())

    def environment(self) -> dict[str, str]:
        """Variables of a process on this shop: those of this one, without settings but the shop's."""
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("UNISCALE_")},
            "UNISCALE_HOME": str(self.settings.home),
            "UNISCALE_SOURCE__EVENTS_DIR": str(self.settings.source.events_dir),
            "UNISCALE_WINDOW__TRAIN_DAYS": str(self._train_days),
            "PYTHONPATH": str(PROJECT_ROOT),
        }
        if self.settings.features.leaky:
            environment["UNISCALE_FEATURES__LEAKY"] = "true"
        if self.settings.policy is not None:
            environment["UNISCALE_POLICY"] = str(self.settings.policy)
        return environment

    def _run(self, *words: str) -> float:
        print(f"{self._size}: uniscale {' '.join(words)}", file=sys.stderr, flush=True)
        start = time.perf_counter()
        command = [sys.executable, "-m", "uniscale", *words]
        subprocess.run(command, env=self.environment(), cwd=self._folder, check=True)
        return time.perf_counter() - start
