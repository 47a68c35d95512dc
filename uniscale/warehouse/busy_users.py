"""Who did more on a day than fresh actions make versions of: crawlers, shared tills, clients that repeat themselves."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import date

from uniscale.config import Settings
from uniscale.contracts.events import ACTIONS_TABLE
from uniscale.lake import Lake

_log = logging.getLogger(__name__)


def capped_user_days(settings: Settings, lake: Lake, days: Collection[date]) -> int:
    """Users and days, of these days, with more moments than `features.max_fresh_versions`; the busiest is warned of."""
    if not days:
        return 0
    clock = "acted_at" if settings.features.leaky else "recorded_at"
    day = f"cast({clock} as date)"
    most = settings.features.max_fresh_versions
    with lake.read() as con:
        found = con.execute(
            f"select user_id, {day} as ds, count(distinct {clock}) as moments from lake.{ACTIONS_TABLE.qualified} "
            f"where {day if settings.features.leaky else 'ds'} in (select unnest(?)) group by user_id, {day} "
            "having count(*) > ? and moments > ? order by moments desc, user_id, ds",
            [list(days), most, most],
        ).fetchall()
    if found:
        user, on, moments = found[0]
        _log.warning(
            "%d users and days have more than %d moments of action; the later ones make no version of fresh actions "
            "(features.max_fresh_versions). The busiest: user %s, %d moments on %s",
            *(len(found), most, user, moments, on),
        )
    return len(found)
