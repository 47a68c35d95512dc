"""What the samples of a day are made from: the days it reads, and the parameters of its SQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from uniscale.config import Settings
from uniscale.config.calendar import days_of_run
from uniscale.contracts.days import Day
from uniscale.contracts.marts import CONFIDENCE_Z, PROVENANCES
from uniscale.contracts.policy import Policy, load_policy
from uniscale.contracts.samples import SYNTHETIC_MARK

MAX_LISTS = 1000
"""Real lists of a day that tell how a click is tied to the match of query and item, the same ones every time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The training days of a run and what holds for all of them.

    Attributes:
        ds: Day of the run.
        days: Training days, oldest first.
        policy: The ES3 policy.
        seed: Seed of all draws.
        target_domain: Domain whose requests are real samples.
        last_eval_ds: Last day whose requests a ranker is tested on; they see sequences too.
    """

    ds: date
    days: tuple[Day, ...]
    policy: Policy
    seed: int
    target_domain: str
    last_eval_ds: date

    @property
    def first_ds(self) -> date:
        """First training day."""
        return self.days[0].ds

    @property
    def last_ds(self) -> date:
        """Last training day: ``ds``, or earlier if the policy waits for final labels."""
        return self.days[-1].ds

    def day(self, ds: date) -> Day:
        """One of the training days."""
        return self.days[(ds - self.first_ds).days]

    @property
    def carried_ds(self) -> date:
        """The day whose sequence lengths the training days go on from: the one before them."""
        return self.first_ds - timedelta(days=1)

    def first_attribution_ds(self, day: Day) -> date:
        """First training day whose requests an action in a request of ``day`` may have labelled."""
        return max(self.first_ds, self.first_older_ds(day))

    def last_attribution_ds(self, day: Day) -> date:
        """Last training day whose requests such an action may have labelled; it may come long after its own."""
        last_known = day.label_as_of.date() - timedelta(days=1)
        return min(self.last_ds, last_known + timedelta(days=self.policy.attribution.before_days))

    def first_older_ds(self, day: Day) -> date:
        """First day at all that a window of attribution reaches back to from ``day``.

        An action in a request of ``day`` may have labelled its requests; its outside actions tell the lift of ``day``.
        """
        return day.ds - timedelta(days=self.policy.attribution.window_days)

    def first_history_ds(self, day: Day) -> date:
        """First day whose searches may lend ``day`` a query."""
        return day.ds - timedelta(days=self.policy.searchification.history_days)

    def first_read_ds(self, day: Day) -> date:
        """First day whose candidates ``day`` is made from."""
        return min(self.first_history_ds(day), self.first_older_ds(day))

    def values(self, day: Day) -> dict[str, Any]:
        """Named parameters of the SQL files for one day."""
        weights = self.policy.weights.model_dump()
        search, rules = self.policy.searchification, self.policy.attribution
        return {
            "ds": day.ds,
            "label_as_of": day.label_as_of,
            "is_final": day.is_final,
            "target_domain": self.target_domain,
            "synthetic_mark": SYNTHETIC_MARK,
            "salt": f"{self.seed}|{day.ds}",
            "policy_version": self.policy.version,
            "unexposed_ratio": self.policy.unexposed.ratio,
            "provenances": list(PROVENANCES),
            "weights": [float(weights[name]) for name in PROVENANCES],
            "synthetic_weight": float(weights["synthetic"]),
            "carried_ds": self.carried_ds,
            "first_attribution_ds": self.first_attribution_ds(day),
            "last_attribution_ds": self.last_attribution_ds(day),
            "first_claim_ds": day.ds - timedelta(days=-(-rules.click.window_hours // 24)),
            "click_window_hours": rules.click.window_hours,
            "purchase_window_hours": rules.purchase.window_hours,
            "before_hours": max(rules.click.before_request_hours, rules.purchase.before_request_hours),
            "first_history_ds": self.first_history_ds(day),
            "history_days": search.history_days,
            "min_support": search.min_support,
            "min_confidence": search.min_confidence,
            "confidence_z": CONFIDENCE_Z,
            "user_mix": search.user_mix,
            "max_negatives": search.max_negatives,
            "max_lists": MAX_LISTS,
            "visit_minutes": search.visit_minutes,
            "positive_rate": search.positive_rate,
        }


def plan_run(settings: Settings, ds: date) -> Plan:
    """The plan of the run of ``ds``."""
    days = days_of_run(settings, ds)
    return Plan(
        ds=ds,
        days=tuple(day for day in days if day.split == "train"),
        policy=load_policy(settings.policy),
        seed=settings.seed,
        target_domain=settings.target_domain,
        last_eval_ds=max(day.ds for day in days),
    )
