"""Take entities out of the online store: Feast itself only writes and reads them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from uniscale.config import Settings
from uniscale.features.repo import open_store, repo_config
from uniscale.lake.erasure import compact_sqlite

if TYPE_CHECKING:
    from feast import FeatureStore


def remove_online(settings: Settings, entities: Mapping[str, Iterable[str]]) -> int:
    """Delete entities from the online store, and from the pages of its database file.

    Args:
        settings: The installation.
        entities: Values by join key, for example ``{"user_id": ["u1"]}``.

    Returns:
        Number of entities found and deleted, counted once per feature view in SQLite and once per key in Redis.
    """
    path = settings.home / "feast" / "online.db"
    if settings.features.online_store == "sqlite" and not path.is_file():
        return 0
    store = open_store(settings)
    keys = {name: [_entity_key(name, value) for value in values] for name, values in entities.items()}
    if settings.features.online_store == "sqlite":
        return _remove_sqlite(store, path, keys)
    return _remove_redis(settings, store, [key for listed in keys.values() for key in listed])


def _entity_key(name: str, value: str) -> bytes:
    from feast.infra.key_encoding_utils import serialize_entity_key
    from feast.protos.feast.types.EntityKey_pb2 import EntityKey
    from feast.protos.feast.types.Value_pb2 import Value

    key = EntityKey(join_keys=[name], entity_values=[Value(string_val=value)])
    return bytes(serialize_entity_key(key, entity_key_serialization_version=3))


def _remove_sqlite(store: FeatureStore, path: Path, keys: Mapping[str, list[bytes]]) -> int:
    removed = 0
    with closing(sqlite3.connect(path, timeout=60)) as database, database:
        known = {row[0] for row in database.execute("select name from sqlite_master where type = 'table'")}
        for view in store.list_feature_views():
            table = f"{store.project}_{view.name}"
            if table not in known:
                continue
            for key in keys.get(view.join_keys[0], []):
                held = database.execute(f'select 1 from "{table}" where entity_key = ? limit 1', [key]).fetchone()
                database.execute(f'delete from "{table}" where entity_key = ?', [key])
                removed += held is not None
    compact_sqlite(str(path))
    return removed


def _remove_redis(settings: Settings, store: FeatureStore, keys: list[bytes]) -> int:
    from feast.infra.online_stores.redis import RedisOnlineStore

    client = RedisOnlineStore()._get_client(repo_config(settings).online_store)
    return sum(int(client.delete(key + store.project.encode())) for key in keys)
