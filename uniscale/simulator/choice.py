"""How people look, click and buy: the behavioural assumptions, each in one function.

Click and purchase follow the examination hypothesis: a shown row is examined with a probability that depends on its
place and domain alone, an examined row is clicked with a probability that depends on user, query and item alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from uniscale.simulator.draws import Array, sigmoid
from uniscale.simulator.satiation import weariness
from uniscale.simulator.state import State
from uniscale.simulator.wording import Asked
from uniscale.simulator.world import World

DOMAINS = ("search", "feed", "shop")
SEARCH, FEED, SHOP = range(3)


@dataclass(frozen=True, kw_only=True, slots=True)
class Truth:
    """What is true of candidate rows, each [R, K].

    Attributes:
        relevance: Query part of the click logit: category, style words and brand; 0 outside search.
        utility: Click logit given examination.
        click_probability: Of an examined row.
        purchase_probability: Of a clicked row, at once or later.
    """

    relevance: Array
    utility: Array
    click_probability: Array
    purchase_probability: Array


def examination(decay: float, position: Array) -> Array:
    """Probability that a row at ``position`` (1 is the top) is looked at: position ** -decay."""
    seen: Array = np.power(np.maximum(position, 1).astype(np.float32), np.float32(-decay))
    return seen


def query_relevance(world: World, asked: Asked, items: Array) -> Array:
    """How well items [R, K] answer what was ``asked`` [R]: category or a sibling of it, style words, brand."""
    knobs, category = world.knobs, asked.category
    own = world.items.category[items] == category[:, None]
    sibling = world.department[world.items.category[items]] == world.department[category][:, None]
    style = np.einsum("rd,rkd->rk", asked.style, world.items.style[items])
    brand = world.items.brand[items] == asked.brand[:, None]
    of_sibling = np.float32(knobs.relevance_sibling) * sibling
    relevance: Array = np.where(own, np.float32(knobs.relevance_category), of_sibling)
    relevance = relevance + np.float32(knobs.relevance_style) * style + np.float32(knobs.relevance_brand) * brand
    return relevance.astype(np.float32)


def like(world: World, state: State, domain: int, users: Array, items: Array) -> Array:
    """Half the inner product of taste and style, [R, K]: standard deviation about 1."""
    taste = state.feed_taste if domain == FEED else state.taste
    liking: Array = np.einsum("rd,rkd->rk", taste[users], world.items.style[items]) * np.float32(0.5)
    return liking


def judge(
    world: World,
    state: State,
    domain: int,
    *,
    users: Array,
    items: Array,
    liking: Array,
    relevance: Array,
    is_needed: Array,
) -> Truth:
    """What users [R] would do with items [R, K].

    Args:
        world: What is fixed.
        state: What holds today.
        domain: Index into ``DOMAINS``.
        users: User of each request, [R].
        items: Candidates, [R, K].
        liking: Of ``like``, [R, K].
        relevance: Of ``query_relevance``, or zeros outside search, [R, K].
        is_needed: Outside search: whether the user came back for items of this category, [R, K].
    """
    quality = world.items.quality[items]
    attractive = world.items.attractiveness[items]
    gap = (state.price_level[items] - world.users.budget[users][:, None]) ** 2
    knobs = world.knobs
    utility = knobs.click_base[domain] + relevance + knobs.click_taste * liking + knobs.click_quality * quality
    utility += knobs.clickbait[domain] * attractive
    utility += knobs.need_bonus * is_needed - knobs.click_price * np.minimum(gap, 6.0)
    buying = knobs.purchase_base[domain] + knobs.buy_taste * liking + knobs.buy_quality * quality
    buying = buying - knobs.clickbait_regret * attractive + knobs.buy_relevance * relevance
    buying += knobs.need_bonus * is_needed - knobs.buy_price * np.minimum(gap, 6.0)
    if knobs.satiation:
        worn = weariness(world, state, users, items)
        utility, buying = utility - worn, buying - worn
    purchase_probability = sigmoid(buying)
    if knobs.bots:
        is_bot = world.users.is_bot[users]
        utility[is_bot] = np.log(knobs.bot_click / (1 - knobs.bot_click))
        purchase_probability[is_bot] = 0.0
    return Truth(
        relevance=relevance,
        utility=utility.astype(np.float32),
        click_probability=sigmoid(utility).astype(np.float32),
        purchase_probability=purchase_probability.astype(np.float32),
    )
