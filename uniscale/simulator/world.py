"""What exists when the marketplace opens: users, items and queries, all arrays by index.

Everything here is fixed by the seed, the size and the knobs; what changes from day to day is in ``state``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from uniscale.simulator import words
from uniscale.simulator.draws import Array, normal, stream, uniform, weighted
from uniscale.simulator.knobs import Knobs
from uniscale.simulator.sizes import Size

DEFAULT_KNOBS = Knobs()


@dataclass(frozen=True, kw_only=True, slots=True)
class Users:
    """Users, U rows. ``join_day`` is -1 for those who were there before the first day."""

    taste: Array  # [U, 4] on the first day
    feed_taste: Array  # [U, 4]
    budget: Array  # [U], standard deviations of log price within a category
    favourites: Array  # [U, F] categories
    favourite_shops: Array  # [U, 3]
    activity: Array  # [U], relative request rate
    region: Array  # [U]
    join_day: Array  # [U]
    is_bot: Array  # [U]


@dataclass(frozen=True, kw_only=True, slots=True)
class Items:
    """Items, I rows. ``launch_day`` is -1 for those that were there before the first day."""

    style: Array  # [I, 4]
    quality: Array  # [I]
    attractiveness: Array  # [I], what makes people click but not buy
    popularity: Array  # [I], what the shop believes is popular
    category: Array  # [I]
    brand: Array  # [I]
    shop: Array  # [I]
    price_level: Array  # [I], standard deviations of log price within the category, before price changes
    rating: Array  # [I], stars in halves, a noisy sight of quality
    age_days: Array  # [I], days on sale before the first day
    launch_day: Array  # [I]
    title: list[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Queries:
    """Queries by category, [C, Q]."""

    style: Array  # [C, Q, 4]
    brand: Array  # [C, Q], -1 without a brand
    popularity: Array  # [C, Q]
    text: list[list[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """All that is fixed."""

    seed: int
    start: date
    size: Size  # with what the knobs change of it
    knobs: Knobs
    users: Users
    items: Items
    queries: Queries
    category_weight: Array  # [C], how much a category is asked for
    category_log_price: Array  # [C], mean log price
    shop_weight: Array  # [S]
    brands: list[str]

    @property
    def department(self) -> Array:
        """Department of each category, [C]."""
        return np.arange(self.size.num_categories) // self.size.categories_per_department


def sized(size: Size, knobs: Knobs) -> Size:
    """A size with what the knobs change of it."""
    return replace(
        size,
        num_items=round(size.num_items * knobs.assortment),
        searches_per_day=knobs.searches_per_day or size.searches_per_day,
        candidates_per_search=knobs.candidates_per_search or size.candidates_per_search,
    )


def build_world(size: Size, seed: int, start: date, knobs: Knobs = DEFAULT_KNOBS) -> World:
    """Draw a marketplace."""
    size = sized(size, knobs)
    rng = stream(seed, "categories")
    weight = np.exp(0.5 * normal(rng, size.num_categories))
    log_price = 3.2 + 0.8 * normal(rng, size.num_categories)
    shop_weight = np.exp(0.8 * normal(rng, size.num_shops))
    brands = words.brand_names(size.num_brands, stream(seed, "brand names"))
    return World(
        seed=seed,
        start=start,
        size=size,
        knobs=knobs,
        users=_build_users(size, knobs, seed, weight, shop_weight),
        items=_build_items(size, knobs, seed, shop_weight, brands),
        queries=_build_queries(size, knobs, seed, brands),
        brands=brands,
        category_weight=weight,
        category_log_price=log_price,
        shop_weight=shop_weight,
    )


def _build_users(size: Size, knobs: Knobs, seed: int, category_weight: Array, shop_weight: Array) -> Users:
    rng = stream(seed, "users")
    count = size.num_users
    taste = normal(rng, (count, words.NUM_STYLES))
    other = normal(rng, (count, words.NUM_STYLES))
    intent, num_favourites = knobs.feed_intent, knobs.num_favourites
    is_bot = uniform(stream(seed, "bots"), count) < knobs.bots
    return Users(
        taste=taste,
        feed_taste=intent * taste + np.sqrt(np.float32(1 - intent**2)) * other,
        budget=normal(rng, count),
        favourites=weighted(rng, category_weight, count * num_favourites).reshape(count, num_favourites),
        favourite_shops=weighted(rng, shop_weight, count * 3).reshape(count, 3),
        activity=(rng.gamma(1.5, size=count) + 0.05) * np.where(is_bot, knobs.bot_activity, 1.0),
        region=rng.integers(5, size=count),
        join_day=_arrival_days(rng, count, knobs.late_users, knobs.arrival_days),
        is_bot=is_bot,
    )


def _build_items(size: Size, knobs: Knobs, seed: int, shop_weight: Array, brands: list[str]) -> Items:
    rng = stream(seed, "items")
    count = size.num_items
    brand = weighted(rng, np.exp(0.7 * normal(rng, size.num_brands)), count)
    brand_style = normal(rng, (size.num_brands, words.NUM_STYLES))
    style = 0.6 * brand_style[brand] + 0.8 * normal(rng, (count, words.NUM_STYLES))
    quality = normal(rng, count)
    attractiveness = normal(rng, count)
    # Every category gets its share, so that a search has a full list to choose from.
    category = rng.permutation(np.arange(count) % size.num_categories).astype(np.int32)
    return Items(
        style=style,
        quality=quality,
        attractiveness=attractiveness,
        popularity=knobs.popularity_quality * quality
        + knobs.popularity_clickbait * attractiveness
        + knobs.popularity_luck * normal(rng, count),
        category=category,
        brand=brand,
        shop=weighted(rng, shop_weight, count),
        price_level=0.5 * quality + np.float32(np.sqrt(0.75)) * normal(rng, count),
        rating=np.clip(np.round(2 * (3.6 + 0.5 * quality + 0.4 * normal(rng, count))) / 2, 1, 5),
        age_days=rng.integers(1, 700, size=count),
        launch_day=_arrival_days(rng, count, knobs.late_items, knobs.arrival_days),
        title=_titles(rng, style, [brands[b] for b in brand.tolist()], _category_words(size, category)),
    )


def _arrival_days(rng: np.random.Generator, count: int, share: float, days: int) -> Array:
    late = uniform(rng, count) < share
    return np.where(late, rng.integers(days, size=count), -1).astype(np.int32)


def _category_words(size: Size, category: Array) -> list[str]:
    return [" ".join(words.category_words(c, size.categories_per_department)) for c in category.tolist()]


def _titles(rng: np.random.Generator, style: Array, brand: list[str], category: list[str]) -> list[str]:
    """Brand, category, three adjectives that fit the style, two words that mean nothing."""
    adjectives = words.WORDS[words.pick_adjectives(style, 3, 2.5, rng)].tolist()
    fillers = np.array(words.FILLERS)[rng.integers(len(words.FILLERS), size=(len(style), 2))].tolist()
    titles = []
    for name, noun, (first, second, third), (before, after) in zip(brand, category, adjectives, fillers, strict=True):
        titles.append(f"{name} {before} {first} {second} {noun} {third} {after}")
    return titles


def _build_queries(size: Size, knobs: Knobs, seed: int, brands: list[str]) -> Queries:
    rng = stream(seed, "queries")
    shape = (size.num_categories, size.queries_per_category)
    count = shape[0] * shape[1]
    adjectives = words.pick_adjectives(normal(rng, (count, words.NUM_STYLES)), 2, 1.5, rng)
    num_adjectives = rng.choice(3, size=count, p=[0.15, 0.5, 0.35])
    brand = np.where(uniform(rng, count) < knobs.brand_queries, rng.integers(size.num_brands, size=count), -1)
    names_use = uniform(rng, count) < 0.8
    used = np.arange(2) < num_adjectives[:, None]
    style = (words.word_vectors()[adjectives] * used[:, :, None]).sum(axis=1)
    text = []
    for row in range(count):
        use, noun = words.category_words(row // shape[1], size.categories_per_department)
        parts = [brands[brand[row]]] if brand[row] >= 0 else []
        parts += words.WORDS[adjectives[row, : num_adjectives[row]]].tolist()
        text.append(" ".join([*parts, *([use] if names_use[row] else []), noun]))
    return Queries(
        style=style.reshape(*shape, -1).astype(np.float32),
        brand=brand.reshape(shape),
        popularity=0.7 * normal(rng, shape),
        text=[text[c * shape[1] : (c + 1) * shape[1]] for c in range(shape[0])],
    )
