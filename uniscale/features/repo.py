"""Open Feast for an installation: the definitions of `feature_repo`, our lake, the configured online store."""

from __future__ import annotations

import fcntl
import hashlib
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uniscale.config import Settings
from uniscale.config.settings import PROJECT_ROOT
from uniscale.features.age import max_age

if TYPE_CHECKING:
    from feast import FeatureStore, RepoConfig

FEATURE_REPO = PROJECT_ROOT / "feature_repo"
PROJECT = "uniscale"
REQUEST_SERVICE = "ranker_request_v1"
ITEM_SERVICE = "ranker_item_v1"
_MODULES = ("entities", "sources", "views", "services")
_WRITE_BATCH = 10_000  # without a batch size, Feast writes the first Arrow chunk of a table only


def repo_config(settings: Settings, snapshot_id: int | None = None, *, leaky: bool = False) -> RepoConfig:
    """Feast's configuration for these settings.

    Args:
        settings: The installation.
        snapshot_id: Lake snapshot that retrieval reads; None for the newest state.
        leaky: Let late corrections answer as if they had always been known, to measure what that would hide.

    Raises:
        ValueError: ``features.online_store`` is neither sqlite nor redis.
    """
    from feast.repo_config import RepoConfig

    folder = settings.home / "feast"
    online: dict[str, Any]
    if settings.features.online_store == "sqlite":
        online = {"type": "sqlite", "path": str(folder / "online.db")}
    elif settings.features.online_store == "redis":
        online = {"type": "redis", "connection_string": settings.features.redis}
    else:
        raise ValueError(f"features.online_store={settings.features.online_store!r} is unknown; use sqlite or redis")
    return RepoConfig(
        project=PROJECT,
        provider="local",
        registry={"path": str(folder / "registry.db"), "cache_ttl_seconds": 0},
        offline_store={
            "type": "uniscale.features.store.DuckLakeOfflineStore",
            "home": str(settings.home),
            "lake": settings.lake.model_dump(),
            "snapshot_id": snapshot_id,
            "honour_knowledge_time": not leaky,
            "max_age_days": max_age(settings).days,
        },
        online_store=online,
        materialization={"pull_latest_features": True, "online_write_batch_size": _WRITE_BATCH},
        entity_key_serialization_version=3,
        repo_path=FEATURE_REPO,
    )


@cache
def definitions() -> tuple[Any, ...]:
    """Every entity, source, view and service of `feature_repo`.

    Feast's definitions import each other by bare names, as Feast's own command line needs it. They are imported here
    with the folder in front of the path, and the names are given back afterwards.
    """
    from feast import Entity, FeatureService, FeatureView

    from uniscale.features.source import LakeSource

    kinds = (Entity, LakeSource, FeatureView, FeatureService)
    found: list[Any] = []
    with _bare_imports(FEATURE_REPO):
        for name in _MODULES:
            module = importlib.import_module(name)
            for value in vars(module).values():
                if isinstance(value, kinds) and not any(value is other for other in found):
                    found.append(value)
    return tuple(found)


def open_store(settings: Settings, snapshot_id: int | None = None, *, leaky: bool = False) -> FeatureStore:
    """Feast for this installation, with the definitions of the checkout applied.

    Args:
        settings: The installation.
        snapshot_id: Lake snapshot that retrieval reads; None for the newest state.
        leaky: Let late corrections answer as if they had always been known, to measure what that would hide.
    """
    from feast import FeatureStore

    folder = settings.home / "feast"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "apply.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        store = FeatureStore(config=repo_config(settings, snapshot_id, leaky=leaky))
        applied = folder / "applied.sha256"
        wanted = _definitions_hash(settings)
        if not applied.is_file() or applied.read_text() != wanted or not (folder / "registry.db").is_file():
            _apply(store)
            applied.write_text(wanted)
    return store


def list_services(settings: Settings) -> list[dict[str, Any]]:
    """Feature services with their views, keys and features, as a document."""
    store = open_store(settings)
    return [
        {
            "name": service.name,
            "description": service.description,
            "views": [
                {
                    "name": projection.name,
                    "keys": store.get_feature_view(projection.name).join_keys,
                    "features": [feature.name for feature in projection.features],
                }
                for projection in service.feature_view_projections
            ],
        }
        for service in store.list_feature_services()
    ]


def _apply(store: FeatureStore) -> None:
    """Make Feast's registry hold exactly the definitions."""
    wanted = list(definitions())
    names = {(type(thing).__name__, thing.name) for thing in wanted}
    known = [
        *store.list_feature_services(),
        *store.list_feature_views(),
        *store.list_data_sources(),
        *store.list_entities(),
    ]
    gone = [thing for thing in known if (type(thing).__name__, thing.name) not in names and thing.name != "__dummy"]
    store.apply(wanted, objects_to_delete=gone, partial=False)


def _definitions_hash(settings: Settings) -> str:
    from feast import __version__

    digest = hashlib.sha256(f"{__version__} {settings.features.model_dump_json()}".encode())
    for path in (*sorted(FEATURE_REPO.glob("*.py")), Path(__file__), Path(__file__).with_name("source.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@contextmanager
def _bare_imports(folder: Path) -> Iterator[None]:
    """Import the modules of a folder by bare name without leaving these names behind."""
    before = {name: sys.modules.pop(name) for name in _MODULES if name in sys.modules}
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in _MODULES:
            sys.modules.pop(name, None)
        sys.modules.update(before)
