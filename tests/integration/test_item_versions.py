"""What was known of an item at a moment: one answer, whoever asks."""

from datetime import timedelta

import pytest

from tests.oracle_warehouse import Oracle
from tests.support_warehouse import Log, day, moment, rows
from uniscale.contracts.policy import load_policy
from uniscale.es3.build import build_samples
from uniscale.warehouse.build import build_marts

DS = day(6)


@pytest.fixture
def settings(settings):
    settings.window.train_days = 2
    return settings


def test_a_version_that_arrives_after_a_newer_one_changes_no_answer(settings, lake):
    log = Log()
    log.item("i", moment("03 00:00"), category_id="new")
    log.item("i", moment("01 00:00"), moment("05 12:00"), category_id="old")
    log.request("r", "u", moment("06 10:00"), exposed=["i"], query="shoe")
    log.act("a", "u", "i", "click", moment("06 10:05"), request_id="r", domain="search")
    log.land(lake)

    build_marts(settings, lake, DS)
    build_samples(settings, lake, DS)

    answers = {
        "carried to the samples": rows(lake, "select category_ids from es3.sequences"),
        "served daily": rows(lake, "select history_categories from features.user_sequences"),
        "served at once": rows(lake, "select fresh_categories from features.user_fresh_actions"),
    }
    assert answers == {name: [(["new"],)] for name in answers}


def changing_items() -> Log:
    """Versions that arrive late or are announced ahead, in every order of two days."""
    log = Log()
    for number, (valid, late) in enumerate((valid, late) for valid in range(1, 5) for late in (-30, 0, 2, 30, 54)):
        valid_from = moment(f"0{valid} 12:00") + timedelta(minutes=number)
        log.item(f"i{number % 3}", valid_from, valid_from + timedelta(hours=late), price=float(number))
    return log


def test_at_every_moment_the_newest_version_that_was_valid_and_recorded_is_known(settings, lake):
    log = changing_items()
    log.land(lake)
    for ds in (day(4), DS):
        build_marts(settings, lake, ds)

    known = rows(lake, "select item_id, known_from, price from marts.item_versions order by known_from")

    oracle = Oracle(log, load_policy())
    moments = sorted({max(item["valid_from"], item["recorded_at"]) for item in log.items})
    assert moments[-1] < moment("08 00:00")
    superseded = len(log.items) - len(known)
    assert superseded > 3
    for at in moments:
        for item_id in {item["item_id"] for item in log.items}:
            answer = [price for item, known_from, price in known if item == item_id and known_from <= at][-1:]
            version = oracle.version(log.items, "item_id", item_id, before=at, inclusive=True)
            assert answer == ([version["price"]] if version else []), (item_id, at)


def test_a_version_landed_in_an_old_day_is_added_and_the_days_from_then_on_are_made_again(settings, lake):
    of_all = "select item_id, known_from from marts.item_versions order by all"
    log = changing_items()
    log.land(lake)
    build_marts(settings, lake, DS)
    before = rows(lake, of_all)
    log.item("new", moment("04 06:00"))
    log.land(lake)

    told = build_marts(settings, lake, DS)

    assert told["days_built"]["item_versions"] == 4  # the fourth to the seventh
    assert rows(lake, of_all) == sorted([*before, ("new", moment("04 06:00"))])
