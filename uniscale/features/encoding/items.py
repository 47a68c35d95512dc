"""Items as a ranker reads them, as far as they do not depend on the request."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from uniscale.contracts.features import ITEM_FEATURES
from uniscale.contracts.inputs import ITEM_IDS
from uniscale.features.encoding.columns import column, flat, lists
from uniscale.features.encoding.hashing import hash_strings, hashed

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
    titles, domains = flat(items, "title_words"), flat(items, "item_domains")
    words = hash_strings("word", titles.values)
    columns = {one.name: hashed(items, one, {"title_words": words}) for one in ITEM_IDS}
    columns["title_vocabulary"] = pa.ListArray.from_arrays(
        pa.array(titles.starts.astype(np.int32)), pa.array(words), mask=column(items, "title_words").is_null()
    )
    columns["item_domains"] = lists(hash_strings("domain", domains.values), domains.rows, items.num_rows)
    return pa.table({**columns, **{name: column(items, name) for name in _PASSED_ON}})
