"""How the attributed labels of a day grow with its age, and what a young day's label therefore weighs.

The labels of a day arrive over the length of the attribution window. Old days show how: of the labels known at age
``a`` (days after the day ended), how many more were known at age ``a + 1``. Young days show the beginning of it. The
chain-ladder estimate of actuaries puts both together: the growth from one age to the next is taken from all days that
have reached the next one, and the share known at an age is the inverse of the growth still to come (Mack 1993).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import prod

import duckdb

from uniscale.contracts.days import midnight_after
from uniscale.contracts.marts import FCT_ATTRIBUTIONS
from uniscale.es3.plan import Plan

ACTIONS = ("click", "purchase")

Counts = Mapping[date, Sequence[int]]
"""For each day, its labels known at age 0, 1, ... as far as its stored labels tell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Growth:
    """Growth of one kind of label.

    Attributes:
        known: Share of a day's final labels that is known at each age, from age 0 to the length of the window; 1 where
            no day is old enough to tell.
        observed_to: Largest age that any day has reached; beyond it no growth could be seen.
        labels: Labels counted, each day at its present age.
    """

    known: tuple[float, ...]
    observed_to: int
    labels: int

    def factor(self, age: int, at_most: float) -> float:
        """What a label of a day of this age stands for: itself and those still to come."""
        known = self.known[min(age, len(self.known) - 1)]
        return min(round(1 / known, 3), at_most) if known > 0 else at_most


def chain_ladder(counts: Counts, window_days: int) -> Growth:
    """Share of final labels known by age.

    Args:
        counts: Cumulative labels of each day by age.
        window_days: Age at which a day is final.
    """
    steps = []
    for age in range(window_days):
        older = [known for known in counts.values() if len(known) > age + 1]
        before, after = sum(known[age] for known in older), sum(known[age + 1] for known in older)
        steps.append(after / before if before else 1.0)
    ages = [len(known) - 1 for known in counts.values()]
    return Growth(
        known=tuple(1 / prod(steps[age:]) for age in range(window_days + 1)),
        observed_to=max(ages, default=0),
        labels=sum(known[-1] for known in counts.values() if known),
    )


def measure_growth(con: duckdb.DuckDBPyConnection, plan: Plan) -> dict[str, Growth]:
    """Growth of attributed labels by action, from the days whose labels the run itself has brought up to date.

    Args:
        con: An open lake connection; holds the marts of the run.
        plan: The run.
    """
    window_days = plan.policy.attribution.window_days
    first = min(plan.first_ds, plan.ds - timedelta(days=window_days))
    rows = con.execute(
        f"""
        select
            action,
            ds,
            any_value(label_as_of)::date,
            list(greatest(0, date_diff('day', ds, recorded_at::date)))
        from lake.{FCT_ATTRIBUTIONS.qualified}
        where ds between $first and $ds and label_as_of <= $known and policy_version = $version
        group by action, ds
        """,
        {"first": first, "ds": plan.ds, "known": midnight_after(plan.ds), "version": plan.policy.version},
    ).fetchall()
    counts: dict[str, dict[date, list[int]]] = {action: {} for action in ACTIONS}
    for action, day, label_day, ages in rows:
        oldest = min((label_day - day).days - 1, window_days)
        counts[action][day] = [sum(reached <= age for reached in ages) for age in range(oldest + 1)]
    return {action: chain_ladder(counts[action], window_days) for action in ACTIONS}


def label_factors(plan: Plan, growth: Mapping[str, Growth]) -> dict[date, dict[str, float]]:
    """What an attributed label of each training day is multiplied by, by action; 1 unless the policy weighs."""
    policy = plan.policy.maturity
    factors = {}
    for day in plan.days:
        age = (plan.ds - day.ds).days
        weighs = policy.young_days == "weigh" and not day.is_final
        factors[day.ds] = {
            action: found.factor(age, policy.max_weight) if weighs else 1.0 for action, found in growth.items()
        }
    return factors
