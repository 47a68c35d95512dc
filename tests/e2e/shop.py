"""A tiny shop and the commands people run on it, as processes."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from uniscale.checkout import PROJECT_ROOT
from uniscale.config.settings import Settings
from uniscale.lake import Lake
from uniscale.lineage.content import Content, whole_content

DS = "2026-01-07"
DAYS = 4

CONFIG = """
home = "home"

[source]
events_dir = "{events}"
truth_dir = "{truth}"

[window]
train_days = 2
"""


@dataclass(frozen=True)
class Shop:
    """An installation in a folder of its own."""

    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("UNISCALE_", "AIRFLOW"))}
        return {**kept, "UNISCALE_CONFIG": str(self.folder / "uniscale.toml"), "PYTHONPATH": str(PROJECT_ROOT)}

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "uniscale", *words]

    def run(self, *words: str, check: bool = True, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.command(*words),
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(
                f"{' '.join(words)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}\n{self.log()}"
            )
        return done

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.command(*words),
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def changes(self) -> list[dict]:
        path = self.home / "runs" / DS / "progress.jsonl"
        if not path.is_file():
            return []
        return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]

    def log(self) -> str:
        path = self.home / "runs" / DS / "airflow.log"
        return path.read_text(encoding="utf-8")[-6000:] if path.is_file() else ""

    def lake(self) -> Lake:
        settings = Settings(home=self.home)
        return Lake(settings)


def new_shop(folder: Path, logs: Path) -> Shop:
    """An empty installation that reads the simulated logs in ``logs``."""
    folder.mkdir(parents=True)
    text = CONFIG.format(events=logs / "events", truth=logs / "truth")
    (folder / "uniscale.toml").write_text(text, encoding="utf-8")
    return Shop(folder)


def content(lake: Lake) -> dict[str, Content]:
    """Rows and order-free hash of every lake table, without what names a run rather than its result."""
    with lake.read() as con:
        return whole_content(con)
