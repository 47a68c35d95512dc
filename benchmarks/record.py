"""What the benchmarks by size share of their records: the head, and where they are stored."""

from __future__ import annotations

import json
import os
import platform
import shlex
import sys
from datetime import date
from pathlib import Path
from typing import Any

from uniscale.checkout import code_version

RECORDS = Path(__file__).with_name("records")


def begin(module: str) -> dict[str, Any]:
    """A record of this run without any size yet."""
    return {
        "date": date.today().isoformat(),
        "command": f"python -m {module} {shlex.join(sys.argv[1:])}",
        "code_version": code_version(),
        "hardware": hardware(),
        "sizes": {},
    }


def hardware() -> str:
    """The machine in words."""
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def stored(name: str, record: dict[str, Any]) -> dict[str, Any] | None:
    """The record of that name, machine and month, if there is one."""
    file = _stem(name, record).with_suffix(".json")
    found: dict[str, Any] | None = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
    return found


def newest(name: str, suffix: str) -> Path:
    """The file of the newest record of that name.

    Raises:
        ValueError: There is none.
    """
    found = sorted(RECORDS.glob(f"{name}_x86_64_*{suffix}"), key=lambda path: path.stem[-7:])
    if not found:
        raise ValueError(f"no record is called {name}_x86_64_*{suffix}")
    return found[-1]


def store(name: str, record: dict[str, Any], page: str, *, folder: Path = RECORDS) -> None:
    """Store a record as JSON, and as the page that a person reads."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = _stem(name, record, folder)
    stem.with_suffix(".json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    stem.with_suffix(".md").write_text(page, encoding="utf-8")


def _stem(name: str, record: dict[str, Any], folder: Path = RECORDS) -> Path:
    return folder / f"{name}_{platform.machine()}_{os.cpu_count()}cores_{record['date'][:7]}"
