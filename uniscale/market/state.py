"""What changes from day to day: tastes, needs, prices, and who and what is there.

A day's changes are drawn from (seed, day) alone and applied to the day before, so days can be made one after another
and the first N days never depend on how many follow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from uniscale.market.draws import Array, normal, stream, uniform, weighted
from uniscale.market.world import World

TASTE_MEMORY = 0.985
"""Correlation of a taste with itself one day later."""
NEW_NEED = 0.3
"""Daily chance that a user's current need moves to another category."""
PRICE_CHANGE = 0.02
"""Daily chance of an item to get a new price."""
PRICE_SPREAD = 0.45
"""Standard deviation of log price within a category."""


@dataclass(kw_only=True, slots=True)
class State:
    """The marketplace on one day, all arrays by index of user, item or shop.

    Attributes:
        day: Days since the first one.
        taste: [U, 4]; in force when searching and visiting shops.
        feed_taste: [U, 4]; in force when browsing the feed.
        need: [U], the category a user is after at present.
        price: [I], list price of the day.
        price_level: [I], standard deviations of log price within the category.
        repriced: Items whose price changed at the midnight that began the day.
        is_on_sale: [I], whether a request can retrieve the item.
        is_member: [U], whether the user can make requests.
    """

    day: int
    taste: Array
    feed_taste: Array
    need: Array
    price: Array
    price_level: Array
    repriced: Array
    is_on_sale: Array
    is_member: Array


def first_day(world: World) -> State:
    """The state of day 0."""
    rng = stream(world.seed, "first needs")
    state = State(
        day=0,
        taste=world.users.taste.copy(),
        feed_taste=world.users.feed_taste.copy(),
        need=_needs(world, rng),
        price=np.zeros(0),
        price_level=world.items.price_level.copy(),
        repriced=np.zeros(0, dtype=np.int64),
        is_on_sale=world.items.launch_day < 0,
        is_member=world.users.join_day <= 0,
    )
    state.price = _prices(world, state.price_level)
    return state


def next_day(world: World, state: State) -> None:
    """Move the state on to the following day, in place."""
    state.day += 1
    rng = stream(world.seed, "drift", state.day)
    fresh = np.float32(np.sqrt(1 - TASTE_MEMORY**2))
    state.taste = TASTE_MEMORY * state.taste + fresh * normal(rng, state.taste.shape)
    state.feed_taste = TASTE_MEMORY * state.feed_taste + fresh * normal(rng, state.taste.shape)
    moves = uniform(rng, len(state.need)) < NEW_NEED
    state.need = np.where(moves, _needs(world, rng), state.need)
    _reprice(world, state, rng)
    state.is_on_sale = world.items.launch_day < state.day
    state.is_member = world.users.join_day <= state.day


def _reprice(world: World, state: State, rng: np.random.Generator) -> None:
    changes = uniform(rng, len(state.price)) < PRICE_CHANGE
    steps = np.float32(0.4) * normal(rng, len(state.price)) - np.float32(0.1)
    changes &= state.is_on_sale
    state.price_level = np.where(
        changes, 0.5 * (state.price_level + world.items.price_level) + steps, state.price_level
    )
    state.price = _prices(world, state.price_level)
    state.repriced = np.flatnonzero(changes)


def _needs(world: World, rng: np.random.Generator) -> Array:
    """A need per user: mostly one of the favourite categories, else any."""
    favourites = world.users.favourites
    count = len(favourites)
    own = favourites[np.arange(count), rng.integers(favourites.shape[1], size=count)]
    return np.where(uniform(rng, count) < 0.75, own, weighted(rng, world.category_weight, count))


def _prices(world: World, price_level: Array) -> Array:
    """Prices in cents precision, at least one cent."""
    log_price = world.category_log_price[world.items.category] + PRICE_SPREAD * price_level
    rounded: Array = np.maximum(np.round(np.exp(log_price.astype(np.float64)), 2), 0.01)
    return rounded
