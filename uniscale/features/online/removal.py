"""Take entities out of everything online: both slots, the pushed actions, and the files of the generations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from uniscale.config import Settings
from uniscale.contracts.literals import quoted, quoted_file
from uniscale.features.online.slots import (
    LIVE,
    SHADOW,
    SLOTS,
    generation_folder,
    generations_folder,
    locked,
    read_pointer,
    write_pointer,
)
from uniscale.features.repo import daily_views, open_store

if TYPE_CHECKING:
    import duckdb
    from feast import FeatureStore


def remove_online(settings: Settings, entities: Mapping[str, Iterable[str]]) -> int:
    """Delete entities from the online store, from its files and from the files of the generations.

    A generation that holds one of them is rewritten without it, under the name of its new content, and the slots and
    the pointer name that one from then on. Killed at any moment, the same call finishes.

    Args:
        settings: The installation.
        entities: Values by join key, for example ``{"user_id": ["u1"]}``; they go from every view with that key.

    Returns:
        Number of rows found and deleted, counted once per feature view and slot.

    Raises:
        ValueError: The online store does not answer.
    """
    is_filled = generations_folder(settings).is_dir() or (settings.home / "feast" / "online.db").is_file()
    if settings.features.online_store == "sqlite" and not is_filled:
        return 0
    import duckdb

    from uniscale.features.online.bulk import answering, bulk_store
    from uniscale.features.online.generations import drop_generations, without

    with locked(settings, "materialize"), duckdb.connect() as con:
        stores = {project: open_store(settings, project=project) for project in (*SLOTS, LIVE, SHADOW)}
        live, shadow = stores.pop(LIVE), stores.pop(SHADOW)
        con.execute("create temp table leaving (name varchar, value varchar)")
        for pair in [(name, value) for name, values in entities.items() for value in values]:
            con.execute("insert into leaving values (?, ?)", pair)
        renamed: dict[str, str] = {}
        with answering(live, "what is served stays as it is"):
            for folder in generations_folder(settings).glob("[!.]*"):
                conditions = _leaving(settings, con, folder.name)
                renamed[folder.name] = (
                    without(settings, con, folder.name, conditions).name if conditions else folder.name
                )
            removed = _remove_pushed(live, con)
            bulk_store(shadow).clear(shadow.config, shadow.list_feature_views())
            for store in stores.values():
                online, held = bulk_store(store), bulk_store(store).held(store.config)
                if held in renamed:
                    removed += _remove_held(settings, store, con, held)
                    online.hold(store.config, renamed[held])
                else:  # a killed materialisation: what it left may hold anybody
                    online.clear(store.config, store.list_feature_views())
            pointer = read_pointer(settings)
            if pointer is not None and pointer.generation in renamed:
                pointer = replace(pointer, generation=renamed[pointer.generation])
                write_pointer(settings, pointer)
            needed = {bulk_store(store).held(store.config) for store in stores.values()}
            drop_generations(settings, keep=needed | ({pointer.generation} if pointer else set()))
            bulk_store(live).compact(live.config)
    return removed


def _leaving(settings: Settings, con: duckdb.DuckDBPyConnection, generation: str) -> dict[str, str]:
    """SQL condition of the rows that leave, by view of a generation that has any."""
    names = {row[0] for row in con.execute("select distinct name from leaving").fetchall()}
    found = {}
    for file in sorted(generation_folder(settings, generation).glob("*.parquet")):
        columns = [row[0] for row in con.execute(f"describe from {quoted_file(file)}").fetchall() if row[0] in names]
        conditions = [f"{name} in (select value from temp.leaving where name = {quoted(name)})" for name in columns]
        condition = " or ".join(conditions)
        if condition:
            any_row = con.execute(f"select 1 from {quoted_file(file)} where {condition} limit 1").fetchone()
            if any_row is not None:
                found[file.stem] = condition
    return found


def _remove_held(settings: Settings, store: FeatureStore, con: duckdb.DuckDBPyConnection, generation: str) -> int:
    """Take the rows that leave a generation out of the slot that holds it."""
    from uniscale.features.offline.versions import columns
    from uniscale.features.online.bulk import bulk_store

    removed = 0
    conditions = _leaving(settings, con, generation)
    for view in daily_views(store):
        if view.name in conditions:
            file = generation_folder(settings, generation) / f"{view.name}.parquet"
            query = f"select {columns(view.join_keys)} from {quoted_file(file)} where {conditions[view.name]}"
            removed += bulk_store(store).delete_keys(store.config, view, con.execute(query).to_arrow_table())
    return removed


def _remove_pushed(store: FeatureStore, con: duckdb.DuckDBPyConnection) -> int:
    """Take the keys out of the views that are known by one key."""
    from uniscale.features.online.bulk import bulk_store

    removed = 0
    for view in store.list_feature_views():
        if len(view.join_keys) == 1:
            query = f"select distinct value as {view.join_keys[0]} from leaving where name = ?"
            keys = con.execute(query, view.join_keys).to_arrow_table()
            if keys.num_rows:
                removed += bulk_store(store).delete_keys(store.config, view, keys)
    return removed
