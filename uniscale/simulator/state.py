"""What changes from day to day: tastes, needs, prices, and who and what is there.

A day's changes are drawn from (seed, day) and from what people bought, and applied to the day before, so days can be
made one after another and the first N days never depend on how many follow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from uniscale.simulator.draws import Array, normal, stream, uniform, weighted
from uniscale.simulator.world import World


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
        satiation: [U, C] in [0, 1], how fresh the user's last purchase in a category is; [0, 0] where none wears off.
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
    satiation: Array


def first_day(world: World) -> State:
    """The state of day 0."""
    rng = stream(world.seed, "first needs")
    state = State(
        day=0,
        taste=world.users.taste.copy(),
        feed_taste=world.users.feed_taste.copy(),
        need=draw_needs(world, rng),
        price=np.zeros(0),
        price_level=world.items.price_level.copy(),
        repriced=np.zeros(0, dtype=np.int64),
        is_on_sale=world.items.launch_day < 0,
        is_member=world.users.join_day <= 0,
        satiation=np.zeros((0, 0), dtype=np.float32),
    )
    state.price = _prices(world, state.price_level)
    return state


def next_day(world: World, state: State) -> None:
    """Move the state on to the following day, in place."""
    state.day += 1
    rng = stream(world.seed, "drift", state.day)
    memory = world.knobs.taste_memory
    fresh = np.float32(np.sqrt(1 - memory**2))
    state.taste = memory * state.taste + fresh * normal(rng, state.taste.shape)
    state.feed_taste = memory * state.feed_taste + fresh * normal(rng, state.taste.shape)
    moves = uniform(rng, len(state.need)) < world.knobs.new_need
    state.need = np.where(moves, draw_needs(world, rng), state.need)
    _reprice(world, state, rng)
    state.is_on_sale = world.items.launch_day < state.day
    state.is_member = world.users.join_day <= state.day


def _reprice(world: World, state: State, rng: np.random.Generator) -> None:
    changes = uniform(rng, len(state.price)) < world.knobs.price_change
    steps = np.float32(0.4) * normal(rng, len(state.price)) - np.float32(0.1)
    changes &= state.is_on_sale
    state.price_level = np.where(
        changes, 0.5 * (state.price_level + world.items.price_level) + steps, state.price_level
    )
    state.price = _prices(world, state.price_level)
    state.repriced = np.flatnonzero(changes)


def draw_needs(world: World, rng: np.random.Generator) -> Array:
    """A need per user: mostly one of the favourite categories, else any."""
    favourites = world.users.favourites
    count = len(favourites)
    own = favourites[np.arange(count), rng.integers(favourites.shape[1], size=count)]
    is_own = uniform(rng, count) < world.knobs.need_is_favourite
    return np.where(is_own, own, weighted(rng, world.category_weight, count))


def _prices(world: World, price_level: Array) -> Array:
    """Prices in cents precision, at least one cent."""
    log_price = world.category_log_price[world.items.category] + world.knobs.price_spread * price_level
    rounded: Array = np.maximum(np.round(np.exp(log_price.astype(np.float64)), 2), 0.01)
    return rounded
