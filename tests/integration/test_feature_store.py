"""Our offline store and online look-ups through Feast itself."""

import json
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from support_features import DS, item, small_shop, write
from typer.testing import CliRunner

from uniscale.contracts.features import ITEM_FEATURES
from uniscale.contracts.frames import HISTORY_LENGTH, hash_id

feast = pytest.importorskip("feast")

from feast import Entity, FeatureStore, FeatureView, Field, RepoConfig, ValueType  # noqa: E402
from feast.infra.offline_stores.file_source import FileSource  # noqa: E402
from feast.types import Int64, String  # noqa: E402

from uniscale.cli.main import app  # noqa: E402
from uniscale.features.encode import encode_sql, install_macros  # noqa: E402
from uniscale.features.lookup import look_up_at  # noqa: E402
from uniscale.features.materialize import materialize  # noqa: E402
from uniscale.features.online import look_up, read_online  # noqa: E402
from uniscale.features.repo import ITEM_SERVICE, REQUEST_SERVICE, open_store, repo_config  # noqa: E402
from uniscale.features.source import LakeSource  # noqa: E402

START = datetime(2026, 1, 1)
HOUR = timedelta(hours=1)


@pytest.fixture
def shop(lake):
    small_shop(lake)
    return lake


def random_versions(rng, number):
    """Versions with ties in event time (told apart by knowledge time), late corrections and NULL features."""
    hours = rng.integers(0, 40, number)
    frame = pd.DataFrame(
        {
            "name": rng.choice(["a", "b", "c", "d"], number),
            "feature_at": [START + int(h) * HOUR for h in hours],
            "recorded_at": [START + int(h) * HOUR for h in hours + rng.integers(0, 3, number) * 7],
            "feature": pd.array(rng.integers(0, 100, number), dtype="Int64"),
        }
    ).drop_duplicates(["name", "feature_at", "recorded_at"])
    frame.loc[rng.random(len(frame)) < 0.1, "feature"] = pd.NA
    return frame


def random_entities(rng, number):
    """Entity rows in no order, with duplicates, unknown keys, and times on the edges of versions."""
    return pd.DataFrame(
        {
            "row": range(number),
            "name": rng.choice(["a", "b", "c", "d", "unknown"], number),
            "event_timestamp": [pd.Timestamp(START + int(h) * HOUR, tz="UTC") for h in rng.integers(0, 50, number)],
        }
    )


def one_view(source, ttl):
    entity = Entity(name="thing", join_keys=["name"], value_type=ValueType.STRING)
    fields = [Field(name="name", dtype=String), Field(name="feature", dtype=Int64)]
    view = FeatureView(name="things", entities=[entity], ttl=ttl, source=source, schema=fields)
    return [entity, view]


def answers(store, entities, **options):
    job = store.get_historical_features(entity_df=entities, features=["things:feature"], **options)
    frame = job.to_df().sort_values("row", kind="stable")
    return [None if pd.isna(value) else int(value) for value in frame["feature"]]


@pytest.mark.parametrize("knows", [False, True])
@pytest.mark.parametrize("ttl", [timedelta(0), 6 * HOUR])
def test_our_store_answers_as_the_duckdb_store_of_feast_does(settings, lake, tmp_path, ttl, knows):
    rng = np.random.default_rng(7)
    versions, entities = random_versions(rng, 150), random_entities(rng, 200)
    versions.to_parquet(tmp_path / "versions.parquet")
    source = "select * from read_parquet('" + str(tmp_path / "versions.parquet") + "')"

    def land(con):
        con.execute("create schema lake.features")
        con.execute(f"create table lake.features.things as {source}")

    lake.commit(land, "versions")
    config = repo_config(settings)
    config.offline_store.honour_knowledge_time = False
    (settings.home / "feast").mkdir()
    ours = FeatureStore(config=config)
    clocks = {"timestamp_field": "feature_at", "created_timestamp_column": "recorded_at"}
    ours.apply(one_view(LakeSource(name="things", table="features.things", **clocks), ttl))
    theirs = FeatureStore(
        config=RepoConfig(
            project="theirs",
            provider="local",
            registry=str(tmp_path / "theirs.db"),
            offline_store={"type": "duckdb"},
            online_store={"type": "sqlite", "path": str(tmp_path / "online.db")},
            entity_key_serialization_version=3,
            repo_path=tmp_path,
        )
    )
    theirs.apply(one_view(FileSource(name="things", path=str(tmp_path / "versions.parquet"), **clocks), ttl))
    expected = answers(theirs, entities, filter_by_created_timestamp=knows)

    assert answers(ours, entities, filter_by_created_timestamp=knows) == expected
    assert 20 < sum(value is not None for value in expected) < 200


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


