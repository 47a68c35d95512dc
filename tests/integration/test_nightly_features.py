"""The nightly features: the rows that the retraining builds, served from the midnight after the day, and compared."""

import json
import shutil
from datetime import date, datetime, timedelta

import pytest
from typer.testing import CliRunner

from tests.support_lineage import ANNA, DS, WISH, at_home, small_log
from tests.support_warehouse import moment
from uniscale.cli.main import app
from uniscale.contracts.events import ACTIONS_TABLE
from uniscale.contracts.features import FEATURE_TABLES, ITEM_SERVICE, REQUEST_SERVICE, USER_FEATURES, USER_FRESH_ACTIONS
from uniscale.features.online.push import push_actions
from uniscale.features.online.push_rules import COLUMNS
from uniscale.features.online.slots import read_pointer
from uniscale.lake.partitions import mark_built
from uniscale.serving.get import get_features
from uniscale.serving.lookup import RankingLookup
from uniscale.serving.request import RankingRequest
from uniscale.serving.served_log import ServedLog
from uniscale.warehouse.build import build_marts
from uniscale.warehouse.nightly import build_features

NIGHT = DS + timedelta(days=1)
"""The test day of the retraining of DS, whose features only the nightly job builds."""

MORNING = datetime(2026, 1, 8, 11)

NOTHING = {"item_versions": 0, "carried": 0, "counts": 0, "features": 0, "fresh_actions": 0}


@pytest.fixture(scope="module")
def after_build(grown, tmp_path_factory):
    """Home of the installation after the night's first command; not to be written to."""
    home = tmp_path_factory.mktemp("night") / "the night's [1] home"
    shutil.copytree(grown, home)
    with pytest.MonkeyPatch.context() as patch:
        at_home(patch, home)
        done("build", str(NIGHT))
    return home


@pytest.fixture
def night(after_build, tmp_path, monkeypatch):
    """Settings and lake of a copy of its own, with the night's features built."""
    shutil.copytree(after_build, tmp_path / "home")
    return at_home(monkeypatch, tmp_path / "home")


def features(*words):
    return CliRunner().invoke(app, ["features", *words])


