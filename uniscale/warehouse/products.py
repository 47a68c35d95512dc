"""What dbt builds, and from what: the products of step ``marts``.

Item versions and daily counts are read by others of them; their days count with the keys that they will have.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from uniscale.config import Settings
from uniscale.contracts.carried import CARRIED_TABLES
from uniscale.contracts.daily_counts import DAILY_TABLES
from uniscale.contracts.events import ACTIONS_TABLE, CANDIDATES, ITEMS, REQUESTS, USERS
from uniscale.contracts.features import FEATURE_TABLES, FEATURE_WINDOWS, USER_FRESH_ACTIONS
from uniscale.contracts.marts import FCT_ATTRIBUTIONS, FCT_EXPOSURES, ITEM_VERSIONS, OUTSIDE_ACTIONS, QUERY_ITEM_STATS
from uniscale.contracts.policy import Policy
from uniscale.contracts.products import Product, Read, beginning, day_before, own_day


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """What the bounds of the warehouse are computed from.

    Attributes:
        settings: The installation.
        policy: Its ES3 policy.
        label_as_of: For each request day, when its labels are looked at.
    """

    settings: Settings
    policy: Policy
    label_as_of: dict[date, datetime]


def window_before(reach: Reach, ds: date) -> date:
    """An attribution window earlier."""
    return ds - timedelta(days=reach.policy.attribution.window_days)


def last_labelled(reach: Reach, ds: date) -> date:
    """The last day that its labels know."""
    return reach.label_as_of[ds].date() - timedelta(days=1)


def history_before(reach: Reach, ds: date) -> date:
    """`searchification.history_days` earlier."""
    return ds - timedelta(days=reach.policy.searchification.history_days)


def features_before(_: Reach, ds: date) -> date:
    """The longest feature window earlier."""
    return ds - timedelta(days=max(FEATURE_WINDOWS))


def last_known(reach: Reach, ds: date) -> date:
    """The day, or with `features.leaky` the end of the log."""
    return last_read(reach.settings, ds)


def last_read(settings: Settings, ds: date) -> date:
    """Last raw day that the features of a day read: its own, unless what became known later counts too."""
    return date.max if settings.features.leaky else ds


def matches_clusters(reach: Reach) -> bool:
    """A rule matches clusters."""
    return reach.policy.attribution.matches_clusters


_STEP = "marts"

VERSIONS = Product[Reach](
    name="item_versions",
    step=_STEP,
    tables=(ITEM_VERSIONS,),
    reads=(Read(table=ITEMS, first=beginning, last=own_day),),
    settings=(),
    code=_STEP,
)

OUTSIDE = Product[Reach](
    name="outside",
    step=_STEP,
    tables=(OUTSIDE_ACTIONS,),
    reads=(
        Read(table=ACTIONS_TABLE, first=own_day, last=own_day),
        Read(table=REQUESTS, first=features_before, last=own_day),
    ),
    settings=(),
    code=_STEP,
)

REQUEST_LABELS = Product[Reach](
    name="requests",
    step=_STEP,
    tables=(FCT_EXPOSURES, FCT_ATTRIBUTIONS),
    reads=(
        Read(table=REQUESTS, first=window_before, last=last_labelled),
        Read(table=CANDIDATES, first=window_before, last=last_labelled),
        Read(table=ACTIONS_TABLE, first=window_before, last=last_labelled),
        Read(table=OUTSIDE_ACTIONS, first=window_before, last=last_labelled),
        Read(table=ITEM_VERSIONS, first=beginning, last=last_labelled, when=matches_clusters),
    ),
    settings=("target_domain", "policy.version", "policy.attribution"),
    code=_STEP,
)

QUERY_STATS = Product[Reach](
    name="query_stats",
    step=_STEP,
    tables=(QUERY_ITEM_STATS,),
    reads=(
        Read(table=REQUESTS, first=history_before, last=day_before),
        Read(table=ACTIONS_TABLE, first=history_before, last=day_before),
        Read(table=ITEM_VERSIONS, first=beginning, last=day_before),
    ),
    settings=("target_domain", "policy.searchification.history_days", "policy.searchification.prior_clicks"),
    code=_STEP,
)

_LOG_SO_FAR = (
    Read(table=REQUESTS, first=beginning, last=last_known),
    Read(table=CANDIDATES, first=beginning, last=last_known),
    Read(table=ACTIONS_TABLE, first=beginning, last=last_known),
)

CARRIED = Product[Reach](
    name="carried",
    step=_STEP,
    tables=CARRIED_TABLES,
    reads=_LOG_SO_FAR,
    settings=("target_domain", "features.leaky", "features.history_length"),
    code=_STEP,
)

COUNTS = Product[Reach](
    name="counts",
    step=_STEP,
    tables=DAILY_TABLES,
    reads=(
        Read(table=CANDIDATES, first=own_day, last=own_day),
        Read(table=REQUESTS, first=features_before, last=own_day),
        Read(table=ACTIONS_TABLE, first=features_before, last=own_day),
        Read(table=ITEM_VERSIONS, first=beginning, last=own_day),
    ),
    settings=("target_domain",),
    code=_STEP,
)

FEATURES = Product[Reach](
    name="features",
    step=_STEP,
    tables=tuple(table for table in FEATURE_TABLES if table is not USER_FRESH_ACTIONS),
    reads=(
        *(replace(read, through=CARRIED_TABLES) for read in _LOG_SO_FAR),
        *(Read(table=table, first=features_before, last=last_known) for table in DAILY_TABLES),
        Read(table=USERS, first=beginning, last=last_known),
        Read(table=ITEM_VERSIONS, first=beginning, last=last_known),
    ),
    settings=("target_domain", "features.leaky", "features.history_length"),
    code=_STEP,
)

FRESH = Product[Reach](
    name="fresh_actions",
    step=_STEP,
    tables=(USER_FRESH_ACTIONS,),
    reads=(
        Read(table=ACTIONS_TABLE, first=own_day, last=last_known),
        Read(table=ITEM_VERSIONS, first=beginning, last=day_before),
    ),
    settings=("features.leaky", "features.max_fresh_versions", "features.history_length"),
    code=_STEP,
)

MARTS = (VERSIONS, OUTSIDE, REQUEST_LABELS, QUERY_STATS, CARRIED, COUNTS, FEATURES, FRESH)
"""In an order in which each is made from those before it."""
