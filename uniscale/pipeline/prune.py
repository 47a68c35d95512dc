"""What grows next to the lake and goes with age: drift reports, logs, results of sweeps, models that never served."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from uniscale.config import Settings
from uniscale.contracts.outcomes import DECISIONS
from uniscale.decision.champion import champion_changes
from uniscale.lake import Lake
from uniscale.lake.lake import table_has

_SECONDS = 86_400
_GROWING = {
    "drift reports": ("reports", "*/drift-*.html"),
    "Evidently runs": ("evidently", "*/snapshots/*.json"),
    "sweeps": ("sweeps", "*"),
    "poison checks": ("poison", "*/*.parquet"),
    "Ray sessions": ("ray", "*"),
    "logs of days": ("runs", "*/airflow.log"),
    "logs of Airflow": ("airflow/logs", "**/*.log"),
}
"""By what people call them: a folder of the installation and the pattern of what is let go there, each as a whole.

The pages of the days stay, and so do their numbers.
"""


def prune_files(settings: Settings, keep_days: int) -> dict[str, int]:
    """Delete what has not been touched for some days.

    Returns:
        Bytes freed, by what it was.
    """
    before = time.time() - keep_days * _SECONDS
    freed = dict.fromkeys(_GROWING, 0)
    for name, (folder, pattern) in _GROWING.items():
        for path in sorted((settings.home / folder).glob(pattern)):
            if max(entry.stat().st_mtime for entry in _entries(path)) < before:
                freed[name] += sum(entry.stat().st_size for entry in _entries(path))
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    return freed


def prune_models(settings: Settings, lake: Lake, keep_days: int) -> int:
    """Delete the models trained more than some days before the newest one that never served and hold no alias.

    Returns:
        How many were deleted.
    """
    from uniscale.registry.client import is_there
    from uniscale.registry.store import Registry

    if not is_there(settings):
        return 0
    registry = Registry(settings)
    changes = champion_changes(lake)
    served = {version for change in changes for version in (change.version, change.replaced) if version is not None}
    served |= _decided_about(lake)
    versions = registry.versions()
    newest = max((version.ds for version in versions), default=None)
    if newest is None:
        return 0
    old = [version for version in versions if version.ds < newest - timedelta(days=keep_days)]
    gone = [version for version in old if version.version not in served | registry.aliased()]
    for version in gone:
        registry.delete(version)
    return len(gone)


def _decided_about(lake: Lake) -> set[str]:
    """Versions that a decision names as the champion of its day: the same decision can be made again."""
    if not lake.exists():
        return set()
    with lake.read() as con:
        if not table_has(con, DECISIONS):
            return set()
        rows = con.execute(f"select distinct champion_version from lake.{DECISIONS.qualified}").fetchall()
    return {version for (version,) in rows}


def _entries(path: Path) -> Iterator[Path]:
    yield path
    if path.is_dir():
        yield from path.rglob("*")
