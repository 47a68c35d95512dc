"""The checkout this code runs from: where it lies, and which version it is."""

from __future__ import annotations

import hashlib
import subprocess
from functools import cache
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[1]
"""Holds dags, dbt_project, feature_repo, ray_jobs and monitoring next to the package."""

_CODE_FOLDERS = ("uniscale", "dbt_project", "feature_repo", "ray_jobs", "monitoring")
_CODE_SUFFIXES = {".py", ".sql", ".yaml", ".yml", ".toml", ".html"}


@cache
def code_version() -> str:
    """Hash of every source file, with the commit in front where git knows it: what ran, for people."""
    digest = hashlib.sha256()
    for folder in _CODE_FOLDERS:
        for path in source_files(PROJECT_ROOT / folder):
            digest.update(str(path.relative_to(PROJECT_ROOT)).encode())
            digest.update(path.read_bytes())
    return f"{_commit(PROJECT_ROOT)}{digest.hexdigest()[:12]}"


def source_files(folder: Path) -> list[Path]:
    """The source files below a folder of the checkout, in order; what tools wrote there is none."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix in _CODE_SUFFIXES
        and not {"target", "logs", "__pycache__"} & set(path.relative_to(PROJECT_ROOT).parts)
    )


def _commit(root: Path) -> str:
    try:
        answer = subprocess.run(
            ["git", "rev-parse", "--short=8", "HEAD"], cwd=root, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return f"{answer.stdout.strip()}-"
