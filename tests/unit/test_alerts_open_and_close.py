"""An alert is open from the first day its rule fires to the first known day it does not, in whatever order."""

import logging

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.support_alerts import RULE, alerts, check, day, look, rows, spans
from uniscale.alerts.check import find, store
from uniscale.alerts.look import Firing, NotMadeError, Signal
from uniscale.lake import Lake


def test_an_alert_opens_stays_open_and_closes_on_the_first_day_without_it(lake):
    check(lake, 0, "price")
    assert spans(lake) == [("price", 0, None)]
    check(lake, 1, "price", "stock", value=3.0)
    check(lake, 2, "stock", value=4.0)
    assert spans(lake) == [("price", 0, 2), ("stock", 1, None)]
    price = next(one for one in alerts(lake) if one.subject == "price")
    assert (price.first_value, price.last_value, price.last_ds, price.num_days) == (1.0, 3.0, day(1), 2)


def test_a_day_that_could_not_tell_neither_closes_an_alert_nor_breaks_it(lake):
    check(lake, 0, "price")
    check(lake, 1, unknown=True)
    assert spans(lake) == [("price", 0, None)]
    check(lake, 2, "price")
    assert spans(lake) == [("price", 0, None)]
    check(lake, 3)
    assert spans(lake) == [("price", 0, 3)]


def test_a_past_day_run_again_does_not_reopen_what_is_closed_later(lake):
    for number, subjects in enumerate([("price",), ("price",), ()]):
        check(lake, number, *subjects)
    check(lake, 1, "price")
    assert spans(lake) == [("price", 0, 2)]


def test_what_fires_again_after_it_was_over_is_another_alert(lake):
    for number, subjects in enumerate([("price",), (), ("price",)]):
        check(lake, number, *subjects)
    assert spans(lake) == [("price", 0, 1), ("price", 2, None)]


def test_the_alerts_of_a_rule_that_is_no_more_end(lake):
    check(lake, 0, "price")
    other = RULE.model_copy(update={"name": "other", "number": 8})
    store(lake, day(1), rows(day(1), rule=other))
    assert spans(lake) == [("price", 0, 1)]


DAYS = st.lists(st.sets(st.sampled_from(["price", "stock"])) | st.none(), min_size=1, max_size=6)


def expected(told):
    """Alerts by a plain walk over the days; None is a day that could not tell."""
    found = []
    for subject in ("price", "stock"):
        opened = None
        for number, subjects in enumerate(told):
            if subjects is None:
                continue
            if subject in subjects and opened is None:
                opened = number
            elif subject not in subjects and opened is not None:
                found.append((subject, opened, number))
                opened = None
        if opened is not None:
            found.append((subject, opened, None))
    return sorted(found)


@hypothesis_settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
@given(told=DAYS, data=st.data())
def test_any_order_of_checks_and_checks_done_twice_give_the_alerts_of_the_days_in_order(
    settings, tmp_path_factory, told, data
):
    numbers = data.draw(st.permutations(range(len(told))))
    numbers = [*numbers, *data.draw(st.lists(st.sampled_from(numbers), max_size=2))]
    settings.home = tmp_path_factory.mktemp("home")
    lake = Lake(settings)
    for number in numbers:
        check(lake, number, *sorted(told[number] or ()), unknown=told[number] is None)
    assert spans(lake) == expected(told)


def test_a_rule_that_fails_is_unknown_and_keeps_no_other_from_being_looked_at(settings, lake, caplog):
    check(lake, 0)

    def fails(look, parts):
        raise ZeroDivisionError("no days")

    def not_made(look, parts):
        raise NotMadeError("step monitor is not done")

    def fires(look, parts):
        return [Firing(subject="price", value=2.0, detail="price moved")]

    signals = {name: Signal(find=found) for name, found in [("a", fails), ("b", not_made), ("c", fires)]}
    rules = [RULE.model_copy(update={"name": name, "signal": name}) for name in signals]
    with lake.read() as con, caplog.at_level(logging.ERROR):
        found = find(look(settings, con, day(0)), rules, signals)
    assert [(row["rule"], row["state"]) for row in found] == [("a", "unknown"), ("b", "unknown"), ("c", "firing")]
    assert found[0]["detail"] == "ZeroDivisionError: no days"
    assert "rule a" in caplog.text
    assert "rule b" not in caplog.text
