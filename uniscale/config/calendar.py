"""The days of a run as this installation has them: its windows, and its policy's time until labels are final."""

from __future__ import annotations

from datetime import date

from uniscale.config.settings import Settings
from uniscale.contracts.days import Day, restated_days, run_days
from uniscale.contracts.policy import Policy, load_policy


def wait_days(settings: Settings, policy: Policy | None = None) -> int:
    """Days between the last training day and the day of the run: none, unless the policy waits for final labels."""
    policy = policy or load_policy(settings.policy)
    return policy.attribution.window_days if policy.maturity.young_days == "wait" else 0


def days_of_run(settings: Settings, ds: date, policy: Policy | None = None) -> tuple[Day, ...]:
    """Training days up to ``ds`` (earlier if the policy waits) and the test days after it, oldest first.

    Args:
        settings: The installation.
        ds: Day of the run.
        policy: The policy, if the caller has read it; its file is not read again.
    """
    policy = policy or load_policy(settings.policy)
    return run_days(
        ds,
        train_days=settings.window.train_days,
        eval_days=settings.window.eval_days,
        window_days=policy.attribution.window_days,
        wait_days=wait_days(settings, policy),
    )


def days_to_restate(settings: Settings, ds: date, policy: Policy | None = None) -> tuple[Day, ...]:
    """Days before the run's training days whose labels have still to become final, or have just done so."""
    policy = policy or load_policy(settings.policy)
    first = days_of_run(settings, ds, policy)[0].ds
    return restated_days(ds, first=first, window_days=policy.attribution.window_days)


def train_days(settings: Settings, ds: date) -> list[date]:
    """The days on which the run of ``ds`` trains."""
    return [day.ds for day in days_of_run(settings, ds) if day.split == "train"]


def first_training_day(settings: Settings, ds: date) -> date:
    """The oldest day on which the run of ``ds`` trains."""
    return train_days(settings, ds)[0]


def eval_days(settings: Settings, ds: date) -> list[date]:
    """The days on which the run of ``ds`` is judged."""
    return [day.ds for day in days_of_run(settings, ds) if day.split == "eval"]
