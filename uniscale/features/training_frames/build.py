"""Step ``frames``: samples and test requests, joined point-in-time through Feast and encoded for the models."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from uniscale.config import Settings
from uniscale.config.calendar import days_of_run
from uniscale.contracts.days import Day
from uniscale.contracts.frames import FRAMES
from uniscale.contracts.literals import in_days, quoted, quoted_file
from uniscale.contracts.policy import load_policy
from uniscale.contracts.products import tables_read
from uniscale.contracts.sequences import SEQUENCE_LENGTHS, SEQUENCES
from uniscale.features import model_inputs_sql
from uniscale.features.leak.guard import check_leak, measure_leak
from uniscale.features.leak.lists import measured_lists
from uniscale.features.model_inputs import model_inputs
from uniscale.features.repo import open_store
from uniscale.features.training_frames import sql as frame_sql
from uniscale.features.training_frames.products import FRAME_FEATURES, PRODUCTS, SPLITS, before_the_run
from uniscale.lake import Lake
from uniscale.lake.contents import Contents, stored_keys
from uniscale.lake.keys import build_keys
from uniscale.lake.partitions import built_days, mark_built, stale_days
from uniscale.lake.spill import spill_folder
from uniscale.lake.tables import create_missing, make_outdated_again

if TYPE_CHECKING:
    from feast import FeatureStore

CHUNK_ROWS = 250_000
"""Item rows committed at once; a larger day is a chunk of its own."""

PART_ROWS = 500_000
"""Item rows joined and encoded at once, which bounds the memory of both whatever the size of the day."""

_MISSING = ("user_features", "query_features", "sequences", "item_features")


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """Days of one split that are built together and replaced in one commit."""

    split: str
    days: tuple[Day, ...]

    @property
    def dates(self) -> tuple[date, ...]:
        """The days as dates."""
        return tuple(day.ds for day in self.days)

    def __str__(self) -> str:
        return f"{self.dates[0]} to {self.dates[-1]}, split {self.split}"


def build_frames(settings: Settings, lake: Lake, ds: date, *, force: bool = False) -> dict[str, Any]:
    """Bring the frames of all days of a run up to date, a bounded number of rows at a time.

    Args:
        settings: The installation.
        lake: The lake; holds samples, exposures and feature versions of the run's days.
        ds: Last training day.
        force: Build also the days that are up to date.

    Returns:
        Requests and item rows per split over the whole run, item rows per second of the days built now (None if
        all were up to date), and per feature view the share of rows without a version, for ``sequences`` of requests
        without a past action. ``leak`` is what `uniscale.features.leak.guard.measure_leak` says of the
        synthetic requests, ``max_leak`` what the policy allows.

    Raises:
        ValueError: Samples or exposures hold labels of another moment than this run needs.
        LeakError: Synthetic requests give the label away, more than the policy allows. The frames are stored, so that
            they can be looked at, but the step is not done, and the same call ends the same way.
    """
    days = days_of_run(settings, ds)
    _ensure_tables(lake)
    snapshot = lake.snapshot_id()
    with lake.read(snapshot) as con:
        wanted = frame_keys(settings, days, stored_keys(con, tables_read(*PRODUCTS.values())))
        stale = {
            split: sorted(wanted[split]) if force else stale_days(con, product.notes[0], wanted[split])
            for split, product in PRODUCTS.items()
        }
        todo = [day for day in days if day.ds in stale[day.split]]
        chunks = [chunk for split in SPLITS for chunk in _chunks(con, settings, split, todo)]
    start = time.monotonic()
    built = 0
    store = open_store(settings)
    for chunk in chunks:
        samples = _samples(settings, chunk, before_the_run(days, days[0].ds))
        built += _build(settings, lake, store, chunk, samples, snapshot=snapshot, keys=wanted[chunk.split])
    seconds = time.monotonic() - start
    return {
        **_summary(lake, days),
        **_guard(settings, lake, store, days),
        "rows_per_second": round(built / seconds) if chunks else None,
    }


def frame_keys(settings: Settings, days: Sequence[Day], contents: Contents) -> dict[str, dict[date, str]]:
    """Build key of each day of a run, by split.

    Args:
        settings: The installation.
        days: All days of the run, oldest first.
        contents: What the tables hold that they are made from.
    """
    policy = load_policy(settings.policy)
    return {
        split: build_keys(
            product,
            tuple(days),
            contents,
            {day.ds: {"label_as_of": day.label_as_of} for day in days if day.split == split},
            settings=settings,
            policy=policy,
        )
        for split, product in PRODUCTS.items()
    }


def training_frame_keys(con: duckdb.DuckDBPyConnection, days: Sequence[date]) -> dict[date, str]:
    """Build key of each day's training frames: their content, as far as a hash of its origins tells.

    Raises:
        ValueError: The frames of a day were never built.
    """
    wanted, known = sorted(days), built_days(con, PRODUCTS["train"].notes[0])
    missing = [day.isoformat() for day in wanted if day not in known]
    if missing:
        raise ValueError(
            f"training frames of {', '.join(missing)} were never built; run: uniscale step frames {wanted[-1]}"
        )
    return {day: known[day] for day in wanted}


def _ensure_tables(lake: Lake) -> None:
    """A lake without samples or features yet has none to offer; that is not an error."""
    if lake.exists():
        read = (*FRAME_FEATURES, SEQUENCES, SEQUENCE_LENGTHS, *SPLITS.values())
        create_missing(lake, (*read, FRAMES), "tables of the frames")
        make_outdated_again(lake, (FRAMES,))


def _chunks(con: duckdb.DuckDBPyConnection, settings: Settings, split: str, todo: Sequence[Day]) -> Iterator[Chunk]:
    """The days to build of a split, packed up to CHUNK_ROWS item rows."""
    days = [day for day in todo if day.split == split]
    if not days:
        return
    query = frame_sql.rows_per_day(split, [day.ds for day in days], settings.target_domain)
    rows = dict(con.execute(query).fetchall())
    packed: list[Day] = []
    total = 0
    for day in days:
        size = int(rows.get(day.ds, 0))
        if packed and total + size > CHUNK_ROWS:
            yield Chunk(split=split, days=tuple(packed))
            packed, total = [], 0
        packed.append(day)
        total += size
    yield Chunk(split=split, days=tuple(packed))


def _build(
    settings: Settings,
    lake: Lake,
    store: FeatureStore,
    chunk: Chunk,
    samples: str,
    *,
    snapshot: int,
    keys: Mapping[date, str],
) -> int:
    """Replace the chunk's days in one commit; returns their item rows."""
    with _spill_folder(settings) as folder:
        with lake.read(snapshot) as con:
            query = frame_sql.parted(samples, PART_ROWS)
            con.execute(f"create temp table chunk_samples as {query}")
            _check_labels(con, chunk)
            num_rows, num_parts = _size(con)
            for part in range(num_parts):
                con.execute(f"create or replace temp table frame_samples as {frame_sql.part('chunk_samples', part)}")
                pq.write_table(encode_frames(con, store, chunk.split), folder / f"{part:06}.parquet")

        def work(writer: duckdb.DuckDBPyConnection) -> None:
            where = f"split = {quoted(chunk.split)} and {in_days(chunk.dates)}"
            Lake.replace(writer, FRAMES, where, f"from read_parquet({quoted_file(folder, '*.parquet')})")
            mark_built(writer, PRODUCTS[chunk.split].notes[0], {day: keys[day] for day in chunk.dates})

        lake.commit(work, f"frames of {chunk}")
    return num_rows


