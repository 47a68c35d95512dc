"""How old a feature version may be and still answer."""

from __future__ import annotations

from datetime import timedelta

from uniscale.config import Settings
from uniscale.config.calendar import wait_days


def max_age(settings: Settings) -> timedelta:
    """Age beyond which no version answers.

    The warehouse writes every known entity on the first feature day of a run, the day before its first training day,
    and afterwards only what changes. The last test request of the run is at most this much later, so nothing older is
    ever needed: the bound costs no answer and keeps old days from being read.
    """
    return timedelta(days=settings.window.train_days + wait_days(settings) + settings.window.eval_days + 1)
