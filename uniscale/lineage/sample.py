"""From a sample back to what it was made from, and on to the models that may have read it.

The evidence is read at the snapshot in which the sample was written, the feature versions at the one in which its
frame was: as they were then. If that snapshot has expired, they are read as they are now, and the answer says so.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from datetime import date
from typing import Any

import duckdb

from uniscale.config import Settings
from uniscale.contracts.features import FEATURE_TABLES, ITEM_FEATURES, FeatureTable
from uniscale.contracts.frames import FRAMES
from uniscale.contracts.outcomes import PARTITIONS
from uniscale.contracts.samples import SAMPLES
from uniscale.features.age import max_age
from uniscale.features.encoding.text import normalised_query
from uniscale.lake import Lake
from uniscale.lake.lake import table_has
from uniscale.lake.snapshots import Snapshot, snapshot
from uniscale.lineage import evidence
from uniscale.lineage.trained_models import models_trained_on

_LISTS = tuple(column.name for column in SAMPLES.columns if column.type.endswith("[]"))


def sample_lineage(
    settings: Settings, lake: Lake, sample_id: str, *, ds: date | None = None, item: str | None = None
) -> dict[str, Any]:
    """Walk from a sample to its origins and its uses.

    Args:
        settings: The installation.
        lake: Its lake.
        sample_id: As in ``es3.samples``.
        ds: Day of the sample; only saves time.
        item: Tell of this item only.

    Returns:
        A document: ``sample`` (its columns that are no lists), ``items`` (the lists, one entry per item, with the
        ``native_actions`` of the request and the ``outside_actions`` behind attributed labels), ``request`` and
        ``candidates`` as logged, ``query`` (for a synthetic sample: the statistic behind its query), ``written`` (the
        snapshot), ``build_key``, ``evidence_at`` (snapshot that was read), ``features`` and ``frame``, ``models``.

    Raises:
        ValueError: There is no such sample, or it has no such item; the message names close ones.
        FileNotFoundError: There is no lake.
    """
    with ExitStack() as stack:
        now = stack.enter_context(lake.read())
        row, written = _find(now, sample_id, ds)
        then = stack.enter_context(lake.read(written.snapshot_id)) if written.is_kept else now
        items = _items(row, item)
        facts = {name: value for name, value in row.items() if name not in _LISTS}
        actions = evidence.actions(then, facts)
        for entry in items:
            entry.update(actions.get(entry["item_id"], evidence.NO_ACTIONS))
        frame = _frame(now, facts)
        features_at = frame.snapshot_id if frame is not None and frame.is_kept else None
        versions = stack.enter_context(lake.read(features_at)) if features_at is not None else now
        found = {
            "sample": {**facts, "is_synthetic": facts["query_tier"] > 0},
            "written": asdict(written),
            "build_key": _build_key(then, facts["ds"]),
            "evidence_at": written.snapshot_id if written.is_kept else None,
            "request": evidence.request(then, facts),
            "candidates": evidence.candidates(then, facts),
            "query": evidence.statistic(then, facts),
            "items": items,
            "frame": None if frame is None else asdict(frame),
            "features": _features(versions, settings, facts, [entry["item_id"] for entry in items]),
            "features_at": features_at,
        }
    return {**found, "models": models_trained_on(settings, [facts["ds"]])}


def _find(con: duckdb.DuckDBPyConnection, sample_id: str, ds: date | None) -> tuple[dict[str, Any], Snapshot]:
    """The sample and the snapshot in which it was written."""
    if table_has(con, SAMPLES):
        where = "sample_id = ?" + ("" if ds is None else f" and ds = date '{ds}'")
        names = SAMPLES.column_names
        row = con.execute(
            f"select snapshot_id, {', '.join(names)} from lake.{SAMPLES.qualified} where {where}", [sample_id]
        ).fetchone()
        if row is not None:
            return dict(zip(names, row[1:], strict=True)), snapshot(con, row[0])
    raise ValueError(evidence.advice(con, sample_id, ds))


def _items(row: dict[str, Any], item: str | None) -> list[dict[str, Any]]:
    names = [name.removesuffix("s") if name in ("item_ids", "action_ids") else name for name in _LISTS]
    lists = [row[name] if row[name] is not None else [None] * len(row["item_ids"]) for name in _LISTS]
    items = [dict(zip(names, values, strict=True)) for values in zip(*lists, strict=True)]
    if item is None:
        return items
    chosen = [entry for entry in items if entry["item_id"] == item]
    if not chosen:
        known = ", ".join(entry["item_id"] for entry in items[:10])
        more = f" and {len(items) - 10} more" if len(items) > 10 else ""
        raise ValueError(f"sample {row['sample_id']} has no item {item!r}; it has {known}{more}")
    return chosen


def _build_key(con: duckdb.DuckDBPyConnection, ds: date) -> str | None:
    if not table_has(con, PARTITIONS):
        return None
    row = con.execute(
        f"select build_key from lake.{PARTITIONS.qualified} where table_name = ? and ds = ?", [SAMPLES.qualified, ds]
    ).fetchone()
    return None if row is None else str(row[0])


def _frame(con: duckdb.DuckDBPyConnection, facts: dict[str, Any]) -> Snapshot | None:
    """The snapshot in which the sample's training frame was written, or None if it has none."""
    if not table_has(con, FRAMES):
        return None
    row = con.execute(
        f"select snapshot_id from lake.{FRAMES.qualified} where ds = ? and split = 'train' and sample_id = ?",
        [facts["ds"], facts["sample_id"]],
    ).fetchone()
    return None if row is None else snapshot(con, row[0])


def _features(
    con: duckdb.DuckDBPyConnection, settings: Settings, facts: dict[str, Any], items: list[str]
) -> list[dict[str, Any]]:
    """Per feature table and key the version that answers at the time of the request."""
    asked_at = facts["requested_at"]
    oldest = asked_at - max_age(settings)
    keys: dict[str, list[str | None]] = {
        "user_id": [facts["user_id"]],
        "item_id": [*items],
        "query_text": [normalised_query(facts["query_text"])],
    }

    def newest(table: FeatureTable, column: str) -> list[Any]:
        """Entity, times and the value of a column, of the version that answers for each entity asked for."""
        if not table_has(con, table):
            return []
        names = ", ".join(table.join_keys)
        asked = " and ".join(f"{name} in (select unnest(?::varchar[]))" for name in table.join_keys)
        return con.execute(
            f"""
            select [{names}], feature_at, recorded_at, {column}
            from lake.{table.qualified}
            where {asked} and feature_at between ? and ? and recorded_at <= ?
            qualify row_number() over (partition by {names} order by feature_at desc, recorded_at desc) = 1
            order by {names}
            """,
            [*(keys[name] for name in table.join_keys), oldest, asked_at, asked_at],
        ).fetchall()

    keys["category_id"] = [category for *_, category in newest(ITEM_FEATURES, "category_id")]
    return [
        {"table": table.qualified, "key": ", ".join(entity), "feature_at": at, "recorded_at": known}
        for table in FEATURE_TABLES
        for entity, at, known, _ in newest(table, "ds")
    ]
