"""The calendar of a run: which days it trains on, which it judges on, and how mature their labels are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

GIVEN_DAY: dict[str, Any] = {
    "type": ["null", "string"],
    "format": "date",
    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
}
"""JSON schema of a day that a person may give a DAG: a date and nothing else, or none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """One request day within a run.

    Attributes:
        ds: The UTC day.
        split: ``train``, ``eval``, or ``restated``: neither, only its labels are brought up to date.
        label_as_of: Labels use only events recorded before this UTC time.
        is_final: Whether every attribution window of the day has closed at ``label_as_of``.
    """

    ds: date
    split: str
    label_as_of: datetime
    is_final: bool


def every_day(first: date, last: date) -> list[date]:
    """All days from the first to the last one, both included; none if the last one is earlier."""
    return [first + timedelta(days=ahead) for ahead in range((last - first).days + 1)]


def midnight_after(ds: date, days: int = 0) -> datetime:
    """00:00 UTC that ends the day ``ds`` + ``days``."""
    return datetime.combine(ds + timedelta(days=days + 1), time())


def run_days(ds: date, *, train_days: int, eval_days: int, window_days: int, wait_days: int = 0) -> tuple[Day, ...]:
    """All days of the run of ``ds``, oldest first.

    Training days end with ``ds``; their labels are as known when ``ds`` ends, so nothing of the test days can reach
    them, and stop changing ``window_days`` after the day. Test days follow ``ds``; their labels are as known when the
    last of them ends.

    Args:
        ds: Day of the run.
        train_days: Number of training days.
        eval_days: Number of test days.
        window_days: Days until the labels of a day are final.
        wait_days: Days before ``ds`` on which training ends; with ``window_days`` every training day is final.
    """
    last = ds - timedelta(days=wait_days)
    train = [_labelled(last - timedelta(days=back), "train", ds, window_days) for back in range(train_days - 1, -1, -1)]
    judged_at = midnight_after(ds, eval_days)
    test = [
        Day(
            ds=ds + timedelta(days=ahead),
            split="eval",
            label_as_of=judged_at,
            is_final=midnight_after(ds, ahead + window_days) <= judged_at,
        )
        for ahead in range(1, eval_days + 1)
    ]
    return (*train, *test)


def restated_days(ds: date, *, first: date, window_days: int) -> tuple[Day, ...]:
    """Days that are no longer trained on, but whose labels are not yet final or have just become so, oldest first.

    They are restated in the run of ``ds``, so that every day that was ever built ends with final labels.

    Args:
        ds: Day of the run.
        first: Its first training day.
        window_days: Days until the labels of a day are final.
    """
    young = [ds - timedelta(days=back) for back in range(window_days, -1, -1)]
    return tuple(_labelled(day, "restated", ds, window_days) for day in young if day < first)


def closed_day(ds: date, window_days: int) -> Day:
    """A day whose labels have stopped changing, with its final labels."""
    return _labelled(ds, "restated", ds + timedelta(days=window_days), window_days)


def _labelled(day: date, split: str, ds: date, window_days: int) -> Day:
    """A day with its labels as known when ``ds`` ends, or when they became final."""
    known, final_at = midnight_after(ds), midnight_after(day, window_days)
    return Day(ds=day, split=split, label_as_of=min(final_at, known), is_final=final_at <= known)
