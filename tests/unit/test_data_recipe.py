"""Data recipes: which rows, and whose labels, checked on three requests."""

from dataclasses import replace
from itertools import pairwise

import pyarrow as pa
import pytest
from support_frames import DS, frames_schema, random_frames, write_frames

from uniscale.contracts.frames import FRAMES
from uniscale.contracts.marts import FCT_EXPOSURES
from uniscale.contracts.tasks import LABELS
from uniscale.data.frames import read_frames
from uniscale.data.mixture import count_requests, read_training
from uniscale.data.multiples import measure_data
from uniscale.data.recipe import DATA, ES3, get_data
from uniscale.lake import Lake


def _records(lake, name="exposed", share=1.0, days=(DS,), **options):
    recipe = replace(DATA[name], share=share)
    batches = list(read_training(lake, days, recipe, target_domain="search", **options))
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
        "position": [1, 2, None, None],
        "provenance": ["attributed_exposed", "attributed_exposed", "attributed_unexposed", "unexposed"],
        **{label: [False] * 4 for label in LABELS},
        "is_clicked": [True, True, True, False],
        "is_carted": [False, True, False, False],
        "is_purchased": [True, False, False, False],
        "purchase_value": [9.0, 0.0, 0.0, 0.0],
        "inclusion_probability": [1.0, 1.0, 1.0, 0.3],
        "label_weight": [0.7, 0.7, 0.6, 0.1],
        "is_natively_clicked": [True, False, False, False],
        "is_natively_purchased": [False] * 4,
        "native_purchase_value": [0.0] * 4,
        "native_label_weight": [1.0, 1.0, 0.1, 0.1],
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
    records = _records(by_hand, "es3")
    assert [record["sample_id"] for record in records] == ["r1", "r2~s"]
    assert records[0]["item_ids"] == ["a", "b", "c", "d"]
    assert records[0]["is_purchased"] == [True, False, False, False]
    assert [record["is_carted"] for record in records] == [[False, True, False, False], [True]]
    assert records[0]["label_weight"] == pytest.approx([0.7, 0.7, 0.6, 0.1])
    plain = [record for batch in read_frames(by_hand, [DS], "train") for record in batch.to_pylist()]
    assert repr(records) == repr(plain)  # NaN differs from NaN, its text does not


CLICKED = {
    "exposed": {"a": True, "b": False},
    "exposed_long": {"a": True, "b": False},
    "unexposed": {"a": True, "b": False, "c": False, "d": False},
    "attributed": {"a": True, "b": True, "c": True, "d": False},
    "attributed_shown": {"a": True, "b": True},
    "searchified": {"a": True, "b": False},
    "unattributed": {"a": True, "b": False, "c": False, "d": False},
    "es3": {"a": True, "b": True, "c": True, "d": False},
}


@pytest.mark.parametrize("name", DATA)
def test_each_word_has_its_rows_with_its_labels(by_hand, name):
    real, *synthetic = _records(by_hand, name)
    assert dict(zip(real["item_ids"], real["is_clicked"], strict=True)) == CLICKED[name]
    assert [record["sample_id"] for record in synthetic] == (["r2~s"] if DATA[name].searchified else [])
    outside = DATA[name].attributed
    assert real["is_purchased"][0] is outside
    assert real["purchase_value"][0] == (9.0 if outside else 0.0)
    weights = [0.7, 0.7, 0.6, 0.1] if outside else [1.0, 1.0, 0.1, 0.1]
    assert real["label_weight"] == pytest.approx(weights[: len(real["item_ids"])])
    assert any(p.startswith("attributed") for p in real["provenance"]) is outside
    assert real["position"] == [1, 2, None, None][: len(real["item_ids"])]


def test_a_row_without_its_attributed_label_is_unexposed_unless_something_happened_natively(by_hand):
    def bought(con):
        flags = "[false, false, true, false]"
        con.execute(f"update lake.{FRAMES.qualified} set is_natively_purchased = {flags} where sample_id = 'r1'")

    before = _records(by_hand, "unexposed")[0]["provenance"]
    by_hand.commit(bought, "c was bought in its request")
    assert before == ["native", "native", "unexposed", "unexposed"]
    assert _records(by_hand, "unexposed")[0]["provenance"] == ["native", "native", "native", "unexposed"]


