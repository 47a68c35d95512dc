"""The online store: filled with the values of a moment, and asked for them.

Feast itself serves values of any age online. Here a value that was too old (`uniscale.features.age`) at the moment the
store was filled for counts as missing: online and point-in-time look-ups of that moment give the same answer.
"""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from uniscale.config import Settings
from uniscale.contracts.days import midnight_after
from uniscale.contracts.features import ITEM_SERVICE, REQUEST_SERVICE
from uniscale.features.age import max_age
from uniscale.features.lookup import Answers, Question, describe
from uniscale.features.repo import open_store
from uniscale.lake import Lake

if TYPE_CHECKING:
    from feast import FeatureStore, FeatureView


def materialize(settings: Settings, lake: Lake, ds: date) -> dict[str, Any]:
    """Write each entity's newest feature version as of the end of ``ds`` into the online store.

    A second run for the same day writes the same values. The store never goes back: for a day before the one it holds
    nothing is written, so that a backfill leaves the values that are served as they are.

    Args:
        settings: The installation.
        lake: The lake with the feature tables.
        ds: Day at whose end the values hold.

    Returns:
        ``as_of``: the moment the store holds now; ``entities`` written per view; ``seconds``.
    """
    began = time.monotonic()
    store = open_store(settings)
    moment = midnight_after(ds)
    entities: dict[str, int] = {}
    for view in _views_with_tables(store, lake):
        held = _filled_at(view)
        if held is None or held <= moment:
            start = moment - max_age(settings)
            _write(store, view, start, moment)
            entities[view.name] = _count(lake, view, start, moment)
    return {"as_of": filled_at(store), "entities": entities, "seconds": time.monotonic() - began}


def look_up(
    settings: Settings, *, user: str | None = None, item: Sequence[str] = (), query: str | None = None
) -> dict[str, Any]:
    """What the online store knows about a user, items and a query.

    Args:
        settings: The installation.
        user: User, or None.
        item: Items, in the order wanted.
        query: Query text as typed, or None.

    Returns:
        ``as_of`` (UTC), ``user``, ``query`` and ``items`` with their features (None where nothing is known), and
        ``unknown``: a sentence per entity without features.

    Raises:
        ValueError: Nothing is asked for, or the online store was never filled.
    """
    question = Question(user=user, items=tuple(item), query=query)
    store = open_store(settings)
    moment = filled_at(store)
    if moment is None:
        raise ValueError("the online store is empty; fill it first: uniscale step materialize DS")
    oldest = moment - max_age(settings)
    request = _read(store, REQUEST_SERVICE, [question.request_row()], oldest)
    items = _read(store, ITEM_SERVICE, question.item_rows(), oldest)
    return describe(question, Answers(as_of=moment, request=request[0], items=items))


def filled_at(store: FeatureStore) -> datetime | None:
    """The moment (naive UTC) whose values the online store holds, or None if it was never filled.

    After a killed run some views are ahead: the moment is that of the one furthest behind.
    """
    known = [moment for view in store.list_feature_views() if (moment := _filled_at(view)) is not None]
    return min(known, default=None)


def _filled_at(view: FeatureView) -> datetime | None:
    end = view.most_recent_end_time
    return None if end is None else end.astimezone(UTC).replace(tzinfo=None)


def _views_with_tables(store: FeatureStore, lake: Lake) -> list[FeatureView]:
    """The views whose table the lake has by now."""
    with lake.read() as con:
        rows = con.execute("select schema_name || '.' || table_name from duckdb_tables() where database_name = 'lake'")
        known = {row[0] for row in rows.fetchall()}
    return [view for view in store.list_feature_views() if view.batch_source.table in known]


def _write(store: FeatureStore, view: FeatureView, start: datetime, end: datetime) -> None:
    """Materialise one view; Feast reports on standard output, which is ours to use."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        store.materialize(start.replace(tzinfo=UTC), end.replace(tzinfo=UTC), feature_views=[view.name])


def _count(lake: Lake, view: FeatureView, start: datetime, end: datetime) -> int:
    with lake.read() as con:
        row = con.execute(
            f"select count(distinct {view.join_keys[0]}) from lake.{view.batch_source.table} "
            "where feature_at between ? and ? and recorded_at <= ?",
            [start, end, end],
        ).fetchone()
    return int(row[0]) if row else 0


def _read(
    store: FeatureStore, service_name: str, rows: list[dict[str, str | None]], oldest: datetime
) -> list[dict[str, Any]]:
    """One dictionary of features per entity row; values from before ``oldest`` are None."""
    if not rows:
        return []
    service = store.get_feature_service(service_name)
    keys = [{name: value or "" for name, value in row.items()} for row in rows]  # Feast fails on a missing key
    columns = store.get_online_features(features=service, entity_rows=keys).to_dict(include_event_timestamps=True)
    answers: list[dict[str, Any]] = [{} for _ in rows]
    for projection in service.feature_view_projections:
        for feature in projection.features:
            stamps = columns[f"{feature.name}__ts"]
            for answer, value, stamp in zip(answers, columns[feature.name], stamps, strict=True):
                answer[feature.name] = value if _time(stamp) >= oldest else None
    return answers


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
