"""Collating Arrow lists equals building every row by hand."""

import math
from dataclasses import fields

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support_frames import DOMAINS, random_frames

from uniscale.batch.tensors import Labels
from uniscale.contracts.frames import ITEM_NUMERIC, QUERY_NUMERIC, USER_NUMERIC
from uniscale.contracts.inputs import HISTORY_LENGTH, ITEM_IDS, REQUEST_IDS
from uniscale.contracts.tasks import LABELS
from uniscale.data.collate import collate, encode
from uniscale.data.frame_store import FrameStore
from uniscale.data.frames import keep_items

WIDTHS = {one.name: one.width for one in (*REQUEST_IDS, *ITEM_IDS)}


def _cut(values, width, fill, *, newest=False):
    kept = values[: -width - 1 : -1] if newest else values[:width]
    return [*kept, *[fill] * (width - len(kept))]


def _naive_request(record):
    history = {
        f"history_{name}_RL": _cut(record[f"history_{name}"], HISTORY_LENGTH, 0, newest=True)
        for name in ("items", "categories", "brands", "actions", "hours")
    }
    places = {name: 1 + place for place, name in enumerate(DOMAINS)}
    domains = [places.get(name, 0) for name in record["history_domains"]]
    return {
        "domain_R": DOMAINS.index(record["domain"]),
        "user_R": record["user_index"],
        "user_attributes_RA": _cut(record["user_attributes"], WIDTHS["user_attributes"], 0),
        "query_R": record["query_index"],
        "query_words_RW": _cut(record["query_words"], WIDTHS["query_words"], 0),
        "user_numeric_RF": _cut(record["user_numeric"], len(USER_NUMERIC), math.nan),
        "query_numeric_RF": _cut(record["query_numeric"], len(QUERY_NUMERIC), math.nan),
        "history_domains_RL": _cut(domains, HISTORY_LENGTH, 0, newest=True),
        **history,
    }


def _naive_item(record, number, place):
    return {
        "request_of_item_N": number,
        "item_N": record["item_index"][place],
        "category_N": record["category_index"][place],
        "brand_N": record["brand_index"][place],
        "shop_N": record["shop_index"][place],
        "title_words_NW": _cut(record["title_words"][place], WIDTHS["title_words"], 0),
        "item_attributes_NA": _cut(record["item_attributes"][place], WIDTHS["item_attributes"], 0),
        "item_numeric_NF": _cut(record["item_numeric"][place], len(ITEM_NUMERIC), math.nan),
        "targets_NK": [float(record[label][place]) for label in LABELS],
        "weight_N": record["label_weight"][place],
        "place_N": record["position"][place] or 0,
    }


def _naive(frames):
    records = frames.to_pylist()
    requests = [_naive_request(record) for record in records]
    items = [
        _naive_item(record, number, place)
        for number, record in enumerate(records)
        for place in range(len(record["item_ids"]))
    ]
    return {name: [row[name] for row in rows] for rows in (requests, items) for name in rows[0]}


@given(seed=st.integers(0, 2**32 - 1), num_requests=st.integers(1, 12))
@hypothesis_settings(max_examples=30, deadline=None)
def test_collate_equals_a_naive_construction(seed, num_requests):
    frames = random_frames(num_requests, seed=seed)
    batch, labels, meta = collate(frames, DOMAINS)
    expected = _naive(frames)
    for part in (batch, labels):
        for field in fields(part):
            found = getattr(part, field.name)
            wanted = torch.tensor(np.array(expected.pop(field.name)), dtype=found.dtype)
            torch.testing.assert_close(found, wanted, rtol=0, atol=0, equal_nan=True, msg=field.name)
    assert not expected
    assert isinstance(labels, Labels)
    assert meta.item_ids.to_pylist() == [item for record in frames.to_pylist() for item in record["item_ids"]]
    assert meta.offsets[-1] == batch.num_items


@given(seed=st.integers(0, 2**32 - 1), num_requests=st.integers(1, 12))
@hypothesis_settings(max_examples=20, deadline=None)
def test_requests_picked_from_a_store_equal_the_same_records_collated(seed, num_requests, tmp_path_factory):
    frames = random_frames(num_requests, seed=seed).combine_chunks()
    parts = [encode(frames.slice(start, 5), DOMAINS) for start in range(0, num_requests, 5)]
    store = FrameStore(parts, tmp_path_factory.getbasetemp() / "spill")
    picked = np.random.default_rng(seed).permutation(num_requests)[: 1 + num_requests // 2]
    one, other = store.select(picked), encode(frames.take(picked), DOMAINS)
    assert one.offsets.tolist() == other.offsets.tolist()
    for name in (*one.requests, *one.items):
        values = {**one.requests, **one.items}[name], {**other.requests, **other.items}[name]
        np.testing.assert_array_equal(*values, err_msg=name)
    np.testing.assert_allclose(store.weight_R[picked].sum(), one.items["weight_N"].sum(), rtol=1e-6)


@given(seed=st.integers(0, 2**32 - 1))
@hypothesis_settings(max_examples=20, deadline=None)
def test_keeping_items_keeps_exactly_those_in_every_list(seed):
    frames = random_frames(6, seed=seed).combine_chunks().to_batches()[0]
    rng = np.random.default_rng(seed)
    keep = rng.random(sum(len(items) for items in frames["item_ids"].to_pylist())) < 0.5
    flags, expected = iter(keep), []
    for record in frames.to_pylist():
        chosen = [place for place in range(len(record["item_ids"])) if next(flags)]
        if chosen:
            expected.append(
                [(record["item_ids"][p], record["title_words"][p], record["is_clicked"][p]) for p in chosen]
            )
    found = [
        list(zip(record["item_ids"], record["title_words"], record["is_clicked"], strict=True))
        for record in keep_items(frames, keep).to_pylist()
    ]
    assert found == expected


def test_an_undeclared_domain_is_refused_by_name():
    with pytest.raises(ValueError, match="feed"):
        collate(random_frames(20, seed=1), ("search", "shop"))
