"""The language of the marketplace: what titles and queries are made of.

A style dimension is spoken about with adjectives, five for each of its two ends. A word therefore carries taste, and
whoever learns what words mean learns taste.
"""

from __future__ import annotations

import numpy as np

from uniscale.simulator.draws import Array, gumbel

NUM_STYLES = 4
"""Latent taste dimensions."""

NOUNS = (
    "chair", "lamp", "table", "jacket", "shoe", "bag", "bottle", "speaker", "watch", "rug", "pan", "tent", "bike",
    "desk", "shelf", "mirror", "blanket", "clock", "vase", "basket", "knife", "helmet", "pillow", "curtain", "stool",
)  # fmt: skip
"""One per department."""

USES = ("office", "garden", "travel", "kids", "kitchen")
"""One per category of a department: "garden chair"."""

ADJECTIVES: tuple[tuple[str, ...], ...] = (
    ("modern", "minimal", "sleek", "plain", "geometric"),
    ("vintage", "rustic", "antique", "ornate", "retro"),
    ("bright", "colourful", "vivid", "playful", "neon"),
    ("muted", "grey", "sober", "beige", "dark"),
    ("sturdy", "rugged", "heavy", "industrial", "solid"),
    ("light", "delicate", "slim", "soft", "airy"),
    ("natural", "wooden", "organic", "linen", "bamboo"),
    ("smart", "digital", "metallic", "wireless", "electric"),
)
"""Row 2 k speaks of the upper end of style dimension k, row 2 k + 1 of its lower end."""

FILLERS = (
    "new", "sale", "original", "pack", "set", "premium", "quality", "classic", "deluxe", "gift", "series", "edition",
    "size", "home", "top", "best", "value", "extra", "special", "limited",
)  # fmt: skip
"""Words of titles that mean nothing."""

_SYLLABLES = ("ba", "do", "fi", "ka", "lu", "mo", "ne", "pi", "ro", "sa", "ti", "vu", "xo", "ya", "ze")

WORDS = np.array([word for row in ADJECTIVES for word in row])
"""All adjectives, [W]."""


def word_vectors() -> Array:
    """Style each adjective speaks of, [W, NUM_STYLES]: one coordinate is 1 or -1."""
    vectors = np.zeros((len(WORDS), NUM_STYLES), dtype=np.float32)
    per_row = len(ADJECTIVES[0])
    for row in range(len(ADJECTIVES)):
        vectors[row * per_row : (row + 1) * per_row, row // 2] = 1.0 if row % 2 == 0 else -1.0
    return vectors


def brand_names(count: int, rng: np.random.Generator) -> list[str]:
    """Distinct made-up names of three syllables."""
    base = len(_SYLLABLES)
    numbers = rng.choice(base**3, size=count, replace=False)
    return [_SYLLABLES[n // base**2] + _SYLLABLES[n // base % base] + _SYLLABLES[n % base] for n in numbers.tolist()]


def pick_adjectives(style: Array, count: int, sharpness: float, rng: np.random.Generator) -> Array:
    """``count`` distinct adjectives for each row of ``style`` [N, NUM_STYLES], as indices into ``WORDS`` [N, count].

    The better an adjective fits the style, the likelier it is; ``sharpness`` says how much.
    """
    scores = sharpness * style @ word_vectors().T + gumbel(rng, (len(style), len(WORDS)))
    picked: Array = np.argsort(-scores, axis=1, kind="stable")[:, :count]
    return picked


def category_words(category: int, categories_per_department: int) -> tuple[str, str]:
    """Use and noun of a category: ``("garden", "chair")``."""
    department, use = divmod(category, categories_per_department)
    return USES[use], NOUNS[department]
