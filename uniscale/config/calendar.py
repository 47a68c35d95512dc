"""The days of a run as this installation has them: its windows, and its policy's time until labels are final."""

from __future__ import annotations

from datetime import date

from uniscale.config.settings import Settings
from uniscale.contracts.days import Day, run_days
from uniscale.contracts.policy import Policy, load_policy


def days_of_run(settings: Settings, ds: date, policy: Policy | None = None) -> tuple[Day, ...]:
    """Training days up to ``ds`` and the test days after it, oldest first.

    Args:
        settings: The installation.
        ds: Last training day.
        policy: The policy, if the caller has read it; its file is not read again.
    """
    return run_days(
        ds,
        train_days=settings.window.train_days,
        eval_days=settings.window.eval_days,
        window_days=(policy or load_policy(settings.policy)).attribution.window_days,
    )


def train_days(settings: Settings, ds: date) -> list[date]:
    """The days on which the run of ``ds`` trains."""
    return [day.ds for day in days_of_run(settings, ds) if day.split == "train"]


def eval_days(settings: Settings, ds: date) -> list[date]:
    """The days on which the run of ``ds`` is judged."""
    return [day.ds for day in days_of_run(settings, ds) if day.split == "eval"]
