"""A block of requests with its candidates, the truth about them, and what the user did at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from uniscale.market.choice import Truth, examination
from uniscale.market.draws import Array, uniform

NO_CAUSE = -1
SESSION_SHARE = (0.6, 0.6, 0.8)
"""By domain: share of purchases that are made in the session; the others are made days later."""
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
        query: Query within the category, -1 outside search, [R].
        is_random: Whether the list was shown in random order, [R].
        cause: Key of the search that led to the request, or ``NO_CAUSE``, [R].
        items: Candidates, [R, K].
        is_there: Whether the place holds a candidate, [R, K].
        score: Of the logging policy, [R, K].
        position: Place in the shown list, 0 when not shown, [R, K].
        is_followed_up: Whether the user came back for the item, [R, K].
        truth: What is true of each row.
    """

    domain: int
    keys: Array
    users: Array
    requested_at: Array
    category: Array
    query: Array
    is_random: Array
    cause: Array
    items: Array
    is_there: Array
    score: Array
    position: Array
    is_followed_up: Array
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


def react(pages: Pages, rng: np.random.Generator) -> Reactions:
    """Draw examination, click, cart, favourite and purchase of every shown row."""
    shape = pages.items.shape
    truth = pages.truth
    looked = (pages.position > 0) & (uniform(rng, shape) < examination(pages.domain, pages.position))
    clicked = looked & (uniform(rng, shape) < truth.click_probability)
    buys = clicked & (uniform(rng, shape) < truth.purchase_probability)
    at_once = uniform(rng, shape) < SESSION_SHARE[pages.domain]
    wants = uniform(rng, shape)
    return Reactions(
        clicked=clicked,
        carted=clicked & (wants < np.where(buys, 0.5, 0.1)),
        favoured=clicked & (uniform(rng, shape) < np.where(buys, 0.15, 0.05)),
        bought=buys & at_once,
        later=buys & ~at_once,
    )
