"""Our offline store through Feast itself, next to the DuckDB store that Feast brings along."""

from datetime import datetime, timedelta

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from support_features import DS, item, small_shop, write

from uniscale.config import Settings
from uniscale.contracts.features import ITEM_FEATURES
from uniscale.lake import Lake

feast = pytest.importorskip("feast")

from feast import Entity, FeatureStore, FeatureView, Field, RepoConfig, ValueType  # noqa: E402
from feast.infra.offline_stores.file_source import FileSource  # noqa: E402
from feast.types import Int64, String  # noqa: E402

from uniscale.features.offline.source import LakeSource  # noqa: E402
from uniscale.features.repo import REQUEST_SERVICE, open_store, repo_config  # noqa: E402

START = datetime(2026, 1, 1)
HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)
CLOCKS = {"timestamp_field": "feature_at", "created_timestamp_column": "recorded_at"}
FEATURES = ("things:feature", "fresh_things:feature", "pairs:feature")
SCHEMA = pa.schema(
    [
        ("name", pa.string()),
        ("category", pa.string()),
        ("feature_at", pa.timestamp("us")),
        ("recorded_at", pa.timestamp("us")),
        ("feature", pa.int64()),
    ]
)

moments = st.builds(lambda hours, ticks: START + hours * HOUR + ticks * TICK, st.integers(0, 6), st.integers(-1, 1))
names = st.one_of(st.none(), st.sampled_from("abc"))
categories = st.one_of(st.none(), st.sampled_from("xy"))
# Rows that tie on both clocks are left out: there Feast's store picks one of them as it happens, ours the largest value
# (tests/property/test_asof_join.py).
versions = st.lists(
    st.tuples(names, categories, moments, moments, st.one_of(st.none(), st.integers(0, 3))),
    unique_by=lambda row: (row[0], row[2], row[3]),
    min_size=1,
    max_size=40,
)
questions = st.lists(st.tuples(names, categories, moments), min_size=1, max_size=20)


@pytest.fixture
def shop(lake):
    small_shop(lake)
    return lake


def views(source):
    """One view without and two with a time to live, the last with two keys."""
    thing = Entity(name="thing", join_keys=["name"], value_type=ValueType.STRING)
    category = Entity(name="category", join_keys=["category"], value_type=ValueType.STRING)

    def view(name, entities, ttl):
        keys = [Field(name=entity.join_key, dtype=String) for entity in entities]
        schema = [*keys, Field(name="feature", dtype=Int64)]
        return FeatureView(name=name, entities=entities, ttl=ttl, source=source, schema=schema)

    return [
        thing,
        category,
        view("things", [thing], timedelta(0)),
        view("fresh_things", [thing], 3 * HOUR),
        view("pairs", [thing, category], 3 * HOUR),
    ]


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """The lake of an installation, our store over it, a leaky one, and Feast's over the file of the same versions."""
    folder = tmp_path_factory.mktemp("stores")
    installation = Settings(home=folder / "home")
    (installation.home / "feast").mkdir(parents=True)
    lake = Lake(installation)
    file = folder / "versions.parquet"
    land(lake, file, [])
    ours, leaky = (FeatureStore(config=repo_config(installation, leaky=leaky)) for leaky in (False, True))
    for store in (ours, leaky):
        store.config.offline_store.max_age_days = 1000
    ours.apply(views(LakeSource(name="things", table="features.things", **CLOCKS)))
    theirs = FeatureStore(
        config=RepoConfig(
            project="theirs",
            provider="local",
            registry=str(folder / "theirs.db"),
            offline_store={"type": "duckdb"},
            online_store={"type": "sqlite", "path": str(folder / "online.db")},
            entity_key_serialization_version=3,
            repo_path=folder,
        )
    )
    theirs.apply(views(FileSource(name="things", path=str(file), **CLOCKS)))
    return lake, file, ours, leaky, theirs


def land(lake, file, rows):
    """Make these the versions, in the lake and in the file."""
    pq.write_table(pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], SCHEMA), file)

    def work(con):
        con.execute("create schema if not exists lake.features")
        con.execute(f"create or replace table lake.features.things as from read_parquet('{file}')")

    lake.commit(work, "versions")


def answers(store, entities, **options):
    """Rows of answers by place, whatever the order they come in."""
    job = store.get_historical_features(entity_df=entities, features=list(FEATURES), full_feature_names=True, **options)
    table = job.to_arrow().sort_by("place")
    assert table.num_rows == len(entities)
    return list(zip(*(table.column(name.replace(":", "__")).to_pylist() for name in FEATURES), strict=True))


@examples(max_examples=15, deadline=None)
@given(versions, questions, st.sampled_from(["UTC", "Asia/Kolkata", None]))
def test_our_store_answers_as_the_duckdb_store_of_feast_does(stores, version_rows, entity_list, zone):
    lake, file, ours, leaky, theirs = stores
    land(lake, file, version_rows)
    frame = pd.DataFrame(entity_list, columns=["name", "category", "event_timestamp"]).astype(
        {"name": "string", "category": "string"}
    )
    frame["place"] = range(len(frame))
    if zone:
        frame["event_timestamp"] = frame["event_timestamp"].dt.tz_localize("UTC").dt.tz_convert(zone)
    leaking = answers(theirs, frame.copy())
    expected = answers(theirs, frame.copy(), filter_by_created_timestamp=True)

    assert answers(ours, frame) == expected
    assert answers(leaky, frame, filter_by_created_timestamp=True) == expected
    assert answers(leaky, frame) == leaking


