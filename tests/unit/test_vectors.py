"""Hashing and comparing model input."""

import numpy as np
import pyarrow as pa
import pytest
from support_encoding import SECONDS, encoded_table

from uniscale.contracts.frames import ITEM_NUMERIC
from uniscale.serving.vectors import INPUTS, matches, vector_hash

REQUEST = {
    "user_attributes": ["age=30"],
    "user_num_clicks_7d": 3,
    "history_items": ["i1", "i2"],
    "history_categories": ["", "c"],
    "history_brands": ["", ""],
    "history_actions": ["click", "cart"],
    "history_domains": ["feed", "search"],
    "history_acted_at": [SECONDS - 50, SECONDS - 5],
}
ITEMS = [{"title": "red hat", "price": 3.0, "item_attributes": ["a=1"]}, {"title": "blue shoe"}, {}]


@pytest.fixture
def served():
    return encoded_table([REQUEST, {"query_text": "blue"}], [ITEMS, ITEMS[:1]])


def changed(**values):
    return encoded_table([{**REQUEST, **values}, {"query_text": "blue"}], [ITEMS, ITEMS[:1]])


def differing(served, other):
    return {name: np.flatnonzero(~same).tolist() for name, same in matches(served, other).items() if not same.all()}


def test_the_hash_does_not_depend_on_how_arrow_holds_the_numbers(served):
    again = pa.concat_tables([served.slice(0, 1), served.slice(1, 1)])
    minus = np.float32(np.nan) * np.float32(-1)  # another NaN
    flat = again.column("item_numeric").combine_chunks()
    assert vector_hash(again) == vector_hash(served)
    assert np.isnan(minus) and np.isnan(flat.flatten().flatten().to_numpy()).any()
    assert vector_hash(served.slice(0, 1)) != vector_hash(served.slice(1, 1))


@pytest.mark.parametrize(
    "values",
    [
        {"user_id": "u2"},
        {"user_num_clicks_7d": 4},
        {"user_attributes": []},
        {"history_domains": ["feed", "shop"]},
        {"history_acted_at": [SECONDS - 50, SECONDS - 6]},
    ],
)
def test_a_value_that_differs_changes_the_hash(served, values):
    assert vector_hash(changed(**values)) != vector_hash(served)


def test_the_same_input_matches_in_every_value_missing_ones_included(served):
    found = matches(served, encoded_table([REQUEST, {"query_text": "blue"}], [ITEMS, ITEMS[:1]]))

    assert all(same.all() for same in found.values())
    assert len(found["log_price"]) == len(found["item_index"]) == 4
    assert len(found["user_index"]) == len(found["log_user_num_clicks_7d"]) == 2
    assert set(ITEM_NUMERIC) < set(found)
    assert {name for name in INPUTS if not name.endswith("_numeric")} < set(found)


def test_a_difference_is_found_in_its_feature_and_its_row(served):
    assert differing(served, changed(user_num_clicks_7d=4)) == {"log_user_num_clicks_7d": [0]}
    assert differing(served, changed(history_items=["i1", "i3"])) == {"history_items": [0]}
    assert differing(served, changed(user_attributes=["age=30", "sex=f"])) == {"user_attributes": [0]}
    assert differing(served, changed(history_domains=["feed", "shop"])) == {"history_domains": [0]}


def test_a_difference_of_an_item_is_found_in_the_row_of_the_item(served):
    items = [ITEMS[0], {"title": "blue shoe", "item_attributes": ["b=2"]}, {"price": 2.0}]
    other = encoded_table([REQUEST, {"query_text": "blue"}], [items, ITEMS[:1]])

    assert differing(served, other) == {"item_attributes": [1], "log_price": [2], "log_price_change": [2]}
