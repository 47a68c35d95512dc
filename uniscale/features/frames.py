"""Step ``frames``: samples and test requests, joined point-in-time through Feast and encoded for the models."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

import duckdb

from uniscale.config import Settings
from uniscale.contracts.days import Day, run_days
from uniscale.contracts.features import FEATURE_TABLES
from uniscale.contracts.frames import FRAMES
from uniscale.contracts.marts import FCT_EXPOSURES
from uniscale.contracts.outcomes import PARTITIONS
from uniscale.contracts.policy import load_policy
from uniscale.contracts.samples import SAMPLES
from uniscale.features.encode import ITEM_INPUTS, REQUEST_INPUTS, encode_sql, install_macros
from uniscale.features.repo import ITEM_SERVICE, REQUEST_SERVICE, open_store
from uniscale.lake import Lake
from uniscale.lake.lake import table_has
from uniscale.lake.ledger import code_version, input_key
from uniscale.lake.partitions import mark_built, stale_days

if TYPE_CHECKING:
    from feast import FeatureStore

SPLITS = {"train": SAMPLES, "eval": FCT_EXPOSURES}
"""What each split is made from."""

_FEATURE_DAYS_BACK = 4
"""Feature days whose versions can answer a request of a day: the views' time to live, and the day itself."""

_PASSED_ON = ("sample_id", "user_id", "domain", "requested_at", "query_tier", "label_as_of")
_PASSED_ON_LISTS = (
    "item_ids",
    "is_exposed",
    "provenance",
    "is_clicked",
    "is_purchased",
    "purchase_value",
    "label_weight",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """What one day's build wrote."""

    requests: int
    rows: int


def build_frames(settings: Settings, lake: Lake, ds: date) -> dict[str, Any]:
    """Bring the frames of all days of a run up to date, one day at a time.

    Args:
        settings: The installation.
        lake: The lake; holds samples, exposures and feature versions of the run's days.
        ds: Last training day.

    Returns:
        Requests and item rows per split over the whole run, item rows per second of the days built now (None if
        all were up to date), and per feature view the share of rows without a version. For sequences it is the share
        of requests without a past action.

    Raises:
        ValueError: Samples or exposures hold labels of another moment than this run needs.
    """
    days = _days(settings, ds)
    with lake.read() as con:
        wanted = {split: _wanted_keys(con, settings, split, days) for split in SPLITS}
        stale = {split: stale_days(con, _partition_name(split), wanted[split]) for split in SPLITS}
    todo = [day for day in days if day.ds in stale[day.split]]
    start = time.monotonic()
    built = 0
    if todo:
        _ensure_feature_tables(lake)
        store = open_store(settings)
        for day in todo:
            built += _build_day(settings, lake, store, day, wanted[day.split][day.ds])
    seconds = time.monotonic() - start
    return {**_summary(lake, days), "rows_per_second": round(built / seconds) if todo else None}


def _ensure_feature_tables(lake: Lake) -> None:
    """A lake without features yet has none to offer, which is not an error: every value is missing."""
    with lake.read() as con:
        absent = [table for table in FEATURE_TABLES if not table_has(con, table)]
    if absent:
        lake.commit(lambda con: [Lake.create(con, table) for table in absent], "empty feature tables")


def _days(settings: Settings, ds: date) -> tuple[Day, ...]:
    window_days = load_policy(settings.policy).attribution.window_days
    return run_days(
        ds,
        train_days=settings.window.train_days,
        eval_days=settings.window.eval_days,
        window_days=window_days,
    )


def _partition_name(split: str) -> str:
    return f"{FRAMES.qualified}/{split}"


def _wanted_keys(
    con: duckdb.DuckDBPyConnection, settings: Settings, split: str, days: tuple[Day, ...]
) -> dict[date, str]:
    """Build key per day: code, policy, settings, label time, and the keys of the partitions it is made from."""
    upstream: Mapping[tuple[str, date], str] = {}
    if table_has(con, PARTITIONS):
        rows = con.execute(f"select table_name, ds, build_key from lake.{PARTITIONS.qualified}").fetchall()
        upstream = {(name, day): key for name, day, key in rows}
    shared = {
        "code": code_version().rsplit("-", 1)[-1],
        "policy": load_policy(settings.policy).model_dump(mode="json"),
        "target_domain": settings.target_domain,
        "feature_days": settings.window.feature_days,
    }
    keys = {}
    for day in days:
        if day.split != split:
            continue
        read = [(SPLITS[split].qualified, day.ds)]
        for back in range(1, _FEATURE_DAYS_BACK + 1):
            read += [(table.qualified, day.ds - timedelta(days=back)) for table in FEATURE_TABLES]
        made_from = [upstream.get(partition, "") for partition in read]
        keys[day.ds] = input_key({**shared, "label_as_of": day.label_as_of, "made_from": made_from})
    return keys


def _build_day(settings: Settings, lake: Lake, store: FeatureStore, day: Day, build_key: str) -> int:
    """Replace one day of one split in one commit; returns its item rows."""
    with _spill_file(settings, day) as file:
        with lake.read() as con:
            install_macros(con)
            con.execute(f"create temp table frame_samples as {_samples_sql(con, settings, day)}")
            _check_labels(con, day)
            _join_features(con, store)
            con.execute(f"copy ({_frames_sql(day)}) to '{file}' (format parquet)")

        def work(writer: duckdb.DuckDBPyConnection) -> int:
            where = f"ds = date '{day.ds}' and split = '{day.split}'"
            Lake.replace(writer, FRAMES, where, f"from read_parquet('{file}')")
            mark_built(writer, _partition_name(day.split), {day.ds: build_key})
            row = writer.execute(f"select coalesce(sum(len(item_ids)), 0) from read_parquet('{file}')").fetchone()
            return int(row[0]) if row else 0

        return lake.commit(work, f"frames of {day.ds}, split {day.split}")


@contextmanager
def _spill_file(settings: Settings, day: Day) -> Iterator[Path]:
    """A temporary Parquet file: the day is encoded before the lake's catalogue is locked for the commit."""
    folder = settings.home / "spill"
    folder.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=folder, prefix=f"frames-{day.ds}-{day.split}-", suffix=".parquet") as file:
        yield Path(file.name)


