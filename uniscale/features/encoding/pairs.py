"""Numeric inputs of an item in its request: its own, those of the user in its category, those of both together."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from uniscale.contracts.features import ITEM_FEATURES, USER_CATEGORY_FEATURES
from uniscale.contracts.frames import PAIR_NUMERIC
from uniscale.features.encoding.columns import Array, Flat, column, flat, flat_numbers, numbers, stacked
from uniscale.features.encoding.hashing import hash_strings
from uniscale.features.encoding.numeric import log_of, numeric_inputs


def encode_pairs(requests: pa.Table, items: pa.Table, row: Array, asked_at: Array) -> Array:
    """The inputs [N, len(ITEM_NUMERIC)], NaN where a value is missing.

    Args:
        requests: Request rows.
        items: Prepared items (`uniscale.features.encoding.items`) with the columns of the user-category features.
        row: Place of each item's request in ``requests``, ascending, [N].
        asked_at: Request times in seconds since 1970.
    """
    of_item = numeric_inputs(items, ITEM_FEATURES, asked_at[row])
    of_user = _of_user(items, asked_at[row])
    log_price = log_of(numbers(items, "price"))
    previous = log_of(numbers(items, "item_previous_price"))
    pairs = {
        "log_price_gap": log_price - numbers(requests, "user_mean_log_price")[row],
        "log_price_change": log_price - np.where(np.isnan(previous), log_price, previous),
        "text_match": _text_match(requests, items, row),
        "query_category_share": _category_share(requests, items, row),
        "domain_ctr": _in_domain(requests, items, row, "item_domain_ctrs"),
        "domain_cvr": _in_domain(requests, items, row, "item_domain_cvrs"),
    }
    return stacked([*of_item, *of_user, *(pairs[name] for name in PAIR_NUMERIC)], len(row))


def with_pair_features(prepared: pa.Table, rows: pa.Table) -> pa.Table:
    """Prepared items together with the user-category features of the rows, which have the same order."""
    for feature in USER_CATEGORY_FEATURES.features:
        prepared = prepared.append_column(feature.name, rows.column(feature.name))
    return prepared


def _of_user(items: pa.Table, asked_at: Array) -> list[Array]:
    """What the user did in the item's category: nothing, where the category is known and no version answers.

    The warehouse stops to write a pair when its last action has left the window, which says the same as counts of 0.
    """
    has_category = np.asarray(column(items, "category_index")) > 0
    kinds = [feature.model_input for feature in USER_CATEGORY_FEATURES.features if feature.model_input]
    inputs = numeric_inputs(items, USER_CATEGORY_FEATURES, asked_at)
    return [
        values if kind == "age" else np.where(np.isnan(values) & has_category, 0.0, values)
        for kind, values in zip(kinds, inputs, strict=True)
    ]


def _text_match(requests: pa.Table, items: pa.Table, row: Array) -> Array:
    """Share of the query's distinct words that are in the title; NaN without a query or a title."""
    query, title = flat(requests, "query_words"), flat(items, "title_vocabulary")
    asked = np.unique(_keys(query.rows, hash_strings("word", query.values)))
    in_title = np.unique(_keys(title.rows, np.asarray(title.values)))  # by item: a word counts once
    item = in_title >> 32
    found = np.isin(_keys(row[item], in_title & 0xFFFFFFFF), asked)
    shared = np.bincount(item[found], minlength=len(row))
    num_words = np.bincount(asked >> 32, minlength=requests.num_rows).astype(np.float64)
    has_title = column(items, "title_vocabulary").is_valid().to_numpy(zero_copy_only=False)
    return np.where(has_title & (num_words[row] > 0), shared / np.maximum(num_words, 1)[row], np.nan)


def _category_share(requests: pa.Table, items: pa.Table, row: Array) -> Array:
    """Share of the query's clicks that went to the item's category; NaN without clicks or a category."""
    of_query = flat(requests, "query_categories")
    keys = _keys(of_query.rows, hash_strings("category", of_query.values))
    category = np.asarray(column(items, "category_index"), dtype=np.int64)
    shares = _looked_up(keys, flat_numbers(requests, "query_category_shares"), _keys(row, category), missing=0.0)
    has_clicks = np.diff(of_query.starts) > 0
    return np.where(has_clicks[row] & (category > 0), shares, np.nan)


def _in_domain(requests: pa.Table, items: pa.Table, row: Array, name: str) -> Array:
    """The item's rate in the domain of its request; NaN where it was not exposed there."""
    domains: Flat = flat(items, "item_domains")
    asked = hash_strings("domain", column(requests, "domain"))[row]
    same = np.asarray(domains.values, dtype=np.int64) == asked[domains.rows]
    rates = np.full(len(row), np.nan)
    rates[domains.rows[same]] = flat_numbers(items, name)[same]
    return rates


def _looked_up(keys: Array, values: Array, wanted: Array, *, missing: float) -> Array:
    """Value of each wanted key; ``missing`` where there is none."""
    if not len(keys):
        return np.full(len(wanted), missing)
    order = np.argsort(keys, kind="stable")
    places = np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)
    return np.where(keys[order][places] == wanted, values[order][places], missing)


def _keys(rows: Array, hashes: Array) -> Array:
    """Row and 31-bit hash as one number."""
    return (rows.astype(np.int64) << 32) | hashes.astype(np.int64)
