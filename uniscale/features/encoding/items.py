"""Items as a ranker reads them, as far as they do not depend on the request."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from uniscale.contracts.features import ITEM_FEATURES
from uniscale.features.encoding.columns import Array, Flat, column, flat, lists
from uniscale.features.encoding.hashing import hash_strings

TITLE_WORDS = 12
ATTRIBUTES = 8
"""Words of a title and facts of an item or a user that are kept, the first ones; the models pad to the same numbers."""

_INDEXES = {"item_index": "item", "category_index": "category", "brand_index": "brand", "shop_index": "shop"}
_PASSED_ON = (
    "item_domain_ctrs",
    "item_domain_cvrs",
    "item_previous_price",
    *(c.name for c in ITEM_FEATURES.columns if c.model_input),
)


def prepare_items(items: pa.Table) -> pa.Table:
    """What `uniscale.features.encoding.encode.encode` takes of each item; a snapshot of all items is prepared once.

    Args:
        items: ``item_id``, the columns of the item features (NULL where no version answered), and ``title_words``,
            the words of the title as text (`uniscale.features.encoding.text`; NULL without a title).

    Returns:
        Hashed identifiers, words and facts, ``title_vocabulary`` (the hashed words of the whole title, NULL without
        one), hashed domains, and the numbers as they are.
    """
    titles, facts, domains = flat(items, "title_words"), flat(items, "item_attributes"), flat(items, "item_domains")
    words = hash_strings("word", titles.values)
    columns = {name: pa.array(hash_strings(field, column(items, f"{field}_id"))) for name, field in _INDEXES.items()}
    columns["title_words"] = first_values(words, titles, TITLE_WORDS)
    columns["title_vocabulary"] = pa.ListArray.from_arrays(
        pa.array(titles.starts.astype(np.int32)), pa.array(words), mask=column(items, "title_words").is_null()
    )
    columns["item_attributes"] = first_values(hash_strings("item_attribute", facts.values), facts, ATTRIBUTES)
    columns["item_domains"] = lists(hash_strings("domain", domains.values), domains.rows, items.num_rows)
    return pa.table({**columns, **{name: column(items, name) for name in _PASSED_ON}})


def first_values(values: Array, source: Flat, number: int) -> pa.Array:
    """A list column of the first values of each row.

    Args:
        values: Elements of all rows.
        source: Whose elements they are.
        number: Elements kept of each row.
    """
    kept = source.places < number
    return lists(values[kept], source.rows[kept], len(source.starts) - 1)