def done(*words):
    result = features(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def feature_rows(lake, first, last):
    with lake.read() as con:
        return {
            table.name: con.execute(
                f"from {table.qualified} where ds between ? and ? order by all", [first, last]
            ).fetchall()
            for table in FEATURE_TABLES
        }


def daily(answer):
    """Features by row, without those that are pushed."""
    return [
        {name: value for name, value in row["features"].items() if not name.startswith("fresh_")}
        for row in answer["rows"]
    ]


def serve(settings, **values):
    """Serve a request of Anna's and log it."""
    asked = {"request_id": "r", "user_id": ANNA, "query_text": "red shoe", "domain": "search"}
    request = RankingRequest(**{**asked, "item_ids": ("s1", "s4"), **values})
    with ServedLog(settings) as log:
        answer = RankingLookup(settings).look_up(request)
        log.append(answer)
    return answer


def serve_morning(settings, lake):
    """Push what was known of the day before the last request of the test day, and serve that request."""
    with lake.read() as con:
        query = f"select {', '.join(COLUMNS)} from {ACTIONS_TABLE.qualified} where ds = ? and recorded_at < ?"
        actions = con.execute(query, [NIGHT, MORNING]).to_arrow_table()
    push_actions(settings, actions)
    serve(settings, request_id="r-a3", requested_at=MORNING)


def test_a_night_builds_the_day_that_no_retraining_built_and_then_nothing(installation):
    _, lake = installation
    before = feature_rows(lake, date.min, DS)

    assert done("build", str(NIGHT))["days_built"] == {**NOTHING, "counts": 1, "features": 1}
    assert feature_rows(lake, date.min, DS) == before
    assert len(feature_rows(lake, NIGHT, NIGHT)[USER_FEATURES.name]) >= 2
    snapshot = lake.snapshot_id()
    again = done("build", str(NIGHT))
    assert again["days_built"] == NOTHING
    assert (again["landed_days"], lake.snapshot_id()) == (0, snapshot)


def test_nights_and_retrainings_in_turn_build_no_day_twice_and_give_the_rows_of_retrainings_alone(
    installation, tmp_path, monkeypatch
):
    settings, lake = installation
    later = NIGHT + timedelta(days=1)
    log = small_log()
    log.act("late", ANNA, "h1", "cart", moment("08 12:00"), late=timedelta(hours=20))
    log.request("r-a4", ANNA, moment("09 10:00"), exposed=["s3"], query="red shoe")
    log.land(lake)

    missed = build_features(settings, lake, later)["days_built"]
    # The first day of features again, the night that was missed, and the last.
    assert missed == {"item_versions": 1, "carried": 1, "counts": 2, "features": 3, "fresh_actions": 1}
    by_night = feature_rows(lake, NIGHT, NIGHT)
    built = build_marts(settings, lake, NIGHT)["days_built"]
    assert (built["features"], built["requests"] > 0) == (0, True)
    assert build_features(settings, lake, later)["days_built"] == NOTHING

    (tmp_path / "alone").mkdir()
    alone, other = at_home(monkeypatch, tmp_path / "alone" / "home")
    log.land(other)
    build_marts(alone, other, NIGHT)
    assert feature_rows(other, NIGHT, NIGHT) == by_night
    assert feature_rows(other, DS, DS) == feature_rows(lake, DS, DS)


def test_the_look_up_serves_the_values_of_the_midnight_after_the_day(night):
    settings, _ = night
    assert read_pointer(settings).moment == datetime(2026, 1, 8)
    served = done("materialize", str(NIGHT))

    midnight = datetime(2026, 1, 9)
    assert served["as_of"] == str(midnight)
    assert serve(settings, query_text=WISH, requested_at=midnight + timedelta(hours=8)).moment == midnight
    for service, keys in (
        (REQUEST_SERVICE, [("user_id", ANNA), ("query_text", "red shoe")]),
        (ITEM_SERVICE, [("item_id", "s1"), ("item_id", "h1")]),
    ):
        before = midnight - timedelta(days=1)
        online, then, earlier = (
            daily(get_features(settings, service, keys, as_of=moment)) for moment in (None, midnight, before)
        )
        assert online == then
        assert online != earlier


def test_the_retraining_that_comes_later_leaves_the_newer_values_served(night):
    settings, _ = night
    done("materialize", str(NIGHT))
    before = read_pointer(settings)
    older = features("materialize", str(DS))

    assert older.exit_code == 0
    assert "those of 2026-01-08 00:00:00 UTC are older" in " ".join(older.stderr.split())
    assert read_pointer(settings) == before


def test_a_day_whose_logs_have_not_come_is_refused_before_anything_is_built(installation):
    _, lake = installation
    snapshot = lake.snapshot_id()
    refused = features("build", "2026-01-09")

    assert refused.exit_code == 2
    assert "no request of 2026-01-09 has been landed: wait for its logs" in " ".join(refused.stderr.split())
    assert lake.snapshot_id() == snapshot


def test_a_day_that_is_not_built_is_neither_served_nor_compared(installation):
    settings, _ = installation
    before = read_pointer(settings)
    refused = features("materialize", str(NIGHT))
    assert refused.exit_code == 2
    assert "uniscale features build 2026-01-08" in refused.stderr
    assert features("skew", "2026-01-09").exit_code == 2
    assert read_pointer(settings) == before


def test_a_build_that_was_killed_is_not_served_and_the_same_command_finishes_it(installation, monkeypatch):
    from uniscale.warehouse import build

    _, lake = installation

    def dying(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(build, "run_dbt", dying)
        assert features("build", str(NIGHT)).exit_code == 130
    assert features("materialize", str(NIGHT)).exit_code == 2
    assert done("build", str(NIGHT))["days_built"]["features"] == 1
    assert done("materialize", str(NIGHT))["as_of"] == "2026-01-09 00:00:00"
    assert feature_rows(lake, NIGHT, NIGHT)[USER_FEATURES.name]


def test_what_was_served_as_the_lake_holds_it_passes_and_what_was_not_fails_the_night(night):
    settings, lake = night
    serve_morning(settings, lake)
    found = done("skew", str(NIGHT))
    assert (found["requests"], found["compared"], found["exact"]) == (1, 1, 1)
    assert found["least_match"] == 0.999
    assert features("skew", str(NIGHT)).stdout.count("100.000%") == len(found["features"])

    lake.commit(
        lambda con: con.execute("update lake.features.item_features set item_num_exposures = 77 where item_id = 's1'"),
        "another value",
    )
    failed = features("skew", str(NIGHT), "--json")
    assert failed.exit_code == 1
    assert json.loads(failed.stdout)["exact"] == 0
    told = " ".join(failed.stderr.split())
    assert "only 0 of 1 live requests of 2026-01-08 were served what the lake holds, 99.9% must be" in told
    table = [line for line in features("skew", str(NIGHT)).stdout.splitlines() if "%" in line]
    assert "log_item_num_exposures" in table[0] and "50.000%" in table[0]


def test_a_request_before_the_nights_values_passes_and_one_after_they_were_due_fails_the_night(night):
    settings, lake = night
    midnight = datetime(2026, 1, 9)
    morning = str(midnight.date())
    lake.commit(lambda con: mark_built(con, USER_FRESH_ACTIONS.qualified, {midnight.date(): "-"}), "no fresh actions")
    serve(settings, requested_at=midnight + timedelta(minutes=30))
    early = done("skew", morning)
    assert (early["late"], early["overdue"], early["in_time"]) == (1, 0, 0)

    serve(settings, request_id="other", requested_at=midnight + timedelta(hours=3))
    failed = features("skew", morning)
    assert failed.exit_code == 1
    assert "1 of 2 were served daily values older than 26 hours" in " ".join(failed.stderr.split())


@pytest.mark.usefixtures("night")
def test_a_day_on_which_nothing_was_served_passes_and_says_so():
    quiet = features("skew", str(NIGHT), "--kind", "shadow")
    assert quiet.exit_code == 0
    assert "no shadow request was served on 2026-01-08" in quiet.stdout
