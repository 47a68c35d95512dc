"""Search pages: a need becomes a query, the query retrieves candidates, the logging policy shows ten to twelve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from uniscale.market.choice import SEARCH, judge, like, query_relevance
from uniscale.market.draws import Array, gumbel, uniform, weighted
from uniscale.market.pages import Pages
from uniscale.market.retrieval import Groups, best_of, group_items, policy_score, positions, sibling_groups
from uniscale.market.state import State
from uniscale.market.traffic import Traffic
from uniscale.market.world import World

RANDOM_LISTS = 0.02
"""Share of searches whose list is shown in random order; only there an exposure probability is known exactly."""
POPULARITY_IN_RETRIEVAL = 0.8
BRAND_IN_RETRIEVAL = 2.0
SIBLING_POOL = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchIndex:
    """What searches retrieve from: items by category, and popular items of sibling categories."""

    own: Groups
    siblings: Groups


def search_index(world: World) -> SearchIndex:
    """Index all items."""
    return SearchIndex(
        own=group_items(world.items.category, world.size.num_categories), siblings=sibling_groups(world, SIBLING_POOL)
    )


def search_pages(world: World, state: State, index: SearchIndex, traffic: Traffic, rng: np.random.Generator) -> Pages:
    """Serve a block of searches."""
    users = traffic.users
    category = _categories(world, state, users, rng)
    query = _queries(world, state, users, category, rng)
    items, is_there = _retrieve(world, state, index, rng, category=category, query=query)
    liking = like(world, state, SEARCH, users, items)
    relevance = query_relevance(world, category, query, items)
    score = policy_score(world, items, rng, liking=liking, relevance=relevance, bonus=0.0)
    is_random = uniform(rng, len(users)) < RANDOM_LISTS
    order = np.where(is_random[:, None], uniform(rng, items.shape), score)
    shown = rng.integers(10, 13, size=len(users))
    nothing = np.zeros(items.shape, dtype=np.float32)
    truth = judge(world, state, SEARCH, users=users, items=items, liking=liking, relevance=relevance, is_needed=nothing)
    return Pages(
        domain=SEARCH,
        keys=traffic.keys,
        users=users,
        requested_at=traffic.requested_at,
        category=category,
        query=query,
        is_random=is_random,
        cause=traffic.cause,
        items=items,
        is_there=is_there,
        score=score,
        position=positions(order, is_there, shown),
        is_followed_up=np.zeros(items.shape, dtype=bool),
        truth=truth,
    )


def _categories(world: World, state: State, users: Array, rng: np.random.Generator) -> Array:
    """What the searches mean: 55 % the current need, 30 % a favourite category, 15 % anything."""
    kind = uniform(rng, len(users))
    favourites = world.users.favourites
    favourite = favourites[users, rng.integers(favourites.shape[1], size=len(users))]
    anything = weighted(rng, world.category_weight, len(users))
    return np.where(kind < 0.55, state.need[users], np.where(kind < 0.85, favourite, anything))


def _queries(world: World, state: State, users: Array, category: Array, rng: np.random.Generator) -> Array:
    """Which query of the category: popular ones, and ones that speak of the user's taste."""
    style = world.queries.style[category]
    liking = np.einsum("rd,rqd->rq", state.taste[users], style)
    drawn = 0.8 * liking + world.queries.popularity[category] + gumbel(rng, liking.shape)
    query: Array = np.argmax(drawn, axis=1)
    return query


def _retrieve(
    world: World, state: State, index: SearchIndex, rng: np.random.Generator, *, category: Array, query: Array
) -> tuple[Array, Array]:
    """Popular items of the category, the query's brand first, and some of the sibling categories."""
    popularity = (POPULARITY_IN_RETRIEVAL * world.items.popularity).astype(np.float32)
    members = index.own.items[category]
    asked = world.items.brand[members] == world.queries.brand[category, query][:, None]
    bonus = popularity[members] + np.float32(BRAND_IN_RETRIEVAL) * asked
    size, on_sale = world.size, state.is_on_sale
    own = best_of(index.own, category, rng, count=size.own_candidates, is_on_sale=on_sale, bonus=bonus)
    sibling = best_of(
        index.siblings, category, rng, count=size.sibling_candidates, is_on_sale=on_sale, bonus=popularity
    )
    return np.concatenate([own[0], sibling[0]], axis=1), np.concatenate([own[1], sibling[1]], axis=1)