def _size(con: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """Item rows and parts of the chunk; one without rows has one part, which is empty."""
    rows = con.execute("select coalesce(sum(len(item_ids)), 0), coalesce(max(part), 0) + 1 from chunk_samples")
    num_rows, num_parts = rows.fetchall()[0]
    return int(num_rows), int(num_parts)


def _samples(settings: Settings, chunk: Chunk, carried_ds: date) -> str:
    if chunk.split == "train":
        return frame_sql.train_samples(chunk.dates)
    return frame_sql.evaluated_requests(chunk.dates, settings.target_domain, carried_ds)


@contextmanager
def _spill_folder(settings: Settings) -> Iterator[Path]:
    """Room for temporary Parquet files: the rows are encoded before the lake's catalogue is locked for the commit."""
    with TemporaryDirectory(dir=spill_folder(settings.home), prefix="frames-") as name:
        yield Path(name)


def _check_labels(con: duckdb.DuckDBPyConnection, chunk: Chunk) -> None:
    found = con.execute("select distinct ds, label_as_of from chunk_samples order by all").fetchall()
    needed = {day.ds: day.label_as_of for day in chunk.days}
    for day, label_as_of in found:
        if label_as_of != needed[day]:
            raise ValueError(
                f"{SPLITS[chunk.split].qualified} of {day} holds labels as known at {label_as_of}, this run needs them "
                f"as known at {needed[day]}; run the steps marts and samples of the run's day first"
            )


def encode_frames(con: duckdb.DuckDBPyConnection, store: FeatureStore, split: str) -> pa.Table:
    """The frames of the temporary table frame_samples, oldest request first."""
    inputs = model_inputs(con, store, "frame_samples", history_length=None)
    samples = con.sql(model_inputs_sql.ordered("frame_samples")).to_arrow_table()
    columns = {"split": pa.array([split] * samples.num_rows, pa.string())}
    columns |= {name: samples.column(name) for name in frame_sql.PASSED_ON}
    columns |= {name: inputs.column(name) for name in inputs.column_names}
    return pa.table(columns)


def _guard(settings: Settings, lake: Lake, store: FeatureStore, days: tuple[Day, ...]) -> dict[str, Any]:
    """What the synthetic requests of the run give away; refuses what the policy does not allow."""
    policy = load_policy(settings.policy).searchification
    trained = [day.ds for day in days if day.split == "train"]
    with lake.read() as con:
        leak = measure_leak(measured_lists(con, store, trained, target_domain=settings.target_domain))
    check_leak(leak, policy)
    return {"leak": leak, "max_leak": policy.max_leak}


def _summary(lake: Lake, days: tuple[Day, ...]) -> dict[str, Any]:
    """Counts and shares over all frames of the run."""
    run = ", ".join(f"(date '{day.ds}', '{day.split}')" for day in days)
    with lake.read() as con:
        found = {split: values for split, *values in con.execute(frame_sql.counts(run)).fetchall()}
    train, test = (found.get(split, [0] * 6) for split in SPLITS)
    requests, items, *missing = (int(one + other) for one, other in zip(train, test, strict=True))
    of = dict(zip(_MISSING, (requests, requests, requests, items), strict=True))
    return {
        "train_requests": train[0],
        "train_rows": int(train[1]),
        "eval_requests": test[0],
        "eval_rows": int(test[1]),
        "missing": {name: count / max(of[name], 1) for name, count in zip(_MISSING, missing, strict=True)},
    }
