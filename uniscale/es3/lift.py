"""What part of the attributed labels the search is behind, from the log alone.

People act on items that they would have acted on without the search, and do so before a search too: what happens to the
items of its list in the hours before it tells what would have happened in the hours after it. Of the actions after it,
those in excess of the ones before are its lift, and their share is what an attributed label counts. Where a need grows
towards the search, the hours before it hold more than the baseline, and the share is too small rather than too large.
A gap that the day's lists cannot measure yet has the share of all that they can.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb

from uniscale.contracts.days import Day
from uniscale.contracts.marts import OUTSIDE_ACTIONS
from uniscale.es3.plan import Plan
from uniscale.es3.statements import run_files

GAPS = (0, 1, 6, 24, 72, 168)
"""Hours between which the time between search and action is told apart."""

PRIOR_ACTIONS = 20.0
"""Actions that the share over all channels and gaps weighs like, in the share of one of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lift:
    """Actions of one kind, held against the lists of a day.

    Attributes:
        action: ``click`` or ``purchase``.
        domain: Channel in which the user acted.
        is_exposed: Whether the list showed the item.
        from_hours: Shortest time between search and action.
        to_hours: Longest one, exclusive.
        num_after: Actions that long after the nearest search of the day whose list holds their item.
        num_before: Actions that long before it.
        share: Part of those after it that the search is behind.
    """

    action: str
    domain: str
    is_exposed: bool
    from_hours: float
    to_hours: float
    num_after: int
    num_before: int
    share: float


def measure_lift(con: duckdb.DuckDBPyConnection, plan: Plan, day: Day) -> tuple[Lift, ...]:
    """Fill the temporary table ``lifts`` for a day; empty, and so without effect, unless the policy weighs by lift.

    A day is measured on its own lists and on what was known by its label time, so that what it says changes no more
    than its labels do.

    Args:
        con: A lake connection; holds the marts of the run.
        plan: The run.
        day: One of its training days.

    Returns:
        Its rows, in order.
    """
    con.execute(_EMPTY)
    if plan.policy.attribution.weight == "lift":
        values = {
            "ds": day.ds,
            "first_action_ds": _first_logged(con, plan, day),
            "label_as_of": day.label_as_of,
            "target_domain": plan.target_domain,
            "from_hours": [float(hours) for hours in GAPS[:-1]],
            "to_hours": [float(hours) for hours in GAPS[1:]],
            "prior_actions": PRIOR_ACTIONS,
        }
        run_files(con, ("1_lift",), values)
    names = ", ".join(Lift.__dataclass_fields__)
    rows = con.execute(f"select {names} from lifts order by all").fetchall()
    return tuple(Lift(**dict(zip(Lift.__dataclass_fields__, row, strict=True))) for row in rows)


_EMPTY = """
    create or replace temp table lifts (
        action varchar, domain varchar, is_exposed boolean, from_hours double, to_hours double,
        num_after bigint, num_before bigint, share double
    )
"""


def _first_logged(con: duckdb.DuckDBPyConnection, plan: Plan, day: Day) -> date:
    """First day with an outside action, or the one that the longest gap reaches back to."""
    query = f"select min(ds) from lake.{OUTSIDE_ACTIONS.qualified} where ds >= ?"
    row = con.execute(query, [plan.first_older_ds(day)]).fetchone()
    return (row[0] if row else None) or day.ds
