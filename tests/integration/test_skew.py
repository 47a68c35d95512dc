"""Served model input against the lake: exact where nothing differs, and found where something does."""

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest
from support_features import DS, fill, small_shop, write
from support_serving import EVENING, push_fresh_actions_of_the_shop, ranking_request

pytest.importorskip("feast")

from uniscale.contracts.events import ACTIONS_TABLE
from uniscale.contracts.features import ITEM_FEATURES, USER_FRESH_ACTIONS
from uniscale.contracts.outcomes import SKEW
from uniscale.features.online.materialize import materialize
from uniscale.serving.lookup import RankingLookup
from uniscale.serving.served_log import ServedLog, read_served, served_folder
from uniscale.serving.shadow import serve_again
from uniscale.serving.skew import measure_skew

NEXT = DS + timedelta(days=1)


@pytest.fixture
def shop(settings, lake):
    settings.window.train_days = 1
    small_shop(lake)
    materialize(settings, lake, DS)
    push_fresh_actions_of_the_shop(settings)
    return lake


def serve(settings, *requests):
    lookup = RankingLookup(settings)
    with ServedLog(settings) as log:
        for request in requests:
            log.append(lookup.look_up(request))


def differing(result):
    return {name: share for name, share in result["features"].items() if share < 1}


def test_what_was_served_is_what_the_lake_recomputes_in_every_feature(settings, shop):
    strangers = {"user_id": "nobody", "query_text": None, "item_ids": ("i1", "x")}
    serve(settings, ranking_request(), ranking_request("r4", **strangers))
    result = measure_skew(settings, shop, NEXT, "live")

    assert differing(result) == {}
    assert (result["requests"], result["compared"], result["exact"], result["late"]) == (2, 2, 2, 0)
    assert (result["in_time"], result["exact_in_time"], result["overdue"]) == (2, 2, 0)
    with shop.read() as con:
        stored = con.execute(f"select count(*), sum(num_values), sum(num_matches) from {SKEW.qualified}").fetchone()
    assert stored[0] == len(result["features"])
    assert stored[1] == stored[2] > 100


def test_a_value_that_changed_in_the_lake_is_found_in_its_feature_and_measuring_again_replaces_it(settings, shop):
    serve(settings, ranking_request())
    with shop.read() as con:
        known = con.execute(f"select * from {ITEM_FEATURES.qualified}").to_arrow_table().to_pylist()
    is_served = [(row["item_id"], row["ds"]) == ("i1", DS) for row in known]
    restated = [{**row, "item_num_clicks": 7} if served else row for row, served in zip(known, is_served, strict=True)]
    write(shop, ITEM_FEATURES, restated)
    result = measure_skew(settings, shop, NEXT, "live")
    write(shop, ITEM_FEATURES, known)
    repaired = measure_skew(settings, shop, NEXT, "live")

    assert differing(result) == {"log_item_num_clicks": pytest.approx(2 / 3)}
    assert result["exact"] == 0
    assert differing(repaired) == {} and repaired["exact"] == 1


def test_an_action_that_was_never_pushed_is_found_in_the_history(settings, lake):
    settings.window.train_days = 1
    small_shop(lake)
    materialize(settings, lake, DS)
    serve(settings, ranking_request())

    assert set(differing(measure_skew(settings, lake, NEXT, "live"))) == {
        f"history_{part}" for part in ("items", "categories", "brands", "actions", "domains", "hours")
    }


def test_late_degraded_and_corrupt_answers_are_counted(settings, shop):
    lookup = RankingLookup(settings)
    late_day = NEXT + timedelta(days=1)
    with ServedLog(settings) as log:
        late = lookup.look_up(ranking_request(requested_at=EVENING + timedelta(days=1)))
        log.append(late)
        degraded = lookup.look_up(ranking_request("r4", requested_at=EVENING + timedelta(days=1)))
        degraded.counts.degraded = 1
        log.append(degraded)
        log.append(lookup.look_up(ranking_request("r5", requested_at=EVENING + timedelta(days=1))))
    (file,) = served_folder(settings, "live", late_day).glob("*.arrows")
    served = read_served(settings, "live", late_day)
    place = served.schema.get_field_index("vector_hash")
    wrong = served.set_column(place, "vector_hash", pa.array(["0", *served.column("vector_hash").to_pylist()[1:]]))
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_stream(sink, wrong.schema) as writer:
        writer.write_table(wrong)
    result = measure_skew(settings, shop, late_day, "live")

    assert (result["requests"], result["late"], result["degraded"], result["corrupt"]) == (3, 3, 1, 1)
    assert (result["compared"], result["in_time"], result["exact_in_time"]) == (1, 0, 0)
    assert result["overdue"] == 3


def test_a_request_between_midnight_and_the_nights_values_is_late_but_not_overdue(settings, shop):
    midnight = datetime(2026, 1, 7)
    soon, in_vain = midnight + timedelta(hours=2), midnight + timedelta(hours=2, microseconds=1)
    serve(settings, ranking_request(requested_at=soon), ranking_request("r4", requested_at=in_vain))
    result = measure_skew(settings, shop, midnight.date(), "live")

    assert (result["late"], result["overdue"], result["compared"], result["in_time"]) == (2, 1, 2, 0)


def test_a_day_on_which_nothing_was_served_says_so(settings, shop):
    assert measure_skew(settings, shop, date(2026, 3, 1), "live") == {"ds": "2026-03-01", "kind": "live", "requests": 0}


def test_test_requests_served_again_are_those_of_the_lake_pushed_actions_included(settings, shop):
    at = datetime(2026, 1, 6, 19, 59, tzinfo=UTC)
    acted = {
        "ds": NEXT,
        "action_id": "late",
        "user_id": "u1",
        "item_id": "i1",
        "action": "cart",
        "acted_at": at.replace(tzinfo=None),
        "recorded_at": at.replace(tzinfo=None),
        "domain": "feed",
    }
    moment = acted["recorded_at"]
    version = {"user_id": "u1", "ds": NEXT, "feature_at": moment, "recorded_at": moment}
    lists = {
        "fresh_action_ids": ["late"],
        "fresh_items": ["i1"],
        "fresh_categories": ["c1"],
        "fresh_brands": [""],
        "fresh_actions": ["cart"],
        "fresh_domains": ["feed"],
        "fresh_acted_at": [int(at.timestamp())],
        "fresh_known_at": [int(at.timestamp()) * 1_000_000],
    }

    def land(con):
        fill(con, ACTIONS_TABLE, [acted])
        fill(con, USER_FRESH_ACTIONS, [{**version, **lists}])

    shop.commit(land, "an action of the test day")
    shadow = serve_again(settings, shop, NEXT, 10)
    again = serve_again(settings, shop, NEXT, 10)
    result = measure_skew(settings, shop, NEXT, "shadow")
    served = read_served(settings, "shadow", NEXT)

    assert (shadow["requests"], shadow["pushed"], again["pushed"]) == (1, 1, 1)
    assert served.column("request_id").to_pylist() == ["r3"]
    assert len(served.column("history_items").to_pylist()[0]) == 3
    assert (differing(result), result["exact"]) == ({}, 1)
    assert read_served(settings, "live", NEXT) is None


def test_requests_of_another_day_than_the_served_values_are_not_served_again(settings, shop):
    reason = serve_again(settings, shop, NEXT + timedelta(days=1), 10)["skipped"]

    assert reason.startswith("the requests of 2026-01-07 need the daily values of 2026-01-07 00:00 UTC; the values of")
