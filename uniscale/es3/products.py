"""What the samples and the shared sequences are made from: the products of step ``samples``."""

from __future__ import annotations

from datetime import date, timedelta

from uniscale.contracts.events import ACTIONS_TABLE, CANDIDATES, REQUESTS
from uniscale.contracts.marts import FCT_ATTRIBUTIONS, FCT_EXPOSURES, ITEM_VERSIONS, OUTSIDE_ACTIONS, QUERY_ITEM_STATS
from uniscale.contracts.products import Product, Read, beginning, own_day
from uniscale.contracts.samples import OUTSIDE_CLICKS, SAMPLES
from uniscale.contracts.sequences import SEQUENCE_LENGTHS, SEQUENCES
from uniscale.es3.plan import Plan

BEHAVIOUR = Product[Plan](
    name="sequences",
    step="samples",
    tables=(SEQUENCES, SEQUENCE_LENGTHS),
    reads=(
        Read(table=ACTIONS_TABLE, first=beginning, last=own_day),
        Read(table=ITEM_VERSIONS, first=beginning, last=own_day),
    ),
    settings=(),
    code="samples",
)
"""The place of an action in its user's sequence depends on all actions before it."""


def lists_before(plan: Plan, ds: date) -> date:
    """An attribution window or `searchification.history_days` earlier."""
    return plan.first_read_ds(plan.day(ds))


def attributed_from(plan: Plan, ds: date) -> date:
    """An attribution window earlier, the first training day at least."""
    return plan.first_attribution_ds(plan.day(ds))


def attributed_to(plan: Plan, ds: date) -> date:
    """The last training day that its actions may have labelled."""
    return plan.last_attribution_ds(plan.day(ds))


def lift_from(plan: Plan, ds: date) -> date:
    """The day, or with `attribution.weight: lift` an attribution window earlier."""
    return plan.first_older_ds(plan.day(ds)) if plan.policy.attribution.weight == "lift" else ds


def last_labelled(plan: Plan, ds: date) -> date:
    """The last day that its labels know."""
    return plan.day(ds).label_as_of.date() - timedelta(days=1)


ES3_SAMPLES = Product[Plan](
    name="samples",
    step="samples",
    tables=(SAMPLES, OUTSIDE_CLICKS),
    reads=(
        Read(table=FCT_EXPOSURES, first=attributed_from, last=attributed_to),
        Read(table=FCT_ATTRIBUTIONS, first=attributed_from, last=attributed_to),
        Read(table=OUTSIDE_ACTIONS, first=lift_from, last=last_labelled),
        Read(table=QUERY_ITEM_STATS, first=own_day, last=own_day),
        Read(table=ITEM_VERSIONS, first=beginning, last=own_day),
        Read(table=REQUESTS, first=lists_before, last=own_day),
        Read(table=CANDIDATES, first=lists_before, last=own_day),
        Read(table=ACTIONS_TABLE, first=beginning, last=own_day, through=BEHAVIOUR.tables),
    ),
    settings=("target_domain", "seed", "policy"),
    code="samples",
)
