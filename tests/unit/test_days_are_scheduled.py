"""Which days Airflow runs, and when."""

from datetime import UTC, date, datetime, timedelta

import pytest

pytest.importorskip("airflow")
from airflow.timetables.base import DataInterval, TimeRestriction
from pendulum import DateTime, instance

from dags.parts.days import LONG_AGO, MOST_CAUGHT_UP, DayTimetable

LAG = timedelta(days=2, hours=2)
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
"""The newest day that is due is 2026-03-08."""


@pytest.fixture
def daily(monkeypatch):
    monkeypatch.setattr(DateTime, "now", classmethod(lambda cls, zone: instance(NOW)))
    return DayTimetable(lag=LAG)


def restriction(first=LONG_AGO, last=None, *, catchup=False):
    return TimeRestriction(instance(first), None if last is None else instance(last), catchup)


def after(timetable, day, **more):
    start = instance(datetime.fromisoformat(day).replace(tzinfo=UTC))
    interval = DataInterval(start, start + timedelta(days=1))
    return timetable.next_dagrun_info(last_automated_data_interval=interval, restriction=restriction(**more))


def planned(timetable, first, last):
    """Days of a backfill, as Airflow asks for them."""
    bounds = [datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (first, last)]
    days, info = [], None
    while True:
        interval = info.data_interval if info else None
        info = timetable.next_dagrun_info(
            last_automated_data_interval=interval, restriction=restriction(*bounds, catchup=True)
        )
        if info is None:
            return days
        days.append(info.logical_date.date().isoformat())


def test_the_first_run_is_of_the_newest_day_whose_data_has_come(daily):
    info = daily.next_dagrun_info(last_automated_data_interval=None, restriction=restriction())
    assert info.logical_date.date() == date(2026, 3, 8)
    assert info.run_after == datetime(2026, 3, 10, 2, tzinfo=UTC)


def test_a_run_that_waited_for_days_is_followed_by_the_next_day_not_by_the_newest(daily):
    assert after(daily, "2026-03-05").logical_date.date() == date(2026, 3, 6)
    assert after(daily, "2026-03-08").logical_date.date() == date(2026, 3, 9)
    assert after(daily, "2026-03-08").run_after > NOW


def test_a_long_pause_is_not_made_up_for_whole(daily):
    found = after(daily, "2026-01-01").logical_date.date()
    assert found == date(2026, 3, 8) - timedelta(days=MOST_CAUGHT_UP - 1)


def test_a_backfill_runs_the_days_that_it_names_oldest_first(daily):
    assert planned(daily, "2026-01-01", "2026-01-03") == ["2026-01-01", "2026-01-02", "2026-01-03"]


def test_a_week_has_one_run_and_a_backfill_those_of_its_weeks(monkeypatch, daily):
    weekly = DayTimetable(lag=LAG, weekday=6)
    info = weekly.next_dagrun_info(last_automated_data_interval=None, restriction=restriction())
    assert info.logical_date.date() == date(2026, 3, 8)
    assert after(weekly, "2026-03-08").logical_date.date() == date(2026, 3, 15)
    assert planned(weekly, "2026-01-01", "2026-01-18") == ["2026-01-04", "2026-01-11", "2026-01-18"]


def test_a_run_by_hand_is_of_the_day_it_names_or_of_the_newest_due_one(daily):
    def meant(moment):
        return daily.infer_manual_data_interval(run_after=instance(moment)).start.date()

    assert meant(datetime(2026, 1, 7, tzinfo=UTC)) == date(2026, 1, 7)
    assert meant(NOW) == date(2026, 3, 8)


def test_the_scheduler_reads_back_the_timetable_that_a_dag_has():
    weekly = DayTimetable(lag=LAG, weekday=6)
    again = DayTimetable.deserialize(weekly.serialize())
    assert (again.lag, again.weekday, again.summary) == (LAG, 6, weekly.summary)
