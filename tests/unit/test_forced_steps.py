"""A step that is forced does its work again, and a forced step that was killed is neither done nor forgotten."""

from datetime import date

import pytest

from uniscale.contracts.outcomes import PARTITIONS
from uniscale.pipeline import work
from uniscale.pipeline.forced import ask_force
from uniscale.pipeline.ledger import finished
from uniscale.pipeline.run import do_step

DAY = date(2026, 1, 5)


@pytest.fixture
def calls(lake, monkeypatch):
    """Steps that only tell whether they were forced; what is put into ``fail`` ends them."""
    told, fail = [], []

    def tells(settings, lake, ds, force):
        told.append(force)
        if fail:
            raise fail.pop()
        return {"models": {}}

    for name in ("land", "marts"):
        monkeypatch.setattr(work, name, tells)
    return told, fail


def test_a_forced_step_is_told_so_and_another_run_finds_it_done(calls):
    told, _ = calls
    do_step("land", DAY)
    do_step("land", DAY, force=True)
    assert do_step("land", DAY)[1] is False
    assert told == [False, True]


def test_a_killed_forced_step_is_not_done_and_goes_on_forced(calls, lake):
    told, fail = calls
    do_step("land", DAY)
    for _ in range(2):
        fail.append(KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            do_step("land", DAY, force=len(told) == 1)
        assert finished(lake, DAY, "land") is None
        with pytest.raises(ValueError, match="needs step land"):
            do_step("marts", DAY)
    assert do_step("land", DAY)[1] is True
    assert do_step("land", DAY)[1] is False
    assert told == [False, True, True, True]
    with lake.read() as con:
        assert con.execute(f"select count(*) from {PARTITIONS.qualified}").fetchone() == (0,)


def test_force_is_of_one_step_and_one_day(calls):
    told, fail = calls
    for day in (DAY, date(2026, 1, 6)):
        do_step("land", day)
        do_step("marts", day)
    fail.append(RuntimeError("disk full"))
    with pytest.raises(RuntimeError, match="disk full"):
        do_step("marts", DAY, force=True)
    assert do_step("land", DAY)[1] is False
    assert do_step("marts", date(2026, 1, 6))[1] is False
    assert do_step("marts", DAY)[1] is True
    assert told == [False, False, False, False, True, True]


def test_several_forced_steps_stay_forced_when_the_first_is_killed(calls, lake):
    told, fail = calls
    steps_of_a_build = ("land", "marts")
    for name in steps_of_a_build:
        do_step(name, DAY)
    told.clear()
    ask_force(lake, DAY, steps_of_a_build)
    fail.append(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        do_step("land", DAY)
    for name in steps_of_a_build:
        assert do_step(name, DAY)[1] is True
    assert told == [True, True, True]


def test_a_first_run_may_be_forced(calls):
    told, _ = calls
    assert do_step("land", DAY, force=True)[1] is True
    assert do_step("land", DAY)[1] is False
    assert told == [True]
