"""What a ranker looks up in tables: one declaration per identifier, list of words or set of facts.

Columns of frames, the encoder, the widths of a batch, random batches and the look-ups of every ranker follow.
"""

from __future__ import annotations

from dataclasses import dataclass

from uniscale.contracts.features import MAX_CATEGORIES


@dataclass(frozen=True, kw_only=True, slots=True)
class Hashed:
    """Values of a column, hashed.

    Attributes:
        field: First argument of `uniscale.contracts.frames.hash_id`.
        column: Column of the joined features, with one value or, where ``at_most`` is set, a list of values.
        at_most: Values of a list that are kept, the first ones.
    """

    field: str
    column: str
    at_most: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Identifier:
    """An identifier, or a bag of them, of a request, an item or an action of the history.

    Attributes:
        name: Column of frames.
        tensor: Field of `uniscale.batch.tensors.Batch`.
        parts: What it is made of; a bag may have several parts, one after the other.
        table: Embedding table, a field of `uniscale.models.common.embeddings.EmbeddingSizes`.
        group: Group of features that it belongs to, of a request or an item.
        description: What a person reads about the column.
    """

    name: str
    tensor: str
    parts: tuple[Hashed, ...]
    table: str
    group: str = ""
    description: str

    @property
    def width(self) -> int | None:
        """Most values of the bag; None for a single identifier."""
        sizes = [part.at_most for part in self.parts if part.at_most is not None]
        return sum(sizes) if sizes else None


HISTORY_LENGTH = 50
"""Newest actions of a user that packaged rankers read at most; ``features.history_length`` serves more."""

NUM_FACTS = 8
"""Facts of a user's profile or an item that are kept."""

REQUEST_IDS = (
    Identifier(
        name="user_index",
        tensor="user_R",
        parts=(Hashed(field="user", column="user_id"),),
        table="users",
        group="user_profile",
        description="hash_id('user', user_id).",
    ),
    Identifier(
        name="user_attributes",
        tensor="user_attributes_RA",
        parts=(
            Hashed(field="user_attribute", column="user_attributes", at_most=NUM_FACTS),
            Hashed(field="user_likes", column="user_categories", at_most=MAX_CATEGORIES),
        ),
        table="user_attributes",
        group="user_profile",
        description="hash_id('user_attribute', name=value); then hash_id('user_likes', category).",
    ),
    Identifier(
        name="query_index",
        tensor="query_R",
        parts=(Hashed(field="query", column="query_text"),),
        table="queries",
        group="query_text",
        description="hash_id('query', query_text).",
    ),
    Identifier(
        name="query_words",
        tensor="query_words_RW",
        parts=(Hashed(field="word", column="query_words", at_most=8),),
        table="words",
        group="query_text",
        description="hash_id('word', w) of the query.",
    ),
)

ITEM_IDS = (
    Identifier(
        name="item_index",
        tensor="item_N",
        parts=(Hashed(field="item", column="item_id"),),
        table="items",
        group="item_identity",
        description="hash_id('item', item_id).",
    ),
    Identifier(
        name="category_index",
        tensor="category_N",
        parts=(Hashed(field="category", column="category_id"),),
        table="categories",
        group="item_kind",
        description="hash_id('category', category_id).",
    ),
    Identifier(
        name="brand_index",
        tensor="brand_N",
        parts=(Hashed(field="brand", column="brand_id"),),
        table="brands",
        group="item_kind",
        description="hash_id('brand', brand_id).",
    ),
    Identifier(
        name="shop_index",
        tensor="shop_N",
        parts=(Hashed(field="shop", column="shop_id"),),
        table="shops",
        group="item_identity",
        description="hash_id('shop', shop_id).",
    ),
    Identifier(
        name="title_words",
        tensor="title_words_NW",
        parts=(Hashed(field="word", column="title_words", at_most=12),),
        table="words",
        group="item_text",
        description="hash_id('word', w) of the title.",
    ),
    Identifier(
        name="item_attributes",
        tensor="item_attributes_NA",
        parts=(Hashed(field="item_attribute", column="item_attributes", at_most=NUM_FACTS),),
        table="item_attributes",
        group="item_text",
        description="hash_id('item_attribute', name=value).",
    ),
)

HISTORY_IDS = (
    Identifier(
        name="history_items",
        tensor="history_items_RL",
        parts=(Hashed(field="item", column="items"),),
        table="items",
        description="hash_id('item', ...), oldest first.",
    ),
    Identifier(
        name="history_categories",
        tensor="history_categories_RL",
        parts=(Hashed(field="category", column="categories"),),
        table="categories",
        description="hash_id('category', ...).",
    ),
    Identifier(
        name="history_brands",
        tensor="history_brands_RL",
        parts=(Hashed(field="brand", column="brands"),),
        table="brands",
        description="hash_id('brand', ...).",
    ),
)
"""Of each action; the column is that of the daily sequence and of the fresh actions, without what stands before it."""

REQUEST_INPUTS = (*(identifier.name for identifier in REQUEST_IDS), "user_numeric", "query_numeric")
"""Inputs that a request has once."""

HISTORY_INPUTS = (
    *(identifier.name for identifier in HISTORY_IDS),
    "history_actions",
    "history_domains",
    "history_hours",
)
"""Inputs that run over the actions of the request's user that became known last, in the order in which they happened.

Served requests carry them. Frames say how long the prefix of the user's sequence is (`uniscale.contracts.sequences`).
"""

ITEM_INPUTS = (*(identifier.name for identifier in ITEM_IDS), "item_numeric")
"""Inputs that run over the items."""

INPUTS = (*REQUEST_INPUTS, *HISTORY_INPUTS, *ITEM_INPUTS)
"""What a ranker is given, request by request."""
