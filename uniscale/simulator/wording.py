"""How a meaning becomes words: a known query, words of the user's own, or either with a slip of the finger."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from uniscale.simulator import words
from uniscale.simulator.draws import Array, gumbel, stream, uniform
from uniscale.simulator.state import State
from uniscale.simulator.world import World

OWN_WORDS = -1
"""Instead of the number of a known query."""
NO_BRAND = -1


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What R searches ask for.

    Attributes:
        category: Category meant, [R].
        query: Known query of the category, or ``OWN_WORDS``, [R].
        style: What the style words ask for, [R, 4].
        brand: Brand asked for, or ``NO_BRAND``, [R].
        text: What was typed.
        is_misspelt: Whether a slip hides all but the category from the shop, [R].
    """

    category: Array
    query: Array
    style: Array
    brand: Array
    text: list[str]
    is_misspelt: Array


def ask(
    world: World,
    state: State,
    rng: np.random.Generator,
    *,
    keys: Array,
    users: Array,
    category: Array,
    not_again: Array,
) -> Asked:
    """Put what searches mean into words.

    Args:
        world: What is fixed.
        state: What holds today.
        rng: Source of the known queries.
        keys: Request keys, [R].
        users: Who asks, [R].
        category: What is meant, [R].
        not_again: Known query that is not asked, for it was just asked in vain; ``OWN_WORDS`` for none, [R].
    """
    query = _known_queries(world, state, rng, users=users, category=category, not_again=not_again)
    text = world.queries.text
    asked = Asked(
        category=category,
        query=query,
        style=world.queries.style[category, query],
        brand=world.queries.brand[category, query],
        text=[text[c][q] for c, q in zip(category.tolist(), query.tolist(), strict=True)],
        is_misspelt=np.zeros(len(keys), dtype=bool),
    )
    knobs = world.knobs
    if len(keys) and (knobs.new_queries or knobs.misspelt):
        own = stream(world.seed, "wording", int(keys[0]))
        is_new, is_misspelt = (uniform(own, len(keys)) < share for share in (knobs.new_queries, knobs.misspelt))
        asked = _in_own_words(world, state, own, asked, users=users, rows=np.flatnonzero(is_new))
        asked = _with_slips(own, asked, is_misspelt)
    return asked


def as_seen(asked: Asked) -> Asked:
    """What the shop makes of it: of a misspelt query it knows the category and neither style words nor brand."""
    is_lost = asked.is_misspelt
    return replace(
        asked, style=np.where(is_lost[:, None], 0, asked.style), brand=np.where(is_lost, NO_BRAND, asked.brand)
    )


def _known_queries(
    world: World, state: State, rng: np.random.Generator, *, users: Array, category: Array, not_again: Array
) -> Array:
    """Which query of the category: popular ones, and ones that speak of the user's taste."""
    style = world.queries.style[category]
    liking = np.einsum("rd,rqd->rq", state.taste[users], style)
    drawn = world.knobs.query_taste * liking + world.queries.popularity[category] + gumbel(rng, liking.shape)
    again = np.flatnonzero(not_again != OWN_WORDS)
    drawn[again, not_again[again]] = -np.inf
    query: Array = np.argmax(drawn, axis=1)
    return query


def _in_own_words(
    world: World, state: State, rng: np.random.Generator, asked: Asked, *, users: Array, rows: Array
) -> Asked:
    """Three adjectives that fit the user's taste, sometimes a brand, and the category."""
    size = world.size
    adjectives = words.pick_adjectives(state.taste[users[rows]], 3, 1.5, rng)
    brand = np.where(
        uniform(rng, len(rows)) < world.knobs.brand_queries, rng.integers(size.num_brands, size=len(rows)), NO_BRAND
    )
    style = asked.style.copy()
    style[rows] = words.word_vectors()[adjectives].sum(axis=1)
    text = list(asked.text)
    spoken = words.WORDS[adjectives].tolist()
    for row, named, parts in zip(rows.tolist(), brand.tolist(), spoken, strict=True):
        first = [world.brands[named]] if named >= 0 else []
        category = words.category_words(int(asked.category[row]), size.categories_per_department)
        text[row] = " ".join([*first, *parts, *category])
    brands, query = asked.brand.copy(), asked.query.copy()
    brands[rows], query[rows] = brand, OWN_WORDS
    return replace(asked, style=style, brand=brands, query=query, text=text)


def _with_slips(rng: np.random.Generator, asked: Asked, is_misspelt: Array) -> Asked:
    """One letter missing in a word of the text."""
    places = uniform(rng, len(is_misspelt))
    text = [
        _without_a_letter(typed, place) if slips else typed
        for typed, place, slips in zip(asked.text, places.tolist(), is_misspelt.tolist(), strict=True)
    ]
    return replace(asked, text=text, is_misspelt=is_misspelt)


def _without_a_letter(typed: str, place: float) -> str:
    letters = [number for number, letter in enumerate(typed) if letter != " "]
    gone = letters[int(place * len(letters))]
    return typed[:gone] + typed[gone + 1 :]
