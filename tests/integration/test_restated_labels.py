"""Days whose attribution window has closed get their final labels, whether or not a run still reads them."""

import json
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from tests.support_warehouse import Log, day, moment, rows
from uniscale.cli.main import app
from uniscale.config import load_settings
from uniscale.lake import Lake
from uniscale.warehouse.build import build_marts

STATE = "select action_id, is_final from marts.fct_attributions where ds = date '2026-01-05' order by all"


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Settings and lake of a shop whose run of the fifth has labelled it as it was known then."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNISCALE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("UNISCALE_WINDOW__TRAIN_DAYS", "2")
    log = Log()
    log.user("u", moment("01 00:00"), age="30", city="B")
    for item_id in "abc":
        log.item(item_id, moment("01 00:00"), category_id=f"category_{item_id}", price=9.0)
    log.request("r5", "u", moment("05 10:00"), exposed="ab", unexposed="c", query="red shoe")
    log.act("soon", "u", "c", "click", moment("05 12:00"))
    log.act("late", "u", "b", "click", moment("05 13:00"), late=timedelta(days=2))
    log.request("r13", "u", moment("13 10:00"), exposed="a", query="blue shoe")
    settings = load_settings()
    lake = Lake(settings)
    log.land(lake)
    build_marts(settings, lake, day(5))
    return settings, lake


def restate(ds):
    return CliRunner().invoke(app, ["restate", f"2026-01-{ds}", "--json"])


def test_a_closed_day_becomes_final_as_the_daily_run_would_make_it_and_is_then_left_alone(world):
    settings, lake = world
    assert rows(lake, STATE) == [("soon", False)]

    found = json.loads(restate(13).stdout)
    assert (found["first"], found["last"], found["restated"]) == ("2026-01-05", "2026-01-05", 1)
    assert rows(lake, STATE) == [("late", True), ("soon", True)]
    assert json.loads(restate(13).stdout)["restated"] == 0

    exposures = rows(lake, "from marts.fct_exposures where ds = date '2026-01-05' order by all")
    by_the_run = build_marts(settings, lake, day(13))["days_built"]["requests"]
    assert by_the_run == 9, "the run of 13 states days 6 to 14; day 5 it finds done"
    assert rows(lake, "from marts.fct_exposures where ds = date '2026-01-05' order by all") == exposures


def test_a_log_that_is_younger_than_the_window_has_nothing_to_restate(world):
    found = json.loads(restate("05").stdout)
    assert found == {"first": None, "last": None, "restated": 0}


def test_labels_are_not_called_final_before_the_logs_that_close_their_window_have_come(world):
    _, lake = world
    refused = restate(14)
    assert refused.exit_code == 2
    assert "no request of 2026-01-14 has been landed" in refused.stderr
    assert rows(lake, STATE) == [("soon", False)]
