"""Ask for the features of a service: as served now, or as they were known at a moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from uniscale.config import Settings
from uniscale.contracts.features import FEATURE_TABLES, USER_FRESH_ACTIONS, FeatureTable
from uniscale.features.encoding.text import normalised_query
from uniscale.features.online.read import read_online, served
from uniscale.features.repo import open_store

if TYPE_CHECKING:
    from feast import FeatureStore

_TABLES = {table.name: table for table in FEATURE_TABLES}
Row = dict[str, str | None]


def get_features(
    settings: Settings,
    service: str,
    entities: Sequence[tuple[str, str]],
    *,
    as_of: datetime | None = None,
    snapshot_id: int | None = None,
    leaky: bool = False,
) -> dict[str, Any]:
    """Features of a service for some entities.

    Args:
        settings: The installation.
        service: Feature service.
        entities: Keys with their values, for example ``("item_id", "i7")``. A key that is given several times makes
            several rows, in which a key that is given once is the same.
        as_of: Moment (naive UTC) whose knowledge is asked for, from the lake; None for what the online store serves.
        snapshot_id: Lake snapshot to read; None for the newest state.
        leaky: With ``as_of``: count corrections that became known later, to see what they would have changed.

    Returns:
        ``service``; ``as_of`` (UTC); ``generation`` that is served, None for a moment in the lake; ``rows`` with
        ``entity`` and ``features`` (None where nothing is known); ``unknown``: a sentence per entity and view without
        features; ``stale``: a sentence if newer values should be served by now, else None.

    Raises:
        ValueError: An unknown service or key, a key that is missing, a moment in the future, or an empty online store.
        FileNotFoundError: There is no lake.
    """
    now = datetime.now(UTC).replace(tzinfo=None)
    if as_of is not None and as_of > now:
        raise ValueError(
            f"as_of={as_of:%Y-%m-%d %H:%M} UTC is in the future (it is {now:%Y-%m-%d %H:%M}); ask for a past one"
        )
    if leaky and as_of is None:
        raise ValueError("only features as of a moment can leak; give a moment, or ask without leaking")
    if as_of is not None:
        store = open_store(settings, snapshot_id, leaky=leaky)
        tables = _tables_of(store, service)
        rows = _rows(tables, entities)
        features = _point_in_time(store, service, rows, as_of)
        return _document(service, tables, rows, features, as_of=as_of, generation=None, stale=None)
    pointer = served(settings)
    tables = _tables_of(open_store(settings, project=pointer.slot), service)
    rows = _rows(tables, entities)
    features = read_online(settings, service, rows, pointer)
    stale = _stale(tables, pointer.moment, now)
    return _document(service, tables, rows, features, as_of=pointer.moment, generation=pointer.generation, stale=stale)


def _tables_of(store: FeatureStore, name: str) -> list[FeatureTable]:
    known = {service.name: service for service in store.list_feature_services()}
    if name not in known:
        raise ValueError(f"there is no feature service {name!r}; services are {', '.join(sorted(known))}")
    return [_TABLES[projection.name] for projection in known[name].feature_view_projections]


def _rows(tables: Sequence[FeatureTable], entities: Sequence[tuple[str, str]]) -> list[Row]:
    """Entity rows, one per value of the key that has several."""
    needed = list(dict.fromkeys(key for table in tables for key in table.join_keys))
    given: dict[str, list[str]] = {}
    for key, value in entities:
        given.setdefault(key, []).append(value)
    if not given or set(given) - set(needed):
        wrong = ", ".join(sorted(set(given) - set(needed))) or "nothing"
        raise ValueError(f"entities name {wrong}; this service is asked by {', '.join(needed)}")
    number = max(len(values) for values in given.values())
    uneven = [key for key, values in given.items() if len(values) not in (1, number)]
    if uneven:
        raise ValueError(f"{uneven[0]} is given {len(given[uneven[0]])} times; give it once, or {number} times")
    rows: list[Row] = [
        {key: given[key][place if len(given[key]) > 1 else 0] if key in given else None for key in needed}
        for place in range(number)
    ]
    for row in rows:
        if "query_text" in row:
            row["query_text"] = normalised_query(row["query_text"])
    return rows


def _point_in_time(store: FeatureStore, service: str, rows: list[Row], as_of: datetime) -> list[dict[str, Any]]:
    frame = pa.Table.from_pylist(rows, schema=pa.schema([(key, pa.string()) for key in rows[0]])).to_pandas()
    frame["event_timestamp"] = as_of
    job = store.get_historical_features(entity_df=frame, features=store.get_feature_service(service))
    found: list[dict[str, Any]] = job.to_arrow().to_pylist()
    asked = {*rows[0], "event_timestamp"}
    return [{name: value for name, value in row.items() if name not in asked} for row in found]


def _stale(tables: Sequence[FeatureTable], moment: datetime, now: datetime) -> str | None:
    allowed = min((table.fresh_hours for table in tables if table.fresh_hours is not None), default=None)
    age = (now - moment) / timedelta(hours=1)
    if allowed is None or age <= allowed:
        return None
    return f"the values are {age:.0f} hours old, {allowed} are allowed; materialize a newer day"


def _document(
    service: str,
    tables: Sequence[FeatureTable],
    rows: list[Row],
    features: list[dict[str, Any]],
    *,
    as_of: datetime,
    generation: str | None,
    stale: str | None,
) -> dict[str, Any]:
    unknown = [
        f"{_named(row, table)} has no {table.name} as of {as_of:%Y-%m-%d %H:%M} UTC"
        for row, found in zip(rows, features, strict=True)
        for table in tables
        if table is not USER_FRESH_ACTIONS
        and all(row[k] is not None for k in table.join_keys)
        and _is_none(table, found)
    ]
    return {
        "service": service,
        "as_of": as_of.isoformat(sep=" "),
        "generation": generation,
        "rows": [{"entity": row, "features": found} for row, found in zip(rows, features, strict=True)],
        "unknown": list(dict.fromkeys(unknown)),
        "stale": stale,
    }


def _named(row: Mapping[str, str | None], table: FeatureTable) -> str:
    return ", ".join(f"{key} {row[key]!r}" for key in table.join_keys)


def _is_none(table: FeatureTable, found: Mapping[str, Any]) -> bool:
    return all(found[feature.name] is None for feature in table.features)
