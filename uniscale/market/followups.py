"""What a search leads to in other channels: the user comes back for what the search made her want.

What she comes back for is drawn from the *whole* candidate list of the search by her own utility, whether the search
had shown it or not: people find the right thing elsewhere too. This is what label attribution can recover.
"""

from __future__ import annotations

import numpy as np

from uniscale.market.choice import FEED, SHOP
from uniscale.market.draws import Array, gumbel, uniform
from uniscale.market.events import (
    CART,
    CLICK,
    EVENT,
    HOUR,
    NO_REQUEST,
    NUM_SHOWN_AGAIN,
    PURCHASE,
    VISIT,
    Agenda,
    purchase_delay,
)
from uniscale.market.pages import SECOND, Pages, Reactions
from uniscale.market.retrieval import NOWHERE
from uniscale.market.world import World

FEED_VISIT = 0.55
"""Chance that a search without a purchase leads to a visit of the feed."""
SHOP_VISIT = 0.12
"""Chance that it leads to a visit of the shop that sells the most wanted item."""
DIRECT_CLICK = 0.4
"""Chance that it leads straight to an item's page, with no request in the log."""


def schedule(world: World, pages: Pages, reactions: Reactions, agenda: Agenda, rng: np.random.Generator) -> None:
    """Put the follow-up of a block of searches on the agenda."""
    count = len(pages.users)
    wanted = _most_wanted(pages, rng)
    satisfied = (reactions.bought | reactions.later).any(axis=1) | ~pages.is_there.any(axis=1)
    for domain, chance in ((FEED, FEED_VISIT), (SHOP, SHOP_VISIT)):
        rows = np.flatnonzero(~satisfied & (uniform(rng, count) < chance))
        agenda.visits.append(_visits(world, pages, wanted[rows], rng, rows=rows, domain=domain))
    rows = np.flatnonzero(~satisfied & (uniform(rng, count) < DIRECT_CLICK))
    agenda.events.append(_direct(pages, rows, wanted, rng))


def _most_wanted(pages: Pages, rng: np.random.Generator) -> Array:
    """Columns of the candidates a user comes back for, most wanted first, [R, 3]: sampled by exp(utility)."""
    drawn = np.where(pages.is_there, pages.truth.utility + gumbel(rng, pages.items.shape), NOWHERE)
    return np.argsort(-drawn, axis=1, kind="stable")[:, :NUM_SHOWN_AGAIN]


def _visits(world: World, pages: Pages, wanted: Array, rng: np.random.Generator, *, rows: Array, domain: int) -> Array:
    """Visits after the searches ``rows`` that show the ``wanted`` columns again; a shop shows only its own."""
    made = np.zeros(len(rows), dtype=VISIT)
    items = pages.items[rows[:, None], wanted]
    there = pages.is_there[rows[:, None], wanted]
    if domain == SHOP:
        there &= world.items.shop[items] == world.items.shop[items[:, :1]]
    made["user"], made["domain"], made["cause"] = pages.users[rows], domain, pages.keys[rows]
    made["items"] = np.where(there, items, -1)
    made["at"] = pages.requested_at[rows] + _visit_delay(rng, len(rows))
    return made


def _visit_delay(rng: np.random.Generator, count: int) -> Array:
    """Microseconds from a search to a visit it leads to: 15 minutes and more, 10 hours on average."""
    return ((0.25 + rng.exponential(9.75, size=count)) * HOUR).astype(np.int64)


def _direct(pages: Pages, rows: Array, wanted: Array, rng: np.random.Generator) -> Array:
    """Clicks on an item's page, some with a cart, some with a purchase at once or later."""
    place = wanted[rows, 0]
    clicks = np.zeros(len(rows), dtype=EVENT)
    clicks["user"], clicks["item"], clicks["kind"], clicks["domain"] = (
        pages.users[rows],
        pages.items[rows, place],
        CLICK,
        SHOP,
    )
    clicks["acted_at"] = pages.requested_at[rows] + _visit_delay(rng, len(rows))
    clicks["request"], clicks["cause"] = NO_REQUEST, pages.keys[rows]
    buys = uniform(rng, len(rows)) < pages.truth.purchase_probability[rows, place]
    at_once = uniform(rng, len(rows)) < 0.5
    carts = clicks[uniform(rng, len(rows)) < np.where(buys, 0.5, 0.15)]
    carts["kind"] = CART
    carts["acted_at"] += 40 * SECOND
    purchases = clicks[buys]
    purchases["kind"] = PURCHASE
    soon = (rng.uniform(120, 1500, size=len(purchases)) * SECOND).astype(np.int64)
    purchases["acted_at"] += np.where(at_once[buys], soon, purchase_delay(rng, len(purchases)))
    return np.concatenate([clicks, carts, purchases])
