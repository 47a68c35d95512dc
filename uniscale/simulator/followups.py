"""What a search leads to: visits of other channels for what it made the user want, and the next search of the session.

What she comes back for is drawn by her own utility, from the *whole* candidate list of the search, whether it was shown
or not, or from the rows shown (``follow_up_from``). This is what label attribution can recover. A whole list is an
oracle: no real shop knows that people find elsewhere just what retrieval had for them. So are ``shown_again_bonus``,
for the policy of the visited channel then favours what she came for, and ``need_bonus``.
"""

from __future__ import annotations

import numpy as np

from uniscale.simulator.choice import FEED, SHOP
from uniscale.simulator.draws import Array, gumbel, stream, uniform
from uniscale.simulator.events import (
    CART,
    CLICK,
    EVENT,
    HOUR,
    NEXT_SEARCH,
    NO_REQUEST,
    NUM_SHOWN_AGAIN,
    PURCHASE,
    VISIT,
    Agenda,
    purchase_delay,
)
from uniscale.simulator.knobs import Knobs
from uniscale.simulator.pages import SECOND, Pages, Reactions
from uniscale.simulator.retrieval import NOWHERE
from uniscale.simulator.wording import OWN_WORDS
from uniscale.simulator.world import World


def schedule(world: World, pages: Pages, reactions: Reactions, agenda: Agenda, rng: np.random.Generator) -> None:
    """Put the follow-up of a block of searches on the agenda."""
    count, knobs = len(pages.users), world.knobs
    is_known = pages.is_there if knobs.follow_up_from == "whole_list" else pages.position > 0
    wanted = _most_wanted(pages, is_known, rng)
    has_bought = (reactions.bought | reactions.later).any(axis=1)
    comes_back = ~has_bought & is_known.any(axis=1) & ~world.users.is_bot[pages.users]
    for domain, chance in ((FEED, knobs.follow_feed), (SHOP, knobs.follow_shop)):
        rows = np.flatnonzero(comes_back & (uniform(rng, count) < chance))
        agenda.visits.append(_visits(world, pages, is_known, wanted, rng, rows=rows, domain=domain))
    rows = np.flatnonzero(comes_back & (uniform(rng, count) < knobs.follow_page))
    agenda.events.append(_direct(knobs, pages, rows, wanted, rng))
    if count and (knobs.similar_pages or knobs.reformulated or knobs.another_search):
        own = stream(world.seed, "sessions", int(pages.keys[0]))
        agenda.visits.append(_similar_pages(world, pages, reactions, own))
        agenda.searches.append(_next_searches(world, pages, reactions, own))


def _most_wanted(pages: Pages, is_known: Array, rng: np.random.Generator) -> Array:
    """Columns of the candidates a user comes back for, most wanted first, [R, 3]: sampled by exp(utility)."""
    drawn = np.where(is_known, pages.truth.utility + gumbel(rng, pages.items.shape), NOWHERE)
    return np.argsort(-drawn, axis=1, kind="stable")[:, :NUM_SHOWN_AGAIN]


def _visits(
    world: World,
    pages: Pages,
    is_known: Array,
    wanted: Array,
    rng: np.random.Generator,
    *,
    rows: Array,
    domain: int,
) -> Array:
    """Visits after the searches ``rows`` that show the ``wanted`` columns again; a shop shows only its own."""
    made = np.zeros(len(rows), dtype=VISIT)
    columns = wanted[rows]
    items = pages.items[rows[:, None], columns]
    there = is_known[rows[:, None], columns] & (np.arange(columns.shape[1]) < world.knobs.shown_again)
    if domain == SHOP:
        there &= world.items.shop[items] == world.items.shop[items[:, :1]]
    made["user"], made["domain"], made["cause"] = pages.users[rows], domain, pages.keys[rows]
    made["items"] = np.where(there, items, -1)
    made["similar_to"] = -1
    made["at"] = pages.requested_at[rows] + _visit_delay(world.knobs, rng, len(rows))
    return made


def _similar_pages(world: World, pages: Pages, reactions: Reactions, rng: np.random.Generator) -> Array:
    """Pages of items similar to a clicked one, 2 to 40 minutes after the search."""
    is_person = ~world.users.is_bot[pages.users][:, None]
    opens = uniform(rng, pages.items.shape) < world.knobs.similar_pages
    row, place = np.nonzero(reactions.clicked & opens & is_person)
    made = np.zeros(len(row), dtype=VISIT)
    made["user"], made["domain"], made["cause"] = pages.users[row], FEED, pages.keys[row]
    made["items"], made["similar_to"] = -1, pages.items[row, place]
    made["at"] = pages.requested_at[row] + (rng.uniform(2, 40, size=len(row)) * 60 * SECOND).astype(np.int64)
    return made


def _next_searches(world: World, pages: Pages, reactions: Reactions, rng: np.random.Generator) -> Array:
    """The next search of each session, 1 to 8 minutes later: the same in other words, else another topic.

    There is one at most, so that sessions end.
    """
    knobs, count = world.knobs, len(pages.users)
    is_in_vain = ~reactions.clicked.any(axis=1)
    asks_again = is_in_vain & (uniform(rng, count) < knobs.reformulated)
    again = np.flatnonzero(asks_again)
    other = np.flatnonzero(~asks_again & (uniform(rng, count) < knobs.another_search))
    rows = np.concatenate([again, other])
    made = np.zeros(len(rows), dtype=NEXT_SEARCH)
    made["user"] = pages.users[rows]
    made["category"], made["not_again"] = -1, OWN_WORDS
    made["category"][: len(again)], made["not_again"][: len(again)] = pages.category[again], pages.query[again]
    made["at"] = pages.requested_at[rows] + (rng.uniform(1, 8, size=len(rows)) * 60 * SECOND).astype(np.int64)
    return made


def _visit_delay(knobs: Knobs, rng: np.random.Generator, count: int) -> Array:
    """Microseconds from a search to a visit it leads to: 15 minutes and more."""
    return ((0.25 + rng.exponential(knobs.follow_up_hours - 0.25, size=count)) * HOUR).astype(np.int64)


def _direct(knobs: Knobs, pages: Pages, rows: Array, wanted: Array, rng: np.random.Generator) -> Array:
    """Clicks on an item's page, some with a cart, some with a purchase at once or later."""
    place = wanted[rows, 0]
    clicks = np.zeros(len(rows), dtype=EVENT)
    clicks["user"], clicks["item"], clicks["kind"], clicks["domain"] = (
        pages.users[rows],
        pages.items[rows, place],
        CLICK,
        SHOP,
    )
    clicks["acted_at"] = pages.requested_at[rows] + _visit_delay(knobs, rng, len(rows))
    clicks["request"], clicks["cause"] = NO_REQUEST, pages.keys[rows]
    buys = uniform(rng, len(rows)) < pages.truth.purchase_probability[rows, place]
    at_once = uniform(rng, len(rows)) < 0.5
    carts = clicks[uniform(rng, len(rows)) < np.where(buys, 0.5, 0.15)]
    carts["kind"] = CART
    carts["acted_at"] += 40 * SECOND
    purchases = clicks[buys]
    purchases["kind"] = PURCHASE
    soon = (rng.uniform(120, 1500, size=len(purchases)) * SECOND).astype(np.int64)
    purchases["acted_at"] += np.where(at_once[buys], soon, purchase_delay(knobs, rng, len(purchases)))
    return np.concatenate([clicks, carts, purchases])
