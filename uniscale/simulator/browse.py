"""Feed and shop pages: no query; a mix of interests, or the goods of one shop, and what a search made the user want."""

from __future__ import annotations

import numpy as np

from uniscale.simulator.choice import judge, like
from uniscale.simulator.draws import Array, uniform, weighted
from uniscale.simulator.pages import Pages
from uniscale.simulator.retrieval import Groups, best_of, drop_repeats, group_items, policy_score, positions
from uniscale.simulator.state import State
from uniscale.simulator.traffic import Traffic
from uniscale.simulator.world import World

SIMILARITY_BONUS = 2.0
"""What the logging policy adds on a page of similar items, per unit of half the inner product of styles."""


def shop_index(world: World) -> Groups:
    """Items by shop."""
    return group_items(world.items.shop, world.size.num_shops)


class FeedIndex:
    """Draws items of given categories with probability proportional to exp(popularity), among those on sale."""

    def __init__(self, world: World, is_on_sale: Array) -> None:
        items = world.items
        self._by_category = np.argsort(items.category, kind="stable").astype(np.int32)
        weight = np.exp(world.knobs.feed_popularity * items.popularity.astype(np.float64)) * is_on_sale
        weight = np.maximum(weight, 1e-12)[self._by_category]
        category = items.category[self._by_category]
        total = np.bincount(category, weights=weight, minlength=world.size.num_categories)
        share = weight / total[category]
        # The bounds of category c lie in (c, c + 1], so one sorted array serves all categories.
        self._bounds = np.cumsum(share)
        self._is_on_sale = is_on_sale

    def draw(self, category: Array, rng: np.random.Generator) -> tuple[Array, Array]:
        """One item per place of ``category`` [R, K], and whether it is on sale."""
        at = np.searchsorted(self._bounds, category + rng.random(category.shape), side="right")
        items = self._by_category[np.minimum(at, len(self._by_category) - 1)]
        return items, self._is_on_sale[items]


def feed_pages(world: World, state: State, index: FeedIndex, traffic: Traffic, rng: np.random.Generator) -> Pages:
    """Serve a block of feed requests: favourite categories, the current need and anything; or similar items."""
    users, knobs = traffic.users, world.knobs
    shape = (len(users), knobs.feed_candidates)
    kind = uniform(rng, shape)
    favourites = world.users.favourites
    favourite = favourites[users[:, None], rng.integers(favourites.shape[1], size=shape)]
    anything = weighted(rng, world.category_weight, shape[0] * shape[1]).reshape(shape)
    need = np.where(kind < knobs.feed_favourite + knobs.feed_need, state.need[users][:, None], anything)
    category = np.where(kind < knobs.feed_favourite, favourite, need)
    is_similar = traffic.similar_to >= 0
    category = np.where(is_similar[:, None], world.items.category[traffic.similar_to][:, None], category)
    items, is_there = index.draw(category, rng)
    return _serve(world, state, traffic, rng, items=items, is_there=is_there)


def shop_pages(world: World, state: State, shops: Groups, traffic: Traffic, rng: np.random.Generator) -> Pages:
    """Serve a block of shop visits: the shop of the wanted item, else a favourite shop, else any."""
    users = traffic.users
    favourites = world.users.favourite_shops
    favourite = favourites[users, rng.integers(favourites.shape[1], size=len(users))]
    other = weighted(rng, world.shop_weight, len(users))
    shop = np.where(uniform(rng, len(users)) < world.knobs.shop_favourite, favourite, other)
    wanted = traffic.wanted[:, 0]
    shop = np.where(wanted >= 0, world.items.shop[np.maximum(wanted, 0)], shop)
    popularity = (world.knobs.retrieval_popularity * world.items.popularity).astype(np.float32)
    count = world.knobs.shop_candidates
    items, is_there = best_of(shops, shop, rng, count=count, is_on_sale=state.is_on_sale, bonus=popularity)
    return _serve(world, state, traffic, rng, items=items, is_there=is_there)


def _serve(
    world: World,
    state: State,
    traffic: Traffic,
    rng: np.random.Generator,
    *,
    items: Array,
    is_there: Array,
) -> Pages:
    """Put what the user wants before the retrieved items, rank, and judge."""
    users, domain, knobs = traffic.users, traffic.domain, world.knobs
    wanted = np.maximum(traffic.wanted, 0)
    items = np.concatenate([wanted, items], axis=1).astype(np.int32)
    is_there = drop_repeats(items, np.concatenate([traffic.wanted >= 0, is_there], axis=1))
    is_wanted = np.zeros(items.shape, dtype=bool)
    is_wanted[:, : wanted.shape[1]] = traffic.wanted >= 0
    is_wanted &= is_there
    is_similar = traffic.similar_to >= 0
    needed = _is_of_wanted_category(world, traffic, items)
    liking = like(world, state, domain, users, items)
    nothing = np.zeros(items.shape, dtype=np.float32)
    bonus = knobs.shown_again_bonus * is_wanted
    if is_similar.any():
        bonus = bonus + SIMILARITY_BONUS * _similarity(world, traffic, items)
    score = policy_score(world, items, rng, liking=liking, relevance=nothing, bonus=bonus)
    truth = judge(world, state, domain, users=users, items=items, liking=liking, relevance=nothing, is_needed=needed)
    count = len(users)
    return Pages(
        domain=domain,
        keys=traffic.keys,
        users=users,
        requested_at=traffic.requested_at,
        category=np.full(count, -1),
        query=np.full(count, -1),
        text=[],
        is_random=np.zeros(count, dtype=bool),
        cause=traffic.cause,
        items=items,
        is_there=is_there,
        score=score,
        position=positions(score, is_there, rng.integers(knobs.shown_at_least, knobs.shown_at_most + 1, size=count)),
        is_led_to=is_wanted | (is_similar[:, None] & is_there),
        truth=truth,
    )


def _is_of_wanted_category(world: World, traffic: Traffic, items: Array) -> Array:
    category = world.items.category[items]
    about = np.maximum(traffic.wanted[:, 0], traffic.similar_to)
    wanted = np.where(about >= 0, world.items.category[about], -1)
    is_wanted: Array = (category == wanted[:, None]).astype(np.float32)
    return is_wanted


def _similarity(world: World, traffic: Traffic, items: Array) -> Array:
    """Half the inner product of the styles of items [R, K] and of what the page is about; 0 on other pages."""
    style = world.items.style
    alike = np.einsum("rd,rkd->rk", style[traffic.similar_to], style[items]) * np.float32(0.5)
    similarity: Array = np.where((traffic.similar_to >= 0)[:, None], alike, 0).astype(np.float32)
    return similarity