@pytest.mark.parametrize("name", [name for name in DATA if not DATA[name].steps_of and name != "exposed"])
def test_a_larger_share_holds_every_row_of_a_smaller_one(lake, name):
    write_frames(lake, [random_frames(80)])
    shares = [_rows(_records(lake, name, share)) for share in (0.0, 0.3, 0.7, 1.0)]
    labels = [sum(clicked for clicked, _ in rows.values()) for rows in shares]
    sizes = [len(rows) for rows in shares]
    assert shares[0] == _rows(_records(lake))
    assert sizes == sorted(sizes)
    assert labels == sorted(labels)
    assert (sizes[3], labels[3]) > (sizes[0], labels[0])
    for smaller, larger in pairwise(shares):
        assert smaller.keys() <= larger.keys()
    assert _rows(_records(lake, name, 0.3)) == shares[1]


def test_a_share_keeps_about_as_much_as_it_says(lake):
    write_frames(lake, [random_frames(80)])
    sizes = [len(_rows(_records(lake, "es3", share))) for share in (0.0, 0.3, 0.7, 1.0)]
    added = [size - sizes[0] for size in sizes]
    assert 0.15 < added[1] / added[3] < 0.45
    assert 0.55 < added[2] / added[3] < 0.85


def test_a_row_within_the_share_keeps_its_attributed_label(lake):
    write_frames(lake, [random_frames(80)])
    everything, half = _rows(_records(lake, "es3")), _rows(_records(lake, "es3", 0.5))
    kept = [key for key, row in half.items() if row[1] == "attributed_exposed"]
    reverted = [key for key, row in half.items() if row[1] == "native" and everything[key][1] == "attributed_exposed"]
    assert kept
    assert reverted
    assert all(half[key] == everything[key] for key in kept)
    assert not any(half[key][0] for key in reverted)


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("name", DATA)
def test_requests_are_counted_without_reading_them(lake, name, share):
    later = DS.replace(day=6)
    write_frames(lake, [random_frames(60), random_frames(30, ds=later)])
    recipe = replace(DATA[name], share=share)
    counted = count_requests(lake, [DS, later], recipe, target_domain="search")
    # A real request without a shown row has no row of shown data.
    with_rows = len(_records(lake, name, share, days=[DS, later]))
    assert counted == with_rows


def test_what_each_word_holds_is_measured_against_exposed_rows(lake):
    write_frames(lake, [random_frames(60)])
    found = measure_data(lake, [DS], target_domain="search")
    assert set(found) == set(DATA)
    assert found["exposed"] == found["exposed_long"]
    assert found["exposed"].rows == len(_rows(_records(lake)))
    assert found["es3"].requests == found["searchified"].requests == 60
    assert found["unexposed"].rows == found["attributed"].rows > found["attributed_shown"].rows
    assert found["attributed"].clicks > found["unexposed"].clicks == found["exposed"].clicks


def test_empty_days_and_a_lake_without_frames_give_no_rows(lake):
    lake.commit(lambda con: Lake.create(con, FCT_EXPOSURES), "no frames yet")
    assert _records(lake) == []
    assert count_requests(lake, [DS], ES3, target_domain="search") == 0
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
    pinned, before = lake.snapshot_id(), _records(lake, "es3")
    write_frames(lake, [random_frames(9, seed=5)])
    assert repr(_records(lake, "es3", snapshot_id=pinned)) == repr(before)
    assert len(_records(lake, "es3")) == 9


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_outside_the_unit_interval_is_refused(share):
    with pytest.raises(ValueError, match=rf"share={share} of es3"):
        replace(ES3, share=share)


def test_an_unknown_word_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"'clicks'.*exposed, exposed_long, unexposed"):
        get_data("clicks")
