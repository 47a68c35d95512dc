"""The leak measure: AUC of text match alone."""

import random

import pytest
from support_es3 import World, at, plan

from uniscale.es3.days import compute_day, prepare
from uniscale.es3.leak import measure_leak

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
    assert measure_leak(con, plan()) == {"native": {"auc": pytest.approx(by_pairs(expected), abs=1e-4), "rows": 40}}


def test_one_class_alone_has_no_auc():
    world = World()
    world.item("i", "c", "red shoe")
    world.request("r", "u", at(9), ["i"], query="shoe")
    con = world.connection()
    prepare(con, plan())
    compute_day(con, plan(), plan().days[0])
    con.execute("insert into lake.es3.samples from records")
    assert measure_leak(con, plan()) == {"native": {"auc": None, "rows": 1}}
