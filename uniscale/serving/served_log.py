"""The log of served model input: what a ranker was given, request by request, to be recomputed later.

One Arrow stream per process and day; each request is flushed, so a killed process loses none that was answered. A
stream that ends in the middle of a request is read up to it.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType

import pyarrow as pa

from uniscale.config import Settings
from uniscale.features.encoding.columns import column
from uniscale.serving.request import Answer
from uniscale.serving.vectors import vector_hash

LOGGED = {
    "request_id": pa.string(),
    "user_id": pa.string(),
    "query_text": pa.string(),
    "domain": pa.string(),
    "requested_at": pa.timestamp("us"),
    "served_at": pa.timestamp("us"),
    "generation": pa.string(),
    "moment": pa.timestamp("us"),
    "is_degraded": pa.bool_(),
    "vector_hash": pa.string(),
    "item_ids": pa.list_(pa.string()),
}
"""Columns apart from the inputs."""


def served_folder(settings: Settings, kind: str, ds: date) -> Path:
    """Where the streams of a day lie.

    Args:
        settings: The installation.
        kind: ``live`` for real requests, ``shadow`` for replayed ones.
        ds: UTC day of the requests.
    """
    return settings.home / "served" / kind / f"ds={ds.isoformat()}"


class ServedLog:
    """Appends answers; use it as a context manager.

    Args:
        settings: The installation.
        kind: ``live`` or ``shadow``.
    """

    def __init__(self, settings: Settings, kind: str = "live") -> None:
        self._settings = settings
        self._kind = kind
        self._ds: date | None = None
        self._sink: pa.OSFile | None = None
        self._writer: pa.RecordBatchStreamWriter | None = None

    def __enter__(self) -> ServedLog:
        return self

    def __exit__(self, *error: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def append(self, answer: Answer) -> None:
        """Write one answer to the stream of its request's day."""
        request = answer.request
        facts = {
            "request_id": request.request_id,
            "user_id": request.user_id,
            "query_text": request.query_text,
            "domain": request.domain,
            "requested_at": request.requested_at,
            "served_at": datetime.fromtimestamp(time.time(), UTC).replace(tzinfo=None),
            "generation": answer.generation,
            "moment": answer.moment,
            "is_degraded": answer.counts.degraded > 0,
            "vector_hash": vector_hash(answer.inputs),
            "item_ids": list(request.item_ids),
        }
        columns = {name: pa.array([facts[name]], kind) for name, kind in LOGGED.items()}
        columns |= {name: column(answer.inputs, name) for name in answer.inputs.column_names}
        batch = pa.RecordBatch.from_pydict(columns)
        if self._writer is None or self._ds != request.requested_at.date():
            self._open(request.requested_at.date(), batch.schema)
        assert self._writer is not None and self._sink is not None
        self._writer.write_batch(batch)
        self._sink.flush()

    def close(self) -> None:
        """End the stream."""
        if self._writer is not None and self._sink is not None:
            self._writer.close()
            self._sink.close()
        self._writer = self._sink = None

    def _open(self, ds: date, schema: pa.Schema) -> None:
        self.close()
        folder = served_folder(self._settings, self._kind, ds)
        folder.mkdir(parents=True, exist_ok=True)
        self._ds = ds
        self._sink = pa.OSFile(str(folder / f"{os.getpid()}-{uuid.uuid4().hex}.arrows"), "wb")
        self._writer = pa.ipc.new_stream(self._sink, schema)


def read_served(settings: Settings, kind: str, ds: date) -> pa.Table | None:
    """All answers of a day, the last one of each request, ordered by request time and identifier; None without any."""
    batches = [
        batch for file in sorted(served_folder(settings, kind, ds).glob("*.arrows")) for batch in _read_stream(file)
    ]
    if not batches:
        return None
    table = pa.Table.from_batches(batches).combine_chunks()
    keys = table.select(["request_id", "served_at"]).append_column("place", pa.array(range(table.num_rows)))
    last = keys.sort_by("served_at").group_by("request_id", use_threads=False).aggregate([("place", "last")])
    return table.take(last.column("place_last")).sort_by([("requested_at", "ascending"), ("request_id", "ascending")])


def forget_served(settings: Settings, user: str) -> int:
    """Rewrite the streams of all days without the answers to a user; returns how many there were."""
    forgotten = 0
    for file in sorted((settings.home / "served").glob("*/*/*.arrows")):
        batches = list(_read_stream(file))
        kept = [batch for batch in batches if batch.column("user_id")[0].as_py() != user]
        if len(kept) == len(batches):
            continue
        forgotten += len(batches) - len(kept)
        part = file.with_suffix(".part")
        with pa.OSFile(str(part), "wb") as sink, pa.ipc.new_stream(sink, batches[0].schema) as writer:
            for batch in kept:
                writer.write_batch(batch)
        part.replace(file)
    return forgotten


def _read_stream(file: Path) -> Iterator[pa.RecordBatch]:
    with closing(pa.OSFile(str(file), "rb")) as source:
        try:
            reader = pa.ipc.open_stream(source)
        except (pa.ArrowInvalid, OSError):
            return  # killed before the first request
        while True:
            try:
                yield reader.read_next_batch()
            except (StopIteration, pa.ArrowInvalid, OSError):
                return  # the end, or the request in whose middle the process was killed
