"""`uniscale features get`: what is served, and what was known at a moment."""

import json
from datetime import datetime, timedelta

import pytest
from support_features import DS, item, small_shop, write
from support_serving import push_fresh_actions_of_the_shop
from typer.testing import CliRunner

pytest.importorskip("feast")

from uniscale.cli.main import app
from uniscale.contracts.features import (
    FEATURE_SERVICES,
    HISTORY_SERVICE,
    ITEM_FEATURES,
    ITEM_SERVICE,
    PAIR_SERVICE,
    REQUEST_SERVICE,
)
from uniscale.features.online.materialize import materialize
from uniscale.serving.get import get_features

ASKED = {
    REQUEST_SERVICE: [("user_id", "u1"), ("query_text", "  RED shoe ")],
    HISTORY_SERVICE: [("user_id", "u1")],
    ITEM_SERVICE: [("item_id", "i1"), ("item_id", "i2"), ("item_id", "nobody")],
    PAIR_SERVICE: [("user_id", "u1"), ("category_id", "c1"), ("category_id", "c2")],
}


@pytest.fixture
def shop(settings, lake):
    small_shop(lake)
    materialize(settings, lake, DS)
    push_fresh_actions_of_the_shop(settings)
    return lake


def get(*arguments):
    return CliRunner().invoke(app, ["features", "get", *arguments])


@pytest.mark.parametrize("service", FEATURE_SERVICES)
def test_what_is_served_is_what_was_known_at_the_moment_it_is_served_for(settings, shop, service):
    online = get_features(settings, service, ASKED[service])
    then = get_features(settings, service, ASKED[service], as_of=datetime(2026, 1, 6))

    assert online["rows"] == [
        {**row, "features": {**row["features"], **known_before_push(row)}} for row in then["rows"]
    ]
    assert (online["as_of"], online["unknown"]) == (then["as_of"], then["unknown"])
    assert online["generation"] and then["generation"] is None
    assert any(value is not None for value in online["rows"][0]["features"].values())


def known_before_push(row):
    """Ids that the test gives the pushed actions."""
    return {"fresh_action_ids": ["a7", "a8"]} if row["features"].get("fresh_action_ids") else {}


def test_a_key_given_once_holds_for_all_rows_and_unknown_entities_are_named(settings, shop):
    found = get_features(settings, PAIR_SERVICE, ASKED[PAIR_SERVICE])
    items = get_features(settings, ITEM_SERVICE, ASKED[ITEM_SERVICE])

    assert [row["entity"] for row in found["rows"]] == [
        {"user_id": "u1", "category_id": "c1"},
        {"user_id": "u1", "category_id": "c2"},
    ]
    assert found["rows"][0]["features"]["user_category_num_clicks"] == 2
    assert found["unknown"] == [
        "user_id 'u1', category_id 'c2' has no user_category_features as of 2026-01-06 00:00 UTC"
    ]
    assert [row["features"]["price"] for row in items["rows"]] == [99.0, None, None]
    assert items["unknown"] == ["item_id 'nobody' has no item_features as of 2026-01-06 00:00 UTC"]


def test_a_moment_in_the_lake_sees_what_was_known_then_unless_it_is_told_to_leak(settings, shop):
    with shop.read() as con:
        known = con.execute(f"select * from {ITEM_FEATURES.qualified}").to_arrow_table().to_pylist()
    late = item("i1", DS - timedelta(days=1), known=datetime(2026, 1, 7), price=50.0)
    write(shop, ITEM_FEATURES, [*known, late])
    noon = datetime(2026, 1, 5, 12)

    def price(**options):
        return get_features(settings, ITEM_SERVICE, [("item_id", "i1")], as_of=noon, **options)["rows"][0]["features"]

    assert price()["price"] == 9.0
    assert price(leaky=True)["price"] == 50.0


def test_values_that_should_have_been_replaced_are_told(settings, shop):
    assert "hours old, 26 are allowed" in get_features(settings, ITEM_SERVICE, [("item_id", "i1")])["stale"]


@pytest.mark.parametrize(
    ("service", "entities", "reason"),
    [
        (
            "ranker_v0",
            [("item_id", "i1")],
            r"no feature service 'ranker_v0'; services are ranker_history_v1, ranker_item_v2, ranker_pair",
        ),
        (ITEM_SERVICE, [("user_id", "u1")], r"entities name user_id; this service is asked by item_id"),
        (ITEM_SERVICE, [], r"entities name nothing; this service is asked by item_id"),
        (
            REQUEST_SERVICE,
            [("user_id", "u1"), ("user_id", "u2"), *[("query_text", "a")] * 3],
            r"user_id is given 2 times; give it once, or 3 times",
        ),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused_with_what_can(settings, shop, service, entities, reason):
    with pytest.raises(ValueError, match=reason):
        get_features(settings, service, entities)


def test_the_future_is_refused(settings, shop):
    with pytest.raises(ValueError, match=r"2999-01-01 00:00 UTC is in the future"):
        get_features(settings, ITEM_SERVICE, [("item_id", "i1")], as_of=datetime(2999, 1, 1))


def test_the_command_looks_up_online_and_at_a_moment(settings, shop):
    online = get("--service", ITEM_SERVICE, "--entity", "item_id=i1", "--entity", "item_id=nobody", "--json")
    then = get("--service", ITEM_SERVICE, "--entity", "item_id=i1", "--as-of", "2026-01-05T09:00+01:00", "--json")
    shown = get("--service", ITEM_SERVICE, "--entity", "item_id=i1", "--entity", "item_id=nobody")
    services = CliRunner().invoke(app, ["features", "services", "--json"])

    assert [row["features"]["price"] for row in json.loads(online.stdout)["rows"]] == [99.0, None]
    assert json.loads(then.stdout)["rows"][0]["features"]["price"] == 9.0
    assert json.loads(then.stdout)["as_of"] == "2026-01-05 08:00:00"
    assert "item_id 'nobody' has no item_features" in shown.stderr
    assert "price" in shown.stdout and json.loads(online.stdout)["generation"][:12] in shown.stdout
    assert sorted(service["name"] for service in json.loads(services.stdout)) == sorted(FEATURE_SERVICES)


def test_the_command_refuses_what_it_cannot_answer(settings, lake):
    asked = ["--service", ITEM_SERVICE, "--entity", "item_id=i1"]
    unfilled = get(*asked)

    assert get().exit_code == get("--service", ITEM_SERVICE).exit_code == 2
    assert get(*asked, "--as-of", "noon").exit_code == get("--service", ITEM_SERVICE, "--entity", "i1").exit_code == 2
    assert unfilled.exit_code == 2
    assert "uniscale step materialize" in unfilled.stderr
    leaking = get(*asked, "--leaky")
    assert leaking.exit_code == 2 and "only features as of a moment can leak" in leaking.stderr