def test_online_equals_point_in_time_at_the_same_moment(settings, shop):
    filled = materialize(settings, shop, DS)
    asked = {"user": "u1", "item": ["i1", "i2", "nobody"], "query": " RED shoe"}
    online = look_up(settings, **asked)

    assert filled["entities"] == {"user_features": 1, "item_features": 2, "query_features": 1, "user_sequences": 1}
    assert online == look_up_at(settings, datetime(2026, 1, 6), **asked)
    assert online["items"]["i1"]["price"] == 99.0
    assert online["user"]["history_items"] == ["i2", "i1"]
    assert online["query"]["query_ctr"] == 0.5
    assert online["unknown"] == ["item 'nobody' has no features as of 2026-01-06 00:00 UTC"]
    assert set(online["items"]["nobody"].values()) == {None}


def test_online_values_that_are_too_old_count_as_missing(settings, shop):
    materialize(settings, shop, DS)
    materialize(settings, shop, DS + timedelta(days=10))
    asked = {"user": "u1", "item": ["i1"]}
    online = look_up(settings, **asked)

    assert online["as_of"] == "2026-01-16 00:00:00"
    assert len(online["unknown"]) == 2
    assert online == look_up_at(settings, datetime(2026, 1, 16), **asked)


def test_filling_the_online_store_again_changes_nothing_and_an_older_day_does_not_take_it_back(settings, shop):
    materialize(settings, shop, DS)
    first = look_up(settings, item=["i1"])
    again = materialize(settings, shop, DS)
    older = materialize(settings, shop, DS - timedelta(days=1))

    assert again["entities"]["item_features"] == 2
    assert again["views"]["item_features"] == older["views"]["item_features"] == {"written": 0, "deleted": 0}
    assert "skipped" not in again
    assert older["skipped"].endswith("those of 2026-01-05 00:00:00 UTC are older")
    assert older["as_of"] == datetime(2026, 1, 6)
    assert look_up(settings, item=["i1"]) == first


def test_an_empty_online_store_and_an_empty_question_are_refused(settings, shop):
    with pytest.raises(ValueError, match="uniscale step materialize"):
        look_up(settings, item=["i1"])
    with pytest.raises(ValueError, match="nothing is asked for"):
        look_up(settings)


def test_online_features_encode_to_the_same_model_input_as_point_in_time_ones(settings, shop):
    materialize(settings, shop, DS)
    store = open_store(settings)
    at = datetime(2026, 1, 6)
    request = {"user_id": "u1", "query_text": "red shoe"}
    items = ["i1", "i2", "nobody"]

    def online(service, rows):
        return pd.DataFrame(read_online(settings, service, rows))

    def offline(service, rows):
        frame = pd.DataFrame(rows).assign(event_timestamp=at)
        return store.get_historical_features(entity_df=frame, features=store.get_feature_service(service)).to_arrow()

    def encode(get):
        with shop.read() as con:
            install_macros(con)
            con.register("r", get(REQUEST_SERVICE, [request]))
            con.register("i", get(ITEM_SERVICE, [{"item_id": name} for name in items]))
            con.execute(
                f"create temp table requests as select *, 's' as sample_id, timestamp '{at}' as requested_at from r"
            )
            con.execute("create temp table items as select *, 's' as sample_id, row_number() over () as place from i")
            return con.sql(encode_sql("requests", "items")).to_arrow_table().to_pylist()

    served, trained = encode(online), encode(offline)

    assert str(served) == str(trained)
    assert served[0]["item_index"] == [hash_id("item", name) for name in items]
    assert 0 < len(served[0]["history_items"]) <= HISTORY_LENGTH


def test_the_command_looks_up_online_and_at_a_moment(settings, shop):
    materialize(settings, shop, DS)
    runner = CliRunner()
    online = runner.invoke(app, ["features", "get", "--user", "u1", "--item", "i1", "--item", "nobody", "--json"])
    then = runner.invoke(app, ["features", "get", "--item", "i1", "--as-of", "2026-01-05T09:00+01:00", "--json"])
    shown = runner.invoke(app, ["features", "get", "--item", "nobody"])
    services = runner.invoke(app, ["features", "services", "--json"])

    assert json.loads(online.stdout)["items"]["i1"]["price"] == 99.0
    assert json.loads(then.stdout)["items"]["i1"]["price"] == 9.0
    assert json.loads(then.stdout)["as_of"] == "2026-01-05 08:00:00"
    assert "item 'nobody' has no features" in shown.stderr
    assert [service["name"] for service in json.loads(services.stdout)] == [REQUEST_SERVICE, ITEM_SERVICE]


def test_the_command_refuses_what_it_cannot_answer(settings, shop):
    runner = CliRunner()

    assert runner.invoke(app, ["features", "get"]).exit_code == 2
    assert runner.invoke(app, ["features", "get", "--item", "i1", "--as-of", "noon"]).exit_code == 2
    unfilled = runner.invoke(app, ["features", "get", "--item", "i1"])
    assert unfilled.exit_code == 2
    assert "uniscale step materialize" in unfilled.stderr