def _samples_sql(con: duckdb.DuckDBPyConnection, settings: Settings, day: Day) -> str:
    """One row per sample of the day, list columns as in the frames."""
    source = SPLITS[day.split]
    columns = ", ".join((*_PASSED_ON, "query_text", *_PASSED_ON_LISTS))
    if not table_has(con, source):
        types = {column.name: column.type for column in (*SAMPLES.columns, *FRAMES.columns)}
        nulls = ", ".join(f"null::{types[name.strip()]} as {name.strip()}" for name in columns.split(","))
        return f"select {nulls} where false"
    if day.split == "train":
        return f"select {columns} from lake.{source.qualified} where ds = date '{day.ds}'"
    return _test_requests_sql(settings.target_domain, day)


def _test_requests_sql(target_domain: str, day: Day) -> str:
    """Target-domain requests with their whole candidate list and native labels, ordered as the samples are."""
    domain = target_domain.replace("'", "''")
    return f"""
        with candidates as (
            from lake.{FCT_EXPOSURES.qualified} where ds = date '{day.ds}' and domain = '{domain}'
        ),
        lists as (
            select
                request_id,
                any_value(user_id) as user_id,
                any_value(domain) as domain,
                any_value(requested_at) as requested_at,
                any_value(query_text) as query_text,
                any_value(label_as_of) as label_as_of,
                list(
                    {{
                        'item_id': item_id, 'is_exposed': is_exposed, 'is_clicked': is_clicked,
                        'is_purchased': is_purchased, 'purchase_value': purchase_value
                    }}
                    order by is_exposed desc, position nulls last, item_id
                ) as rows
            from candidates
            group by request_id
        )
        select
            request_id as sample_id, user_id, domain, requested_at, 0 as query_tier, label_as_of, query_text,
            list_transform(rows, lambda x: x.item_id) as item_ids,
            list_transform(rows, lambda x: x.is_exposed) as is_exposed,
            list_transform(rows, lambda x: case when x.is_exposed then 'native' else 'unexposed' end) as provenance,
            list_transform(rows, lambda x: x.is_clicked) as is_clicked,
            list_transform(rows, lambda x: x.is_purchased) as is_purchased,
            list_transform(rows, lambda x: x.purchase_value) as purchase_value,
            list_transform(rows, lambda x: 1::float) as label_weight
        from lists
    """


