"""Data recipes: which rows, and whose labels, checked on three requests."""

from datetime import datetime
from itertools import pairwise

import pyarrow as pa
import pytest
from support_frames import DS, frames_schema, random_frames, write_frames

from uniscale.contracts.marts import FCT_EXPOSURES
from uniscale.data.frames import read_frames
from uniscale.data.mixture import read_training
from uniscale.data.recipe import ES3, EXPOSED, DataRecipe
from uniscale.lake import Lake


def _records(lake, share=None, days=(DS,), **options):
    recipe = EXPOSED if share is None else DataRecipe(es3_share=share)
    batches = list(read_training(lake, days, recipe, target_domain="search", native_weight=1.0, **options))
    return [record for batch in batches for record in batch.to_pylist()]


def _rows(records):
    return {
        (record["sample_id"], item): (record["is_clicked"][place], record["provenance"][place])
        for record in records
        for place, item in enumerate(record["item_ids"])
    }


@pytest.fixture
def by_hand(lake):
    """A search with four candidates, and a synthetic request.

    a: shown, clicked natively, and bought later in another channel, so its purchase label is attributed.
    b: shown, put into the cart but not clicked natively, clicked later in another channel.
    c: not shown, clicked later in another channel.  d: not shown, nothing.
    """
    rows = random_frames(2, domains=("search",), max_items=1).to_pylist()
    search, synthetic = rows
    lists = {
        "item_ids": ["a", "b", "c", "d"],
        "is_exposed": [True, True, False, False],
        "provenance": ["attributed_exposed", "attributed_exposed", "attributed_unexposed", "unexposed"],
        "is_clicked": [True, True, True, False],
        "is_carted": [False, True, False, False],
        "is_purchased": [True, False, False, False],
        "purchase_value": [9.0, 0.0, 0.0, 0.0],
        "label_weight": [0.7, 0.7, 0.6, 0.1],
    }
    for name, values in search.items():
        if isinstance(values, list) and name not in lists and len(values) == 1:
            search[name] = values * 4
    search.update(lists, user_attributes=[], query_words=[], sample_id="r1")
    for name in ("item_index", "category_index", "brand_index", "shop_index"):
        search[name] = (search[name] * 4)[:4]
    for name in ("title_words", "item_attributes", "item_numeric"):
        search[name] = (search[name] * 4)[:4]
    synthetic.update(sample_id="r2~s", domain="feed", is_exposed=[False], provenance=["synthetic"])
    synthetic.update(is_clicked=[True], is_carted=[True])
    frames = pa.Table.from_pylist([search, synthetic], schema=frames_schema())
    write_frames(lake, [frames])

    def click_on_a(con):
        con.execute(f"update lake.{FCT_EXPOSURES.qualified} set is_clicked = true where item_id = 'a'")

    lake.commit(click_on_a, "a was clicked natively")
    return lake


def test_exposed_data_has_shown_rows_with_native_labels(by_hand):
    (record,) = _records(by_hand)
    assert record["sample_id"] == "r1"
    assert record["item_ids"] == ["a", "b"]
    assert record["is_clicked"] == [True, False]
    assert record["is_carted"] == [False, True]
    assert record["is_purchased"] == [False, False]
    assert record["purchase_value"] == [0.0, 0.0]
    assert record["label_weight"] == [1.0, 1.0]
    assert record["provenance"] == ["native", "native"]
    assert len(record["title_words"]) == len(record["item_numeric"]) == 2


def test_es3_data_is_the_frames_as_they_are(by_hand):
    records = _records(by_hand, 1.0)
    assert [record["sample_id"] for record in records] == ["r1", "r2~s"]
    assert records[0]["item_ids"] == ["a", "b", "c", "d"]
    assert records[0]["is_purchased"] == [True, False, False, False]
    assert [record["is_carted"] for record in records] == [[False, True, False, False], [True]]
    assert records[0]["label_weight"] == pytest.approx([0.7, 0.7, 0.6, 0.1])
    plain = [record for batch in read_frames(by_hand, [DS], "train") for record in batch.to_pylist()]
    assert repr(records) == repr(plain)  # NaN differs from NaN, its text does not


