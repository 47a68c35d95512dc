"""Entity rows and feature versions by versions per key, as Parquet files and as a lake, and stores over them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from uniscale.config import Settings
from uniscale.lake import Lake

if TYPE_CHECKING:
    from feast import FeatureStore

DAYS = 30
"""Days over which versions and questions are spread evenly."""

LATE_SHARE, LATE_DAYS = 20, 2
"""One version in so many is recorded so many days after it began to hold, where versions are late."""

FEATURES = ("value", "number", "word")
CLOCKS = {"timestamp_field": "feature_at", "created_timestamp_column": "recorded_at"}


def write(folder: Path, rows: int, versions_per_key: int, *, late: bool) -> None:
    """Write ``entities.parquet`` and ``versions.parquet`` of so many rows each, and the versions into a lake."""
    keys = rows // versions_per_key
    moment = "timestamp '2026-01-01' + to_microseconds((hash({}) % {})::bigint)"
    span = DAYS * 86_400_000_000
    recorded = f"feature_at + to_days(case when hash(-range) % {LATE_SHARE} = 0 then {LATE_DAYS} else 0 end)"
    con = duckdb.connect()
    con.execute(
        f"copy (select 'u' || range % {keys} as name, {moment.format('range', span)} as feature_at, "
        f"{recorded if late else 'feature_at'} as recorded_at, hash(range + 1) / 1e15 as value, "
        f"(hash(range + 2) % 1000)::bigint as number, 'word' || range % 100 as word from range({rows})) "
        f"to '{folder}/versions.parquet'"
    )
    con.execute(
        f"copy (select 'u' || hash(range + 3) % {keys} as name, {moment.format('range + 4', span)} as event_timestamp, "
        f"range as place from range({rows})) to '{folder}/entities.parquet'"
    )

    def land(lake: duckdb.DuckDBPyConnection) -> None:
        lake.execute("create schema lake.features")
        lake.execute(f"create table lake.features.things as from read_parquet('{folder}/versions.parquet')")

    Lake(settings(folder)).commit(land, "versions")


def settings(folder: Path) -> Settings:
    """The installation of a folder."""
    return Settings(home=folder / "home")


def our_store(folder: Path, ttl: timedelta) -> FeatureStore:
    """Feast with our offline store over the lake; no time to live is zero."""
    from feast import FeatureStore

    from uniscale.features.offline.source import LakeSource
    from uniscale.features.repo import repo_config

    (folder / "home" / "feast").mkdir(exist_ok=True)
    config = repo_config(settings(folder))
    config.offline_store.max_age_days = 100_000
    store = FeatureStore(config=config)
    store.apply(_definitions(LakeSource(name="things", table="features.things", **CLOCKS), ttl))
    return store


def feasts_store(folder: Path, ttl: timedelta) -> FeatureStore:
    """Feast with its own DuckDB store over the Parquet file."""
    from feast import FeatureStore, RepoConfig
    from feast.infra.offline_stores.file_source import FileSource

    store = FeatureStore(
        config=RepoConfig(
            project="feast",
            provider="local",
            registry=str(folder / "feast.db"),
            offline_store={"type": "duckdb"},
            online_store={"type": "sqlite", "path": str(folder / "online.db")},
            entity_key_serialization_version=3,
            repo_path=folder,
        )
    )
    store.apply(_definitions(FileSource(name="things", path=str(folder / "versions.parquet"), **CLOCKS), ttl))
    return store


def _definitions(source: Any, ttl: timedelta) -> list[Any]:
    from feast import Entity, FeatureView, Field, ValueType
    from feast.types import Float64, Int64, String

    entity = Entity(name="thing", join_keys=["name"], value_type=ValueType.STRING)
    types = dict(zip(("name", *FEATURES), (String, Float64, Int64, String), strict=True))
    schema = [Field(name=name, dtype=dtype) for name, dtype in types.items()]
    return [entity, FeatureView(name="things", entities=[entity], ttl=ttl, source=source, schema=schema)]
