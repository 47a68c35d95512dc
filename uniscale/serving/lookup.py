"""The ranking look-up: model input for one user, one query and up to a thousand candidates.

User, query and pair features come from Feast's online store, item features from a snapshot of the same generation in
memory. The encoder is that of the training frames. One look-up serves many requests; it follows the pointer of the
materialisation from request to request.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from uniscale.config import Settings
from uniscale.contracts.features import (
    FRESH_HOURS,
    QUERY_FEATURES,
    USER_CATEGORY_FEATURES,
    USER_FEATURES,
    USER_FRESH_ACTIONS,
    USER_SEQUENCES,
)
from uniscale.features.age import max_age
from uniscale.features.encoding.encode import encode
from uniscale.features.encoding.text import normalised_query, words
from uniscale.features.online.push_rules import CLOCK_TOLERANCE
from uniscale.features.online.slots import LIVE, Pointer, generation_folder, pointer_file, read_pointer
from uniscale.features.repo import open_store
from uniscale.serving.online import ViewReader, missing
from uniscale.serving.request import Answer, Counts, RankingRequest
from uniscale.serving.snapshot import ItemSnapshot, Taken

_OF_REQUEST = (USER_FEATURES, USER_SEQUENCES, USER_FRESH_ACTIONS, QUERY_FEATURES)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Served:
    """Everything of one generation; replaced as a whole."""

    stamp: tuple[int, int]
    pointer: Pointer
    views: Mapping[str, ViewReader]
    items: ItemSnapshot


class RankingLookup:
    """Answers requests one after the other; not for several threads at once.

    Args:
        settings: The installation.
        live_project: Feast project of the pushed actions.
        now: Clock (naive UTC).

    Raises:
        ValueError: Nothing was ever materialised.
    """

    def __init__(
        self, settings: Settings, *, live_project: str = LIVE, now: Callable[[], datetime] | None = None
    ) -> None:
        self._settings = _with_deadline(settings)
        self._live = ViewReader(open_store(self._settings, project=live_project), USER_FRESH_ACTIONS)
        self._now = now or (lambda: datetime.now(UTC).replace(tzinfo=None))
        self._max_age = max_age(settings)
        self._served = self._load()
        self._was: set[str] = set()
        self.counts = Counts()
        """What was missing in all requests so far."""

    @property
    def pointer(self) -> Pointer:
        """What is served now."""
        return self._served.pointer

    def look_up(self, request: RankingRequest) -> Answer:
        """Model input of a request; what is unknown or does not answer in time is missing, and counted."""
        served = self._follow()
        counts = Counts(requests=1, items=len(request.item_ids))
        now = self._now()
        if request.requested_at > now + CLOCK_TOLERANCE:
            counts.future = 1
            request = replace(request, requested_at=now)
        oldest = request.requested_at - self._max_age
        self._watch_age(served.pointer, request.requested_at, counts)
        items = served.items.take(request.item_ids, oldest)
        counts.unknown_items = int((~items.known).sum())
        asked, pairs = self._read(served, request, items, oldest, counts)
        rows = np.zeros(len(request.item_ids), np.int64)
        inputs = encode(asked, pairs, rows, history_length=self._settings.features.history_length)
        self.counts.add(counts)
        pointer = served.pointer
        return Answer(
            request=request, inputs=inputs, generation=pointer.generation, moment=pointer.moment, counts=counts
        )

    def _read(
        self, served: _Served, request: RankingRequest, items: Taken, oldest: datetime, counts: Counts
    ) -> tuple[pa.Table, pa.Table]:
        """The request row, and the items with their pair features; missing when the store does not answer."""
        query = normalised_query(request.query_text)
        categories = pc.unique(items.categories).drop_null()
        try:
            columns, pairs = self._stored(
                served.views,
                user=request.user_id,
                query=query,
                categories=categories.to_pylist(),
                oldest=oldest,
                counts=counts,
            )
            self._tell("degraded", False, "the online store answers again")
        except _faults() as error:
            counts.degraded = 1
            columns = {name: values for table in _OF_REQUEST for name, values in missing(table, 1).items()}
            pairs = missing(USER_CATEGORY_FEATURES, len(categories))
            self._tell("degraded", True, f"the online store does not answer ({error}); items are served alone")
        row = {
            "user_id": pa.array([request.user_id]),
            "query_text": pa.array([query], pa.string()),
            "query_words": pa.array([words(request.query_text)], pa.list_(pa.string())),
            "domain": pa.array([request.domain]),
            "requested_at": pa.array([request.requested_at], pa.timestamp("us")),
        }
        place = pc.index_in(items.categories, value_set=categories)
        table = items.items
        for name, values in pairs.items():
            table = table.append_column(name, values.take(place))
        return pa.table({**row, **columns}), table

    def _stored(
        self,
        views: Mapping[str, ViewReader],
        *,
        user: str,
        query: str | None,
        categories: list[str],
        oldest: datetime,
        counts: Counts,
    ) -> tuple[dict[str, pa.Array], dict[str, pa.Array]]:
        """Features of the request, and of the user in each category."""
        of_user = {"user_id": [user]}
        profile, is_known = views[USER_FEATURES.name].read(of_user, oldest)
        history, _ = views[USER_SEQUENCES.name].read(of_user, oldest)
        fresh, _ = self._live.read(of_user, oldest)
        asked, is_asked = views[QUERY_FEATURES.name].read({"query_text": [query or ""]}, oldest)
        counts.unknown_users = int(not is_known[0])
        counts.unknown_queries = int(query is not None and not is_asked[0])
        pairs = missing(USER_CATEGORY_FEATURES, 0)
        if categories:
            keys = {"user_id": [user] * len(categories), "category_id": categories}
            pairs, _ = views[USER_CATEGORY_FEATURES.name].read(keys, oldest)
        return {**profile, **history, **fresh, **asked}, pairs

    def _watch_age(self, pointer: Pointer, asked_at: datetime, counts: Counts) -> None:
        """Count and tell daily values that should have been replaced, or are beyond their time to live."""
        age = asked_at - pointer.moment
        counts.too_old = int(age > self._max_age)
        counts.stale = int(age > timedelta(hours=FRESH_HOURS))
        what = "none is served" if counts.too_old else "they are still served"
        hours = age / timedelta(hours=1)
        text = f"daily features are {hours:.0f} h old, {FRESH_HOURS} h are allowed; {what}; materialize a newer day"
        self._tell("stale", bool(counts.stale), text if counts.stale else "daily features are fresh again")

    def _tell(self, what: str, is_so: bool, text: str) -> None:
        """Log when a state begins and when it ends, not at each request."""
        if is_so and what not in self._was:
            self._was.add(what)
            _log.warning("%s", text)
        elif not is_so and what in self._was:
            self._was.remove(what)
            _log.info("%s", text)

    def _follow(self) -> _Served:
        """What the pointer names; the old generation if the new one cannot be opened yet."""
        if self._served.stamp != _stamp(self._settings):
            self._served = self._load()
        return self._served

    def _load(self) -> _Served:
        stamp = _stamp(self._settings)
        pointer = read_pointer(self._settings)
        if pointer is None:
            raise ValueError("the online store is empty; fill it first: uniscale step materialize DS")
        file = generation_folder(self._settings, pointer.generation) / "item_features.parquet"
        store = open_store(self._settings, project=pointer.slot)
        tables = (USER_FEATURES, USER_SEQUENCES, QUERY_FEATURES, USER_CATEGORY_FEATURES)
        views = {table.name: ViewReader(store, table) for table in tables}
        return _Served(stamp=stamp, pointer=pointer, views=views, items=ItemSnapshot(file))


def _stamp(settings: Settings) -> tuple[int, int]:
    """Changes whenever the pointer is replaced."""
    try:
        found = pointer_file(settings).stat()
    except FileNotFoundError:
        return (0, 0)
    return found.st_mtime_ns, found.st_ino


def _with_deadline(settings: Settings) -> Settings:
    """Settings under which four waits for the store, one of them a retry, end within the deadline."""
    timeout = max(settings.features.deadline_ms // 4, 1)
    return settings.model_copy(update={"features": settings.features.model_copy(update={"redis_timeout_ms": timeout})})


def _faults() -> tuple[type[Exception], ...]:
    """What an online store raises when it does not answer."""
    import sqlite3

    from redis import RedisError

    return (RedisError, sqlite3.OperationalError, OSError)
