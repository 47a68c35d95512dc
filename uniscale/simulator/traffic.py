"""Who asks, and when: the requests of a day before anything is retrieved for them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime, time, timedelta

import numpy as np

from uniscale.simulator.choice import FEED, SEARCH, SHOP
from uniscale.simulator.draws import Array, stream, uniform, weighted
from uniscale.simulator.events import DAY, NUM_SHOWN_AGAIN, VISIT
from uniscale.simulator.knobs import UNSATISFIED
from uniscale.simulator.pages import NO_CAUSE, request_key
from uniscale.simulator.state import State
from uniscale.simulator.world import World

HOURLY = (2, 1, 1, 1, 1, 2, 4, 6, 8, 9, 9, 9, 10, 9, 8, 8, 8, 9, 11, 13, 14, 13, 9, 5)
"""Relative traffic by hour of the day, UTC."""
FIRST_SECOND = 300
"""Requests begin five minutes after midnight, when the day's versions of users are known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Traffic:
    """Requests of one domain and day, by time.

    Attributes:
        domain: Index into ``DOMAINS``.
        keys: Request keys, [N].
        users: [N].
        requested_at: Microseconds since 1970, [N].
        cause: Key of the search that led to the request, or ``NO_CAUSE``, [N].
        wanted: Items that are shown again, -1 for none, [N, 3].
        similar_to: Item that a page of similar items is about, -1 for any other page, [N].
        category: What a search means if the session says so, else -1, [N].
        not_again: Known query that a search does not repeat, -1 for none, [N].
    """

    domain: int
    keys: Array
    users: Array
    requested_at: Array
    cause: Array
    wanted: Array
    similar_to: Array
    category: Array
    not_again: Array

    def block(self, begin: int, end: int) -> Traffic:
        """Requests ``begin`` to ``end`` - 1."""
        arrays = (field.name for field in fields(self) if field.name != "domain")
        return replace(self, **{name: getattr(self, name)[begin:end] for name in arrays})


def midnight(world: World, day: int) -> int:
    """Microseconds from 1970 to 00:00 UTC of a day."""
    moment = datetime.combine(world.start + timedelta(days=day), time())
    return int((moment - datetime(1970, 1, 1)) / timedelta(microseconds=1))


def searches(world: World, state: State) -> Traffic:
    """The searches of the day."""
    users, at = _spontaneous(world, state, SEARCH, 1.0)
    return _traffic(state, SEARCH, users, at, np.zeros(0, dtype=VISIT))


def next_searches(state: State, asked: Array, first_number: int) -> Traffic:
    """The ``NEXT_SEARCH`` records that sessions go on with; their numbers begin at ``first_number``."""
    asked = asked[np.argsort(asked["at"], kind="stable")]
    made = _traffic(state, SEARCH, asked["user"], asked["at"], np.zeros(0, dtype=VISIT))
    return replace(
        made,
        keys=made.keys + np.int64(first_number),
        category=asked["category"],
        not_again=asked["not_again"],
    )


def visits(world: World, state: State, domain: int, due: Array) -> Traffic:
    """The feed or shop requests of the day: those in ``due`` (``VISIT`` records) that searches led to, and others."""
    due = due[due["domain"] == domain]
    knobs = world.knobs
    per_search, led_to = {
        FEED: (knobs.feed_per_search, knobs.follow_feed),
        SHOP: (knobs.shop_per_search, knobs.follow_shop),
    }[domain]
    users, at = _spontaneous(world, state, domain, max(0.0, per_search - UNSATISFIED * led_to))
    return _traffic(state, domain, np.concatenate([due["user"], users]), np.concatenate([due["at"], at]), due)


def _spontaneous(world: World, state: State, domain: int, per_search: float) -> tuple[Array, Array]:
    rng = stream(world.seed, "traffic", state.day, domain)
    weekday = (world.start + timedelta(days=state.day)).weekday()
    mean = world.size.searches_per_day * per_search * (world.knobs.weekend_traffic if weekday >= 5 else 1.0)
    count = int(rng.poisson(mean))
    users = weighted(rng, world.users.activity * state.is_member, count)
    hours = weighted(rng, np.array(HOURLY, dtype=np.float64), count) + rng.random(count)
    at = midnight(world, state.day) + np.maximum(hours / 24 * DAY, FIRST_SECOND * 1_000_000).astype(np.int64)
    return users, np.minimum(at, midnight(world, state.day) + DAY - 1)


def _traffic(state: State, domain: int, users: Array, at: Array, due: Array) -> Traffic:
    """Sort by time and number; the first requests are those of ``due``, the others have no cause."""
    others = len(users) - len(due)
    nothing = np.full(len(users), -1, dtype=np.int32)
    order = np.argsort(at, kind="stable")
    return Traffic(
        domain=domain,
        keys=request_key(state.day, domain, np.arange(len(users))),
        users=users.astype(np.int32)[order],
        requested_at=at[order],
        cause=np.concatenate([due["cause"], np.full(others, NO_CAUSE, dtype=np.int64)])[order],
        wanted=np.concatenate([due["items"], np.full((others, NUM_SHOWN_AGAIN), -1, dtype=np.int32)])[order],
        similar_to=np.concatenate([due["similar_to"], nothing[len(due) :]])[order],
        category=nothing,
        not_again=nothing,
    )


def device(users: Array, rng: np.random.Generator) -> Array:
    """Index of the device, 0 app, 1 web, 2 mobile web; a user mostly keeps to one."""
    usual = users % 3
    return np.where(uniform(rng, len(users)) < 0.8, usual, rng.integers(3, size=len(users)))
