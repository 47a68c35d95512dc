"""Online look-ups through Feast itself."""

import json
from datetime import datetime, timedelta

import pandas as pd
import pytest
from support_features import DS, small_shop
from typer.testing import CliRunner

from uniscale.contracts.frames import HISTORY_LENGTH, hash_id

feast = pytest.importorskip("feast")

from uniscale.cli.main import app  # noqa: E402
from uniscale.features.encode import encode_sql, install_macros  # noqa: E402
from uniscale.features.lookup import look_up_at  # noqa: E402
from uniscale.features.online import look_up, materialize  # noqa: E402
from uniscale.features.repo import ITEM_SERVICE, REQUEST_SERVICE, open_store  # noqa: E402


@pytest.fixture
def shop(lake):
    small_shop(lake)
    return lake


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
    assert older["entities"] == {}
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
        return pd.DataFrame(
            store.get_online_features(
                features=store.get_feature_service(service), entity_rows=rows, full_feature_names=False
            ).to_dict()
        )

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
