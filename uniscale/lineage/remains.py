"""What a forgotten user leaves outside the lake: files that people or tools made, which are told and not touched."""

from __future__ import annotations

import re
from pathlib import Path

from uniscale.config import Settings

_FOLDERS = ("reports", "runs", "dbt", "airflow", "services", "evidently", "ray", "sweeps")
_SUFFIXES = {".html", ".json", ".jsonl", ".log", ".csv", ".sql", ".txt"}


def files_that_name(settings: Settings, user: str) -> list[Path]:
    """Pages, logs and traces of runs that hold the identifier as a word of its own."""
    word = re.compile(rb"(?<![\w-])" + re.escape(user.encode()) + rb"(?![\w-])")
    found = []
    for name in _FOLDERS:
        for path in sorted((settings.home / name).rglob("*")):
            if path.suffix in _SUFFIXES and path.is_file() and word.search(path.read_bytes()):
                found.append(path)
    return found
