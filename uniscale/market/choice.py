"""How people look, click and buy: the behavioural assumptions, each in one function.

Click and purchase follow the examination hypothesis: a shown row is examined with a probability that depends on its
place and domain alone, an examined row is clicked with a probability that depends on user, query and item alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from uniscale.market.draws import Array, sigmoid
from uniscale.market.state import State
from uniscale.market.world import World

DOMAINS = ("search", "feed", "shop")
SEARCH, FEED, SHOP = range(3)

EXAMINATION_DECAY = (0.4, 0.3, 0.35)
"""By domain: a row at place k is examined with probability k ** -decay."""
CLICK_BASE = (-4.45, -2.85, -2.4)
"""By domain: click logit of a row with nothing for or against it."""
ATTRACTIVENESS = (0.3, 0.6, 0.3)
"""By domain: what an attractive picture adds to the click logit, per standard deviation."""
PURCHASE_BASE = (-3.3, -3.1, -2.8)
"""By domain: logit of buying a clicked item."""
NEED_BONUS = 1.2
"""What it adds to both logits outside search that the item is of a category the user came back for."""


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


def examination(domain: int, position: Array) -> Array:
    """Probability that a row at ``position`` (1 is the top) is looked at."""
    seen: Array = np.power(np.maximum(position, 1).astype(np.float32), np.float32(-EXAMINATION_DECAY[domain]))
    return seen


def query_relevance(world: World, category: Array, query: Array, items: Array) -> Array:
    """How well items [R, K] answer queries of a ``category`` [R]: category 1.5 (siblings .4), style words, brand 1."""
    own = world.items.category[items] == category[:, None]
    sibling = world.department[world.items.category[items]] == world.department[category][:, None]
    style = np.einsum("rd,rkd->rk", world.queries.style[category, query], world.items.style[items])
    brand = world.items.brand[items] == world.queries.brand[category, query][:, None]
    relevance: Array = np.where(own, np.float32(1.5), np.float32(0.4) * sibling) + np.float32(0.8) * style + brand
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
    utility = CLICK_BASE[domain] + relevance + 1.4 * liking + 0.5 * quality + ATTRACTIVENESS[domain] * attractive
    utility += NEED_BONUS * is_needed - 0.25 * np.minimum(gap, 6.0)
    buying = PURCHASE_BASE[domain] + 0.7 * liking + 0.6 * quality - 0.4 * attractive + 0.3 * relevance
    buying += NEED_BONUS * is_needed - 0.35 * np.minimum(gap, 6.0)
    return Truth(
        relevance=relevance,
        utility=utility.astype(np.float32),
        click_probability=sigmoid(utility).astype(np.float32),
        purchase_probability=sigmoid(buying).astype(np.float32),
    )
