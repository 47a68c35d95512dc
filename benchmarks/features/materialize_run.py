"""One way of filling the online store.

``python -m benchmarks.features.materialize_run HOME sqlite|redis uniscale|feast REDIS``.

Prints seconds, peak memory and the size of the store as JSON.
"""

from __future__ import annotations

import contextlib
import io
import json
import resource
import shutil
import sys
import time
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

from benchmarks.features.materialize import DS
from uniscale.config import Settings
from uniscale.contracts.days import midnight_after
from uniscale.contracts.features import ITEM_FEATURES
from uniscale.features.age import max_age
from uniscale.features.online.materialize import materialize
from uniscale.features.online.slots import LIVE, SLOTS
from uniscale.features.repo import open_store, repo_config
from uniscale.lake import Lake


def main() -> None:
    """Command line."""
    home, kind, way, address = sys.argv[1:]
    shutil.rmtree(Path(home) / "feast", ignore_errors=True)
    settings = Settings(home=Path(home))
    settings.features.online_store = kind
    settings.features.redis = address or settings.features.redis
    found = by_feast(settings) if way == "feast" else by_uniscale(settings)
    found["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found["store_mib"] = stored_bytes(settings, way) / 2**20
    print(json.dumps(found))


def by_uniscale(settings: Settings) -> dict[str, float]:
    """A slot filled whole, then the other one, then the first one brought two days on, then nothing to do."""
    lake, found = Lake(settings), {}
    for project in (*SLOTS, LIVE):
        open_store(settings, project=project)
    for name, days in (("full", 0), ("other", 1), ("changed", 2), ("again", 2)):
        began = time.monotonic()
        done = materialize(settings, lake, DS + timedelta(days=days))["views"][ITEM_FEATURES.name]
        found[name] = time.monotonic() - began
        found[f"{name}_written"] = done["written"]
    return found


def by_feast(settings: Settings) -> dict[str, Any]:
    """Feast's own online store, filled by Feast: everything, then the interval of the changed rows."""
    from feast import FeatureStore

    open_store(settings)
    own = {"type": "sqlite", "path": str(settings.home / "feast" / "feasts_own.db")}
    if settings.features.online_store == "redis":
        own = {"type": "redis", "connection_string": settings.features.redis}
    config = repo_config(settings)
    config.online_config, config._online_store = own, None
    store, found = FeatureStore(config=config), {}
    store.apply(list(store.list_entities()) + list(store.list_feature_views()), partial=True)  # creates its tables
    moments = [midnight_after(DS, days).replace(tzinfo=UTC) for days in (0, 2)]
    starts = [moments[0] - max_age(settings), moments[0] + timedelta(seconds=1)]
    for name, start, end in zip(("full", "changed"), starts, moments, strict=True):
        began = time.monotonic()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            store.materialize(start, end, feature_views=[ITEM_FEATURES.name])
        found[name] = time.monotonic() - began
    return found


def stored_bytes(settings: Settings, way: str) -> int:
    """Bytes that the store takes; of two slots, half."""
    if settings.features.online_store == "redis":
        import redis

        host, port = settings.features.redis.split(":")
        size = int(redis.Redis(host, int(port)).info("memory")["used_memory"])
    else:
        name = "feasts_own.db" if way == "feast" else "online.db"
        size = (settings.home / "feast" / name).stat().st_size
    return size if way == "feast" else size // 2


if __name__ == "__main__":
    main()
