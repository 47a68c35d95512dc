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
    """Hash of every source file that can change a result, with the commit in front where git knows it."""
    digest = hashlib.sha256()
    for folder in _CODE_FOLDERS:
        for path in sorted((PROJECT_ROOT / folder).rglob("*")):
            relative = path.relative_to(PROJECT_ROOT)
            if path.suffix in _CODE_SUFFIXES and not {"target", "logs", "__pycache__"} & set(relative.parts):
                digest.update(str(relative).encode())
                digest.update(path.read_bytes())
    return f"{_commit(PROJECT_ROOT)}{digest.hexdigest()[:12]}"


def _commit(root: Path) -> str:
    try:
        answer = subprocess.run(
            ["git", "rev-parse", "--short=8", "HEAD"], cwd=root, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return f"{answer.stdout.strip()}-"
