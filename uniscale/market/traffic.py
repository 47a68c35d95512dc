"""Who asks, and when: the requests of a day before anything is retrieved for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta

import numpy as np

from uniscale.market.choice import FEED, SEARCH, SHOP
from uniscale.market.draws import Array, stream, uniform, weighted
from uniscale.market.events import DAY, NUM_SHOWN_AGAIN
from uniscale.market.followups import FEED_VISIT, SHOP_VISIT
from uniscale.market.pages import NO_CAUSE, request_key
from uniscale.market.state import State
from uniscale.market.world import World

REQUESTS_PER_SEARCH = (1.0, 1.0, 1 / 3)
"""By domain: mean requests per search, visits that a search led to included."""
HOURLY = (2, 1, 1, 1, 1, 2, 4, 6, 8, 9, 9, 9, 10, 9, 8, 8, 8, 9, 11, 13, 14, 13, 9, 5)
"""Relative traffic by hour of the day, UTC."""
WEEKEND = 1.15
"""Traffic on Saturdays and Sundays, relative to the other days."""
FIRST_SECOND = 300
"""Requests begin five minutes after midnight, when the day's versions of users are known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Traffic:
    """Requests of one domain and day, by time; all [N] but ``wanted`` [N, 3], which holds -1 where there is none."""

    domain: int
    keys: Array
    users: Array
    requested_at: Array
    cause: Array
    wanted: Array

    def block(self, begin: int, end: int) -> Traffic:
        """Requests ``begin`` to ``end`` - 1."""
        rows = slice(begin, end)
        return Traffic(
            domain=self.domain,
            keys=self.keys[rows],
            users=self.users[rows],
            requested_at=self.requested_at[rows],
            cause=self.cause[rows],
            wanted=self.wanted[rows],
        )


def midnight(world: World, day: int) -> int:
    """Microseconds from 1970 to 00:00 UTC of a day."""
    moment = datetime.combine(world.start + timedelta(days=day), time())
    return int((moment - datetime(1970, 1, 1)) / timedelta(microseconds=1))


def searches(world: World, state: State) -> Traffic:
    """The searches of the day."""
    users, at = _spontaneous(world, state, SEARCH, 1.0)
    nothing = np.zeros(0, dtype=np.int64)
    return _traffic(state, SEARCH, users, at, cause=nothing, wanted=np.zeros((0, NUM_SHOWN_AGAIN), dtype=np.int32))


def visits(world: World, state: State, domain: int, due: Array) -> Traffic:
    """The feed or shop requests of the day: those in ``due`` (``VISIT`` records) that searches led to, and others."""
    due = due[due["domain"] == domain]
    led_to = {FEED: FEED_VISIT, SHOP: SHOP_VISIT}[domain]
    users, at = _spontaneous(world, state, domain, REQUESTS_PER_SEARCH[domain] - 0.8 * led_to)
    return _traffic(
        state,
        domain,
        np.concatenate([due["user"], users]),
        np.concatenate([due["at"], at]),
        cause=due["cause"],
        wanted=due["items"],
    )


def _spontaneous(world: World, state: State, domain: int, per_search: float) -> tuple[Array, Array]:
    rng = stream(world.seed, "traffic", state.day, domain)
    weekday = (world.start + timedelta(days=state.day)).weekday()
    mean = world.size.searches_per_day * per_search * (WEEKEND if weekday >= 5 else 1.0)
    count = int(rng.poisson(mean))
    users = weighted(rng, world.users.activity * state.is_member, count)
    hours = weighted(rng, np.array(HOURLY, dtype=np.float64), count) + rng.random(count)
    at = midnight(world, state.day) + np.maximum(hours / 24 * DAY, FIRST_SECOND * 1_000_000).astype(np.int64)
    return users, np.minimum(at, midnight(world, state.day) + DAY - 1)


def _traffic(state: State, domain: int, users: Array, at: Array, *, cause: Array, wanted: Array) -> Traffic:
    """Sort by time and number; the first ``len(cause)`` requests were caused, the others were not."""
    others = len(users) - len(cause)
    order = np.argsort(at, kind="stable")
    return Traffic(
        domain=domain,
        keys=request_key(state.day, domain, np.arange(len(users))),
        users=users.astype(np.int32)[order],
        requested_at=at[order],
        cause=np.concatenate([cause, np.full(others, NO_CAUSE, dtype=np.int64)])[order],
        wanted=np.concatenate([wanted, np.full((others, NUM_SHOWN_AGAIN), -1, dtype=np.int32)])[order],
    )


def device(users: Array, rng: np.random.Generator) -> Array:
    """Index of the device, 0 app, 1 web, 2 mobile web; a user mostly keeps to one."""
    usual = users % 3
    return np.where(uniform(rng, len(users)) < 0.8, usual, rng.integers(3, size=len(users)))