def prices(store, entities):
    job = store.get_historical_features(entity_df=entities, features=["item_features:price"])
    return job.to_arrow().column("price").to_pylist()


def test_rows_come_back_in_the_order_they_were_asked_for_duplicates_included(settings, shop):
    store = open_store(settings)
    noon = pd.Timestamp("2026-01-05 12:00")
    names = ["i2", "i1", "nobody", "i1", "i2"]
    frame = pd.DataFrame({"place": range(5), "item_id": names, "event_timestamp": [noon] * 5})
    table = store.get_historical_features(entity_df=frame, features=["item_features:price"]).to_arrow()

    assert table.column("item_id").to_pylist() == names
    assert table.column("place").to_pylist() == [0, 1, 2, 3, 4]
    assert table.column("price").to_pylist() == [None, 9.0, None, 9.0, None]


def test_a_version_answers_up_to_the_last_moment_of_the_age_a_run_can_need(settings, shop):
    last = datetime(2026, 1, 6) + timedelta(days=9)  # 7 training days, 1 test day, the day before
    frame = pd.DataFrame({"item_id": ["i1", "i1"], "event_timestamp": [last, last + timedelta(microseconds=1)]})

    assert prices(open_store(settings), frame) == [99.0, None]


def test_a_correction_that_was_recorded_later_does_not_leak(settings, shop):
    store = open_store(settings)
    with shop.read() as con:
        known = con.execute(f"select * from {ITEM_FEATURES.qualified}").to_arrow_table().to_pylist()
    corrected_at = datetime(2026, 1, 5, 15)
    write(shop, ITEM_FEATURES, [*known, item("i1", DS - timedelta(days=1), known=corrected_at, price=10.0)])
    frame = pd.DataFrame({"item_id": ["i1"] * 2, "event_timestamp": [corrected_at - HOUR, corrected_at]})

    assert prices(store, frame) == [9.0, 10.0]


def test_entity_rows_may_be_sql_over_the_lake(settings, shop):
    entities = "select distinct item_id, requested_at as event_timestamp from marts.fct_exposures order by item_id"

    assert prices(open_store(settings), entities) == [99.0, None, None]


def test_a_past_snapshot_can_be_read(settings, shop):
    before = shop.snapshot_id()
    write(shop, ITEM_FEATURES, [item("i1", DS, price=1.0)])
    frame = pd.DataFrame({"item_id": ["i1"], "event_timestamp": [datetime(2026, 1, 6)]})

    assert prices(open_store(settings), frame) == [1.0]
    assert prices(open_store(settings, snapshot_id=before), frame) == [99.0]


@pytest.mark.parametrize(
    ("entities", "reason"),
    [
        (pd.DataFrame({"event_timestamp": [START]}), r"lack \['item_id'\]"),
        ("select 'i1' as item_id", "one time column"),
    ],
)
def test_entity_rows_without_a_key_or_a_time_are_refused(settings, shop, entities, reason):
    with pytest.raises(ValueError, match=reason):
        prices(open_store(settings), entities)


def test_entity_rows_may_be_a_frame_an_arrow_table_or_sql(settings, shop):
    store = open_store(settings)
    noon = pd.Timestamp("2026-01-05 12:00")
    frame = pd.DataFrame({"item_id": ["i1", None, "i2"], "event_timestamp": [noon, noon, pd.NaT]})
    query = (
        f"select unnest(['i1', null, 'i2']) as item_id, unnest([timestamp '{noon}', '{noon}', null]) as event_timestamp"
    )

    assert prices(store, frame) == [9.0, None, None]
    assert prices(store, pa.Table.from_pandas(frame)) == [9.0, None, None]
    assert prices(store, query) == [9.0, None, None]


def test_texts_with_offsets_and_categories_ask_as_the_times_and_texts_they_are(settings, shop):
    before, at = "2026-01-06 04:59:59+05:00", "2026-01-05 19:00:00-05:00"  # midnight UTC is when i1 changes
    frame = pd.DataFrame({"item_id": pd.Categorical(["i1", "i1"]), "event_timestamp": [before, at]})

    assert prices(open_store(settings), frame) == [9.0, 99.0]


def test_a_leaky_store_serves_corrections_before_they_were_known(settings, shop):
    corrected_at = datetime(2026, 1, 5, 15)
    write(shop, ITEM_FEATURES, [item("i1", DS - timedelta(days=1), known=corrected_at, price=10.0)])
    frame = pd.DataFrame({"item_id": ["i1"], "event_timestamp": [corrected_at - HOUR]})

    assert prices(open_store(settings), frame) == [None]
    assert prices(open_store(settings, leaky=True), frame) == [10.0]


def test_a_result_written_to_parquet_is_the_one_in_memory(settings, shop, tmp_path):
    store = open_store(settings)
    at = [datetime(2026, 1, 6), datetime(2026, 1, 5, 12)]
    frame = pd.DataFrame({"user_id": ["u1", "u1"], "query_text": ["red shoe", None], "event_timestamp": at})
    job = store.get_historical_features(entity_df=frame, features=store.get_feature_service(REQUEST_SERVICE))
    job.to_parquet(tmp_path / "features.parquet")

    assert pq.read_table(tmp_path / "features.parquet").to_pylist() == job.to_arrow().to_pylist()
    assert [path.name for path in tmp_path.glob("*features*")] == ["features.parquet"]
