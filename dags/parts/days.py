"""When a day is run, and how a task gets to know its day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable
from pendulum import DateTime, instance

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
"""Start date of every DAG: earlier than any log, so that whatever day has logs can be run."""

DAY = timedelta(days=1)
MOST_CAUGHT_UP = 7
"""After a pause or an outage this many of the newest runs are made up for; older ones are a backfill."""


class DayTimetable(Timetable):
    """One run per day of the log, which is its logical date: ``ds`` is the day, in every run and in every backfill.

    The first run is that of the newest day whose data has come; from then on no day is left out, however long a run
    waits, but for what lies further back than `MOST_CAUGHT_UP` runs.

    Args:
        lag: Time from the beginning of the day until its data has come and its run is due.
        weekday: Run only days that are this one (0 is Monday); default every day.
    """

    def __init__(self, *, lag: timedelta, weekday: int | None = None) -> None:
        self.lag, self.weekday = lag, weekday
        self.description = f"{'daily' if weekday is None else 'weekly'}, {lag} after the day begins"

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Timetable:
        """The timetable that `serialize` has written."""
        return cls(lag=timedelta(seconds=data["lag"]), weekday=data["weekday"])

    def serialize(self) -> dict[str, Any]:
        """What makes up the timetable, as JSON."""
        return {"lag": self.lag.total_seconds(), "weekday": self.weekday}

    @property
    def summary(self) -> str:
        """What the list of DAGs shows."""
        return f"ds + {self.lag}" if self.weekday is None else f"ds + {self.lag}, weekly"

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        """The day that a run started by hand names; the newest due one if the data of that day cannot have come."""
        return _interval(min(self._day_until(run_after), self._newest_due()))

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """The run after the last one; of a backfill (``restriction.catchup``) all days from the first to the last."""
        if last_automated_data_interval is not None:
            day = last_automated_data_interval.start + self._step
            if not restriction.catchup:
                day = max(day, self._newest_due() - (MOST_CAUGHT_UP - 1) * self._step)
        elif restriction.catchup and restriction.earliest is not None:
            day = self._day_from(restriction.earliest)
        else:
            day = self._newest_due()
        if restriction.earliest is not None:
            day = max(day, self._day_from(restriction.earliest))
        if restriction.latest is not None and day > restriction.latest:
            return None
        return DagRunInfo(run_after=day + self.lag, data_interval=_interval(day))

    @property
    def _step(self) -> timedelta:
        return DAY if self.weekday is None else 7 * DAY

    def _newest_due(self) -> DateTime:
        return self._day_until(DateTime.now("UTC") - self.lag)

    def _day_until(self, moment: DateTime) -> DateTime:
        """The newest day of the timetable that has begun at a moment."""
        midnight = _midnight(moment)
        return midnight if self.weekday is None else midnight - ((midnight.weekday() - self.weekday) % 7) * DAY

    def _day_from(self, moment: DateTime) -> DateTime:
        """The first day of the timetable that begins at a moment or later."""
        day = self._day_until(moment)
        return day if day >= moment else day + self._step


def _midnight(moment: DateTime) -> DateTime:
    return instance(moment).in_timezone("UTC").start_of("day")


def _interval(day: DateTime) -> DataInterval:
    return DataInterval(day, day + DAY)
