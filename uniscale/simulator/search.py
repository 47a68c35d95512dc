"""Search pages: a need becomes a query, the query retrieves candidates, the logging policy shows the best of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from uniscale.simulator.choice import SEARCH, judge, like, query_relevance
from uniscale.simulator.draws import Array, uniform, weighted
from uniscale.simulator.pages import Pages
from uniscale.simulator.retrieval import Groups, best_of, group_items, policy_score, positions, sibling_groups
from uniscale.simulator.state import State
from uniscale.simulator.traffic import Traffic
from uniscale.simulator.wording import Asked, as_seen, ask
from uniscale.simulator.world import World

SIBLING_POOL = 64
"""Most popular items of sibling categories that a search draws from; twice the sibling candidates if they are more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchIndex:
    """What searches retrieve from: items by category, and popular items of sibling categories."""

    own: Groups
    siblings: Groups


def search_index(world: World) -> SearchIndex:
    """Index all items."""
    pool = max(SIBLING_POOL, 2 * _num_siblings(world))
    return SearchIndex(
        own=group_items(world.items.category, world.size.num_categories), siblings=sibling_groups(world, pool)
    )


def _num_siblings(world: World) -> int:
    return round(world.knobs.sibling_share * world.size.candidates_per_search)


def search_pages(world: World, state: State, index: SearchIndex, traffic: Traffic, rng: np.random.Generator) -> Pages:
    """Serve a block of searches."""
    users, knobs = traffic.users, world.knobs
    category = np.where(traffic.category >= 0, traffic.category, _categories(world, state, users, rng))
    asked = ask(world, state, rng, keys=traffic.keys, users=users, category=category, not_again=traffic.not_again)
    seen = as_seen(asked) if knobs.misspelt else asked
    items, is_there = _retrieve(world, state, index, rng, seen)
    liking = like(world, state, SEARCH, users, items)
    relevance = query_relevance(world, asked, items)
    matched = query_relevance(world, seen, items) if knobs.misspelt else relevance
    score = policy_score(world, items, rng, liking=liking, relevance=matched, bonus=0.0)
    is_random = uniform(rng, len(users)) < knobs.random_order
    order = np.where(is_random[:, None], uniform(rng, items.shape), score)
    shown = rng.integers(knobs.shown_at_least, knobs.shown_at_most + 1, size=len(users))
    nothing = np.zeros(items.shape, dtype=np.float32)
    truth = judge(world, state, SEARCH, users=users, items=items, liking=liking, relevance=relevance, is_needed=nothing)
    return Pages(
        domain=SEARCH,
        keys=traffic.keys,
        users=users,
        requested_at=traffic.requested_at,
        category=category,
        query=asked.query,
        text=asked.text,
        is_random=is_random,
        cause=traffic.cause,
        items=items,
        is_there=is_there,
        score=score,
        position=positions(order, is_there, shown),
        is_led_to=np.zeros(items.shape, dtype=bool),
        truth=truth,
    )


def _categories(world: World, state: State, users: Array, rng: np.random.Generator) -> Array:
    """What the searches mean: the current need, a favourite category, or anything."""
    need, favoured = world.knobs.search_need, world.knobs.search_favourite
    kind = uniform(rng, len(users))
    favourites = world.users.favourites
    favourite = favourites[users, rng.integers(favourites.shape[1], size=len(users))]
    anything = weighted(rng, world.category_weight, len(users))
    return np.where(kind < need, state.need[users], np.where(kind < need + favoured, favourite, anything))


def _retrieve(
    world: World, state: State, index: SearchIndex, rng: np.random.Generator, asked: Asked
) -> tuple[Array, Array]:
    """Popular items of the category, the query's brand first, and some of the sibling categories."""
    knobs, category, on_sale = world.knobs, asked.category, state.is_on_sale
    popularity = (knobs.retrieval_popularity * world.items.popularity).astype(np.float32)
    members = index.own.items[category]
    is_of_brand = world.items.brand[members] == asked.brand[:, None]
    bonus = popularity[members] + np.float32(knobs.retrieval_brand) * is_of_brand
    num_siblings = _num_siblings(world)
    num_own = world.size.candidates_per_search - num_siblings
    own = best_of(index.own, category, rng, count=num_own, is_on_sale=on_sale, bonus=bonus)
    sibling = best_of(index.siblings, category, rng, count=num_siblings, is_on_sale=on_sale, bonus=popularity)
    return np.concatenate([own[0], sibling[0]], axis=1), np.concatenate([own[1], sibling[1]], axis=1)
