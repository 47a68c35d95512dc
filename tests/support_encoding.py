"""Feature rows for the encoder, column by column as the contract of the feature tables types them."""

from datetime import datetime

import numpy as np
import pyarrow as pa

from uniscale.contracts.features import (
    ITEM_FEATURES,
    QUERY_FEATURES,
    USER_CATEGORY_FEATURES,
    USER_FEATURES,
    USER_FRESH_ACTIONS,
    USER_SEQUENCES,
)
from uniscale.contracts.inputs import HISTORY_LENGTH
from uniscale.features.encoding.encode import encode
from uniscale.features.encoding.items import prepare_items
from uniscale.features.encoding.pairs import with_pair_features
from uniscale.features.encoding.text import normalised_query, words

NOW = datetime(2026, 1, 5, 12)
SECONDS = int((NOW - datetime(1970, 1, 1)).total_seconds())

TYPES = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "VARCHAR[]": pa.list_(pa.string()),
    "BIGINT[]": pa.list_(pa.int64()),
    "DOUBLE[]": pa.list_(pa.float64()),
}
REQUEST = {
    "user_id": pa.string(),
    "query_text": pa.string(),
    "query_words": pa.list_(pa.string()),
    "domain": pa.string(),
    "requested_at": pa.timestamp("us"),
    **{
        c.name: TYPES[c.type]
        for table in (USER_FEATURES, QUERY_FEATURES, USER_SEQUENCES, USER_FRESH_ACTIONS)
        for c in table.features
    },
}
ITEM = {
    "item_id": pa.string(),
    "title_words": pa.list_(pa.string()),
    **{c.name: TYPES[c.type] for table in (ITEM_FEATURES, USER_CATEGORY_FEATURES) for c in table.features},
}


def request_rows(*rows):
    """Request rows; what a row leaves out is NULL, but a user, a time and a domain are there."""
    defaults = {"user_id": "u1", "domain": "search", "requested_at": NOW, "query_text": "red shoe"}
    filled = []
    for row in rows:
        full = {**defaults, **row}
        text = full["query_text"]
        filled.append({**full, "query_text": normalised_query(text), "query_words": words(text)})
    return pa.Table.from_pylist(filled, schema=pa.schema(REQUEST))


def item_rows(*rows):
    """Item rows; what a row leaves out is NULL, but an identifier is there."""
    filled = [{"item_id": f"i{n}", **row, "title_words": words(row.get("title"))} for n, row in enumerate(rows)]
    return pa.Table.from_pylist(filled, schema=pa.schema(ITEM))


def encoded(request=None, items=({},)):
    """The frame of one request, as a dictionary."""
    return encoded_all([request or {}], [items])[0]


def encoded_all(requests, lists):
    """The frames of several requests with their items."""
    return encoded_table(requests, lists).to_pylist()


def encoded_table(requests, lists):
    """The same as a table."""
    rows = item_rows(*[item for items in lists for item in items])
    row = np.repeat(np.arange(len(lists)), [len(items) for items in lists])
    pairs = with_pair_features(prepare_items(rows), rows)
    return encode(request_rows(*requests), pairs, row, history_length=HISTORY_LENGTH)
