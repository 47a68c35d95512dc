"""A block of requests with its candidates, the truth about them, and what the user did at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from uniscale.simulator.choice import Truth, examination
from uniscale.simulator.draws import Array, uniform
from uniscale.simulator.knobs import Knobs

NO_CAUSE = -1
SECOND = 1_000_000
"""Microseconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pages:
    """R requests of one domain and day with up to K candidates each.

    Attributes:
        domain: Index into ``DOMAINS``.
        keys: Request keys, [R]; see ``request_key``.
        users: [R].
        requested_at: Microseconds since 1970, [R].
        category: Category the query means, -1 outside search, [R].
        query: Known query of the category, -1 for words of the user's own and outside search, [R].
        text: What was typed; empty outside search.
        is_random: Whether the list was shown in random order, [R].
        cause: Key of the search that led to the request, or ``NO_CAUSE``, [R].
        items: Candidates, [R, K].
        is_there: Whether the place holds a candidate, [R, K].
        score: Of the logging policy, [R, K].
        position: Place in the shown list, 0 when not shown, [R, K].
        is_led_to: Outside search: whether ``cause`` led to the row, [R, K].
        truth: What is true of each row.
    """

    domain: int
    keys: Array
    users: Array
    requested_at: Array
    category: Array
    query: Array
    text: list[str]
    is_random: Array
    cause: Array
    items: Array
    is_there: Array
    score: Array
    position: Array
    is_led_to: Array
    truth: Truth


@dataclass(frozen=True, kw_only=True, slots=True)
class Reactions:
    """What users did with the rows of a page, each [R, K] of booleans.

    A ``later`` row was clicked and will be bought days after; the other purchases are made in the session.
    """

    clicked: Array
    carted: Array
    favoured: Array
    bought: Array
    later: Array


def request_key(day: int, domain: int, numbers: Array) -> Array:
    """Keys of the requests with these running numbers; order by day, domain, number."""
    key: Array = (np.int64(day * 4 + domain) << np.int64(32)) + numbers.astype(np.int64)
    return key


def react(knobs: Knobs, pages: Pages, rng: np.random.Generator) -> Reactions:
    """Draw examination, click, cart, favourite and purchase of every shown row."""
    shape = pages.items.shape
    truth = pages.truth
    sight = examination(knobs.position_bias[pages.domain], pages.position)
    looked = (pages.position > 0) & (uniform(rng, shape) < sight)
    clicked = looked & (uniform(rng, shape) < truth.click_probability)
    buys = clicked & (uniform(rng, shape) < truth.purchase_probability)
    at_once = uniform(rng, shape) < knobs.at_once[pages.domain]
    wants = uniform(rng, shape)
    return Reactions(
        clicked=clicked,
        carted=clicked & (wants < np.where(buys, 0.5, 0.1)),
        favoured=clicked & (uniform(rng, shape) < np.where(buys, 0.15, 0.05)),
        bought=buys & at_once,
        later=buys & ~at_once,
    )