def test_a_larger_share_holds_every_row_of_a_smaller_one(lake):
    write_frames(lake, [random_frames(80)])
    shares = [_rows(_records(lake, share)) for share in (0.0, 0.3, 0.7, 1.0)]
    sizes = [len(rows) for rows in shares]
    assert sizes == sorted(set(sizes))
    for smaller, larger in pairwise(shares):
        assert smaller.keys() <= larger.keys()
    added = [len(rows) - sizes[0] for rows in shares]
    assert 0.15 < added[1] / added[3] < 0.45
    assert 0.55 < added[2] / added[3] < 0.85
    assert _rows(_records(lake, 0.3)) == shares[1]


def test_a_row_within_the_share_keeps_its_attributed_label(lake):
    write_frames(lake, [random_frames(80)])
    everything, half = _rows(_records(lake, 1.0)), _rows(_records(lake, 0.5))
    kept = [key for key, row in half.items() if row[1] == "attributed_exposed"]
    reverted = [key for key, row in half.items() if row[1] == "native" and everything[key][1] == "attributed_exposed"]
    assert kept
    assert reverted
    assert all(half[key] == everything[key] for key in kept)
    assert not any(half[key][0] for key in reverted)


def test_native_labels_of_another_time_are_refused(lake):
    write_frames(lake, [random_frames(5)])

    def restate(con):
        con.execute(f"update lake.{FCT_EXPOSURES.qualified} set label_as_of = ?", [datetime(2026, 2, 1)])

    lake.commit(restate, "restated")
    with pytest.raises(ValueError, match=r"2026-02-01.*2026-01-06.*run the steps"):
        _records(lake)
    assert _records(lake, 1.0)


def test_missing_native_labels_are_refused(lake):
    write_frames(lake, [random_frames(5)])
    lake.commit(lambda con: con.execute(f"delete from lake.{FCT_EXPOSURES.qualified}"), "gone")
    with pytest.raises(ValueError, match="there are none"):
        _records(lake)


def test_empty_days_and_a_lake_without_frames_give_no_rows(lake):
    lake.commit(lambda con: Lake.create(con, FCT_EXPOSURES), "no frames yet")
    assert _records(lake) == []
    write_frames(lake, [random_frames(5)])
    assert _records(lake, days=[DS.replace(day=20)]) == []
    assert list(read_frames(lake, [DS.replace(day=20)], "train")) == []


def test_frames_are_read_in_order_and_can_be_cut_to_domains_and_provenances(lake):
    later = DS.replace(day=6)
    write_frames(lake, [random_frames(30, ds=later, seed=1), random_frames(30)])
    records = [record for batch in read_frames(lake, [later, DS], "train") for record in batch.to_pylist()]
    assert [(r["ds"], r["sample_id"]) for r in records] == sorted((r["ds"], r["sample_id"]) for r in records)
    assert len(records) == 60
    cut = read_frames(lake, [DS], "train", provenances=["native"], domains=["search"])
    kept = [record for batch in cut for record in batch.to_pylist()]
    assert kept
    assert {r["domain"] for r in kept} == {"search"}
    assert {p for r in kept for p in r["provenance"]} == {"native"}


def test_a_pinned_snapshot_is_not_moved_by_a_later_build(lake):
    write_frames(lake, [random_frames(5)])
    pinned, before = lake.snapshot_id(), _records(lake, 1.0)
    write_frames(lake, [random_frames(9, seed=5)])
    assert repr(_records(lake, 1.0, snapshot_id=pinned)) == repr(before)
    assert len(_records(lake, 1.0)) == 9


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_outside_the_unit_interval_is_refused(share):
    with pytest.raises(ValueError, match="es3_share"):
        DataRecipe(es3_share=share)


def test_kinds_follow_from_the_share():
    assert (EXPOSED.kind, DataRecipe(es3_share=0.5).kind, ES3.kind) == ("exposed", "es3", "es3")