def _check_labels(con: duckdb.DuckDBPyConnection, day: Day) -> None:
    row = con.execute(
        "select label_as_of from frame_samples where label_as_of <> ? limit 1", [day.label_as_of]
    ).fetchone()
    if row is not None:
        raise ValueError(
            f"{SPLITS[day.split].qualified} of {day.ds} holds labels as known at {row[0]}, this run needs them "
            f"as known at {day.label_as_of}; run the steps marts and samples of the run's day first"
        )


def _join_features(con: duckdb.DuckDBPyConnection, store: FeatureStore) -> None:
    """Temporary tables frame_requests and frame_items: entity rows with features, retrieved through Feast."""
    requests = store.get_historical_features(
        entity_df=(
            "select sample_id, user_id, clean_query(query_text) as query_text, requested_at, "
            "requested_at as event_timestamp from frame_samples"
        ),
        features=store.get_feature_service(REQUEST_SERVICE),
    )
    requests.to_temp_table(con, "frame_requests")
    items = store.get_historical_features(
        entity_df=(
            "select sample_id, unnest(item_ids) as item_id, unnest(range(len(item_ids))) as place, "
            "requested_at as event_timestamp from frame_samples"
        ),
        features=store.get_feature_service(ITEM_SERVICE),
    )
    items.to_temp_table(con, "frame_items")


def _frames_sql(day: Day) -> str:
    inputs = (*REQUEST_INPUTS, *ITEM_INPUTS)
    return f"""
        with encoded as ({encode_sql("frame_requests", "frame_items")})
        select
            date '{day.ds}' as ds,
            '{day.split}' as split,
            {", ".join(f"s.{name}" for name in (*_PASSED_ON, *_PASSED_ON_LISTS))},
            {", ".join(f"e.{name}" for name in inputs)}
        from frame_samples as s join encoded as e using (sample_id)
        order by s.requested_at, s.sample_id
    """


def _summary(lake: Lake, days: tuple[Day, ...]) -> dict[str, Any]:
    """Counts and shares over all frames of the run."""
    run = ", ".join(f"(date '{day.ds}', '{day.split}')" for day in days)
    with lake.read() as con:
        rows = con.execute(f"""
            select
                split,
                count(*),
                sum(len(item_ids)),
                count_if(isnan(user_numeric[1])),
                count_if(isnan(query_numeric[1])),
                count_if(len(history_items) = 0),
                sum(len(list_filter(item_numeric, lambda x: isnan(x[4]))))
            from lake.{FRAMES.qualified}
            where (ds, split) in ({run})
            group by split
        """).fetchall()
    counts = {split: values for split, *values in rows}
    totals = [sum(values) for values in zip(*counts.values(), strict=True)] or [0] * 6
    requests, items, user, query, history, item = totals
    return {
        "train_requests": counts.get("train", [0, 0])[0],
        "train_rows": int(counts.get("train", [0, 0])[1]),
        "eval_requests": counts.get("eval", [0, 0])[0],
        "eval_rows": int(counts.get("eval", [0, 0])[1]),
        "missing": {
            "user_features": user / max(requests, 1),
            "query_features": query / max(requests, 1),
            "user_sequences": history / max(requests, 1),
            "item_features": item / max(items, 1),
        },
    }
