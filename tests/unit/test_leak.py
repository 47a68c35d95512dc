"""The leak measure: AUC of text match alone."""

import random

import pytest
from support_es3 import World, at, plan

from uniscale.es3.days import compute_day, prepare
from uniscale.es3.leak import LeakError, check_leak, measure_leak

WORDS = ("red", "blue", "shoe", "lamp", "old", "new")


def by_pairs(rows):
    """Chance that a clicked row has the larger score, ties counting half, by looking at every pair."""
    clicked = [score for score, is_clicked in rows if is_clicked]
    others = [score for score, is_clicked in rows if not is_clicked]
    wins = sum((a > b) + (a == b) / 2 for a in clicked for b in others)
    return wins / (len(clicked) * len(others))


def test_the_auc_is_the_share_of_well_ordered_pairs():
    rng = random.Random(3)
    world, expected = World(), []
    for k in range(40):
        query, title = (rng.sample(WORDS, size) for size in (2, 3))
        is_clicked = rng.random() < 0.4
        world.item(f"i{k}", "c", " ".join(title).upper())
        world.request(f"r{k}", "u", at(9), [f"i{k}"], query=" ".join(query), clicked=[f"i{k}"] if is_clicked else [])
        expected.append((len(set(query) & set(title)) / 2, is_clicked))
    con = world.connection()
    prepare(con, plan())
    compute_day(con, plan(), plan().days[0])
    con.execute("insert into lake.es3.samples from records")
    (native,) = measure_leak(con, plan()).values()
    assert (native["auc"], native["rows"]) == (pytest.approx(by_pairs(expected), abs=1e-4), 40)


def test_one_class_alone_has_no_auc():
    world = World()
    world.item("i", "c", "red shoe")
    world.request("r", "u", at(9), ["i"], query="shoe")
    con = world.connection()
    prepare(con, plan())
    compute_day(con, plan(), plan().days[0])
    con.execute("insert into lake.es3.samples from records")
    assert measure_leak(con, plan()) == {"native": {"auc": None, "se": None, "rows": 1}}


def leak_of(tier_auc, rows=10_000, native_auc=0.54):
    """A synthetic world whose rows match as well as asked for: measured, not made up."""
    world = World()
    world.item("good", "c", "red shoe")
    world.item("bad", "c", "old lamp")
    for name, auc, tier in (("n", native_auc, 0), ("s", tier_auc, 2)):
        # With a share p of clicked rows on the good item and 1 - p on the bad one (unclicked: the reverse), AUC = p.
        for k in range(rows // 100):
            is_good = k < round(auc * rows / 100)
            shown = ["good", "bad"]
            world.request(f"{name}{k}", "u", at(9), shown, query="red", clicked=[shown[0 if is_good else 1]])
        assert tier in (0, 2)
    con = world.connection()
    prepare(con, plan())
    compute_day(con, plan(), plan().days[0])
    con.execute("insert into lake.es3.samples from records")
    con.execute("update lake.es3.samples set query_tier = 2 where sample_id like 's%'")
    return measure_leak(con, plan())


def test_the_standard_error_falls_with_the_root_of_the_rows():
    few, many = leak_of(0.6, rows=2_000), leak_of(0.6, rows=8_000)
    assert few["tier 2"]["auc"] == pytest.approx(many["tier 2"]["auc"])
    assert few["tier 2"]["se"] == pytest.approx(2 * many["tier 2"]["se"], rel=0.05)


def test_a_day_whose_synthetic_rows_are_easier_than_the_margin_is_refused_with_both_numbers():
    with pytest.raises(
        LeakError, match=r"queries of tier 2 .* AUC 0\.900, real rows with 0\.540; .* allows 0\.100 more"
    ):
        check_leak(leak_of(0.9), 0.1)


def test_an_excess_within_the_margin_passes():
    check_leak(leak_of(0.6), 0.1)


def test_few_rows_are_no_reason_to_stop_a_day():
    measured = leak_of(0.7, rows=1_000)
    assert measured["tier 2"]["auc"] - measured["native"]["auc"] > 0.1
    check_leak(measured, 0.1)
