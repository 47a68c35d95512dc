"""The calendar of a run: which days it trains on, which it judges on, and how mature their labels are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """One request day within a run.

    Attributes:
        ds: The UTC day.
        split: ``train`` or ``eval``.
        label_as_of: Labels use only events recorded before this UTC time.
        is_final: Whether every attribution window of the day has closed at ``label_as_of``.
    """

    ds: date
    split: str
    label_as_of: datetime
    is_final: bool


def midnight_after(ds: date, days: int = 0) -> datetime:
    """00:00 UTC that ends the day ``ds`` + ``days``."""
    return datetime.combine(ds + timedelta(days=days + 1), time())


def run_days(ds: date, *, train_days: int, eval_days: int, window_days: int) -> tuple[Day, ...]:
    """All days of the run of ``ds``, oldest first.

    Training days end with ``ds``; their labels are as known when ``ds`` ends, so nothing of the test days can reach
    them, and stop changing ``window_days`` after the day. Test days follow ``ds``; their labels are as known when the
    last of them ends.

    Args:
        ds: Last training day.
        train_days: Number of training days.
        eval_days: Number of test days.
        window_days: Days until the labels of a day are final.
    """
    known = midnight_after(ds)
    train = []
    for back in range(train_days - 1, -1, -1):
        day = ds - timedelta(days=back)
        final_at = midnight_after(day, window_days)
        train.append(Day(ds=day, split="train", label_as_of=min(final_at, known), is_final=final_at <= known))
    last = midnight_after(ds, eval_days)
    test = [
        Day(
            ds=ds + timedelta(days=ahead),
            split="eval",
            label_as_of=last,
            is_final=midnight_after(ds, ahead + window_days) <= last,
        )
        for ahead in range(1, eval_days + 1)
    ]
    return (*train, *test)
