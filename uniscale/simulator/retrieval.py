"""What a request may choose from, and how the logging policy orders it.

Both are imperfect on purpose: retrieval and ranking believe in popularity, see taste and text through noise, and know
nothing of budgets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from uniscale.simulator.draws import Array, gumbel, normal
from uniscale.simulator.world import World

NOWHERE = np.float32(-1e9)
"""Score of a place in a list that holds no item."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Groups:
    """Items by group (category, shop), padded: ``items`` [G, M] with ``is_there`` [G, M]."""

    items: Array
    is_there: Array


def group_items(group: Array, count: int, limit: int | None = None, order: Array | None = None) -> Groups:
    """Members of ``count`` groups, given the group of each item.

    Args:
        group: Group of each item, [I].
        count: Number of groups.
        limit: Most members kept per group; the first by ``order``.
        order: Items are listed by falling ``order``; default by index.
    """
    ranks = np.arange(len(group)) if order is None else -order
    by_group = np.lexsort((ranks, group))
    sizes = np.bincount(group, minlength=count)
    width = max(1, int(sizes.max()))
    items = np.zeros((count, width), dtype=np.int32)
    is_there = np.arange(width) < sizes[:, None]
    items[is_there] = by_group
    kept = width if limit is None else min(limit, width)
    return Groups(items=items[:, :kept], is_there=is_there[:, :kept])


def sibling_groups(world: World, limit: int) -> Groups:
    """For each category the ``limit`` most popular items of its sibling categories."""
    department = world.department
    tables = []
    for category in range(world.size.num_categories):
        is_sibling = (department == department[category]) & (np.arange(len(department)) != category)
        members = np.flatnonzero(is_sibling[world.items.category])
        best = members[np.argsort(-world.items.popularity[members], kind="stable")]
        tables.append(best[:limit].astype(np.int32))
    width = max(1, *(len(table) for table in tables))
    items = np.zeros((len(tables), width), dtype=np.int32)
    is_there = np.arange(width) < np.array([len(table) for table in tables])[:, None]
    items[is_there] = np.concatenate(tables)
    return Groups(items=items, is_there=is_there)


def best_of(
    groups: Groups, chosen: Array, rng: np.random.Generator, *, count: int, is_on_sale: Array, bonus: Array
) -> tuple[Array, Array]:
    """Draw up to ``count`` items of the ``chosen`` groups [R], the popular ones rather than the others.

    Args:
        groups: Items by group.
        chosen: Group of each request, [R].
        rng: Source of the draw.
        count: Most items per request.
        is_on_sale: [I].
        bonus: Log weight of each item, [I], or [R, M] for the members of the chosen groups.

    Returns:
        Items [R, K] and whether there is one [R, K].
    """
    items = groups.items[chosen]
    usable = groups.is_there[chosen] & is_on_sale[items]
    weight = bonus[items] if bonus.ndim == 1 else bonus
    score = np.where(usable, weight + gumbel(rng, items.shape), NOWHERE)
    count = min(count, items.shape[1])
    if count == 0:
        return items[:, :0], usable[:, :0]
    top = np.argpartition(-score, count - 1, axis=1)[:, :count]
    return np.take_along_axis(items, top, axis=1), np.take_along_axis(usable, top, axis=1)


def drop_repeats(items: Array, is_there: Array) -> Array:
    """``is_there`` [R, K] without the second and later places of an item in its row."""
    marked = np.where(is_there, items, -1 - np.arange(items.shape[1], dtype=items.dtype))
    order = np.argsort(marked, axis=1, kind="stable")
    ordered = np.take_along_axis(marked, order, axis=1)
    repeats = np.zeros(items.shape, dtype=bool)
    np.put_along_axis(repeats, order[:, 1:], ordered[:, 1:] == ordered[:, :-1], axis=1)
    kept: Array = is_there & ~repeats
    return kept


def policy_score(
    world: World, items: Array, rng: np.random.Generator, *, liking: Array, relevance: Array, bonus: Array | float
) -> Array:
    """Score of the logging policy, [R, K]: popularity, noisy text match, noisy liking, noise, ``bonus``."""
    knobs = world.knobs
    noise = normal(rng, (3, *items.shape))
    score = knobs.policy_popularity * world.items.popularity[items] + knobs.policy_text * (relevance + noise[0])
    score = score + knobs.policy_taste * (liking + noise[1]) + knobs.policy_noise * noise[2] + bonus
    final: Array = score.astype(np.float32)
    return final


def positions(score: Array, is_there: Array, shown: Array) -> Array:
    """Places 1..shown [R] of the best rows by ``score`` [R, K]; 0 for rows that are not shown."""
    order = np.argsort(np.where(is_there, -score, -NOWHERE), axis=1, kind="stable")
    rank = np.empty(order.shape, dtype=np.int32)
    np.put_along_axis(rank, order, np.arange(1, order.shape[1] + 1, dtype=np.int32)[None, :], axis=1)
    return np.where(is_there & (rank <= shown[:, None]), rank, 0).astype(np.int32)
