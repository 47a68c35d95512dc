"""The calendar of a run keeps the test days' events out of the training labels."""

from datetime import date, datetime

from hypothesis import given
from hypothesis import strategies as st

from uniscale.contracts.days import midnight_after, restated_days, run_days

DS = date(2026, 1, 20)


def test_a_run_trains_up_to_its_day_and_is_judged_on_the_next():
    days = run_days(DS, train_days=3, eval_days=1, window_days=8)
    assert [(day.ds.day, day.split) for day in days] == [(18, "train"), (19, "train"), (20, "train"), (21, "eval")]


def test_old_days_are_final_and_keep_their_label_time():
    first = run_days(DS, train_days=10, eval_days=1, window_days=8)[0]
    assert first.ds == date(2026, 1, 11)
    assert first.is_final
    assert first.label_as_of == datetime(2026, 1, 20)


def test_young_days_are_labelled_as_known_when_the_last_training_day_ends():
    days = run_days(DS, train_days=5, eval_days=1, window_days=8)
    assert all(not day.is_final and day.label_as_of == datetime(2026, 1, 21) for day in days[:-1])


@given(
    train_days=st.integers(1, 30),
    eval_days=st.integers(1, 10),
    window_days=st.integers(1, 40),
    later=st.integers(0, 30),
)
def test_no_training_label_knows_the_test_days_and_a_final_day_never_changes(train_days, eval_days, window_days, later):
    days = run_days(DS, train_days=train_days, eval_days=eval_days, window_days=window_days)
    assert len(days) == train_days + eval_days
    assert all(day.label_as_of <= midnight_after(DS) for day in days if day.split == "train")
    after = run_days(date.fromordinal(DS.toordinal() + later), train_days=60, eval_days=1, window_days=window_days)
    known = {day.ds: day for day in after if day.split == "train"}
    for day in days:
        if day.split == "train" and day.is_final:
            assert known[day.ds] == day


def test_a_run_that_waits_trains_on_final_days_only_and_is_judged_on_the_same_test_day():
    days = run_days(DS, train_days=3, eval_days=1, window_days=8, wait_days=8)
    assert [(day.ds.day, day.split) for day in days] == [(10, "train"), (11, "train"), (12, "train"), (21, "eval")]
    assert all(day.is_final for day in days[:-1])


@given(train_days=st.integers(1, 12), window_days=st.integers(1, 12), runs=st.integers(13, 30))
def test_every_day_is_stated_until_its_labels_are_final(train_days, window_days, runs):
    first_run = date.fromordinal(DS.toordinal() - runs)
    stated = {}
    for ahead in range(runs + 1):
        ds = date.fromordinal(first_run.toordinal() + ahead)
        days = run_days(ds, train_days=train_days, eval_days=1, window_days=window_days)
        for day in (*restated_days(ds, first=days[0].ds, window_days=window_days), *days[:-1]):
            stated[day.ds] = day
    for day in stated.values():
        if midnight_after(day.ds, window_days) <= midnight_after(DS):
            assert day.is_final
            assert day.label_as_of == midnight_after(day.ds, window_days)


def test_days_are_restated_or_trained_on_never_both():
    first = run_days(DS, train_days=3, eval_days=1, window_days=8)[0].ds
    assert [day.ds.day for day in restated_days(DS, first=first, window_days=8)] == [12, 13, 14, 15, 16, 17]
    assert restated_days(DS, first=date(2026, 1, 1), window_days=8) == ()
