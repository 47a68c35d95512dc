"""Open Feast for an installation: the definitions of `feature_repo`, our lake, the configured online store."""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uniscale.checkout import PROJECT_ROOT
from uniscale.config import Settings
from uniscale.contracts.features import ITEM_SERVICE as ITEM_SERVICE  # noqa: PLC0414
from uniscale.contracts.features import REQUEST_SERVICE as REQUEST_SERVICE  # noqa: PLC0414
from uniscale.contracts.features import USER_FRESH_ACTIONS
from uniscale.features.age import max_age
from uniscale.features.online.slots import locked
from uniscale.whole_files import write_whole

if TYPE_CHECKING:
    from feast import FeatureStore, FeatureView, RepoConfig

FEATURE_REPO = PROJECT_ROOT / "feature_repo"
PROJECT = "uniscale"
_MODULES = ("entities", "sources", "views", "services")
_WRITE_BATCH = 10_000  # without a batch size, Feast writes the first Arrow chunk of a table only


def repo_config(
    settings: Settings, snapshot_id: int | None = None, project: str = PROJECT, *, leaky: bool = False
) -> RepoConfig:
    """Feast's configuration for these settings.

    Args:
        settings: The installation.
        snapshot_id: Lake snapshot that retrieval reads; None for the newest state.
        project: Feast project: that of retrieval, or one of the online store (`uniscale.features.online.slots`).
        leaky: Let late corrections answer as if they had always been known, to measure what that would hide.

    Raises:
        ValueError: ``features.online_store`` is neither sqlite nor redis, or ``features.redis`` is no address.
    """
    from feast.repo_config import RepoConfig

    folder = settings.home / "feast"
    return RepoConfig(
        project=project,
        provider="local",
        registry={
            "path": str(folder / "registry.db"),
            "registry_store_type": "uniscale.features.registry_store.WholeFileRegistryStore",
            "cache_ttl_seconds": 0,
        },
        offline_store={
            "type": "uniscale.features.offline.store.DuckLakeOfflineStore",
            "home": str(settings.home),
            "lake": settings.lake.model_dump(),
            "snapshot_id": snapshot_id,
            "honour_knowledge_time": not (leaky or settings.features.leaky),
            "max_age_days": max_age(settings).days,
        },
        online_store=_online_store(settings),
        materialization={"pull_latest_features": True, "online_write_batch_size": _WRITE_BATCH},
        entity_key_serialization_version=3,
        repo_path=FEATURE_REPO,
    )


def _online_store(settings: Settings) -> dict[str, Any]:
    features = settings.features
    if features.online_store == "sqlite":
        kind = "uniscale.features.online.sqlite_store.BulkSqliteOnlineStore"
        return {"type": kind, "path": str(settings.home / "feast" / "online.db")}
    if features.online_store == "redis":
        from uniscale.features.online.redis_store import parse_address

        parse_address(features.redis)
        return {
            "type": "uniscale.features.online.redis_store.BulkRedisOnlineStore",
            "connection_string": features.redis,
            "password": features.redis_password,
            "timeout_ms": features.redis_timeout_ms,
        }
    raise ValueError(f"features.online_store={features.online_store!r} is unknown; use sqlite or redis")


@cache
def definitions() -> tuple[Any, ...]:
    """Every entity, source, view and service of `feature_repo`.

    Feast's definitions import each other by bare names, as Feast's own command line needs it. They are imported here
    with the folder in front of the path, and the names are given back afterwards.
    """
    from feast import Entity, FeatureService, FeatureView

    from uniscale.features.offline.source import LakeSource

    kinds = (Entity, LakeSource, FeatureView, FeatureService)
    found: list[Any] = []
    with _bare_imports(FEATURE_REPO):
        for name in _MODULES:
            module = importlib.import_module(name)
            for value in vars(module).values():
                if isinstance(value, kinds) and not any(value is other for other in found):
                    found.append(value)
    return tuple(found)


def open_store(
    settings: Settings, snapshot_id: int | None = None, project: str = PROJECT, *, leaky: bool = False
) -> FeatureStore:
    """Feast for this installation, with the definitions of the checkout applied.

    Args:
        settings: The installation.
        snapshot_id: Lake snapshot that retrieval reads; None for the newest state.
        project: Feast project: that of retrieval, or one of the online store (`uniscale.features.online.slots`).
        leaky: Let late corrections answer as if they had always been known, to measure what that would hide.
    """
    from feast import FeatureStore

    from uniscale.features.registry_store import drop_torn_registry

    folder = settings.home / "feast"
    with locked(settings, "apply"):
        is_there = drop_torn_registry(folder / "registry.db")
        store = FeatureStore(config=repo_config(settings, snapshot_id, project, leaky=leaky))
        applied = folder / f"applied_{project}.sha256"
        wanted = _definitions_hash(settings)
        if not is_there:
            for stamp in folder.glob("applied_*.sha256"):
                stamp.unlink()
        if not applied.is_file() or applied.read_text() != wanted:
            _apply(store)
            write_whole(applied, wanted)
    return store


def daily_views(store: FeatureStore) -> list[FeatureView]:
    """The views that are materialised: all but the one that is pushed."""
    return [view for view in store.list_feature_views() if view.name != USER_FRESH_ACTIONS.name]


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

    digest = hashlib.sha256(f"{__version__} {settings.features.online_store}".encode())
    here = [Path(__file__).parent / name for name in ("repo.py", "offline/source.py", "online/sqlite_store.py")]
    contracts = sorted((PROJECT_ROOT / "uniscale" / "contracts").glob("*.py"))
    for path in (*sorted(FEATURE_REPO.glob("*.py")), *contracts, *here):
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
