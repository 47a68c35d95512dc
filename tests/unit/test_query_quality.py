"""Synthetic queries compared with held-out real ones."""

import pytest
from support_es3 import World, at, plan, policy

from uniscale.es3.days import prepare
from uniscale.es3.quality import measure_queries


def measured(world, the_policy=None):
    the_plan = plan(the_policy or policy())
    con = world.connection()
    prepare(con, the_plan)
    return measure_queries(con, the_plan, the_plan.days[-1])


@pytest.fixture
def world():
    w = World()
    for k in range(4):
        w.item(f"s{k}", "shoe", f"red shoe word{k}")
        w.item(f"l{k}", "lamp", f"garden lamp word{k}")
    return w


def test_a_search_is_compared_with_what_the_user_asked_before_it(world):
    world.statistic("red shoe", "shoe", 9)
    world.statistic("blue shoe", "shoe", 9)
    world.statistic("lamp", "lamp", 9)
    world.request("a1", "a", at(8), ["s0", "s1"], query="red shoe", clicked=["s0"])
    world.request("a2", "a", at(9), ["s0", "s1"], query="Red  Shoe", clicked=["s1"])  # exact
    world.request("a3", "a", at(10), ["s0", "s1"], query="blue shoe", clicked=["s1"])  # same intent only
    found = measured(world, policy(searchification={"tiers": (1,)}))
    assert found["searches"] == 3
    own = found["tiers"]["tier 1"]
    assert (own["made"], own["coverage"], own["exact"], own["same_intent"]) == (2, 0.6667, 0.5, 1.0)
    assert 0.5 < own["similarity"] < 1
    assert found["alone"]["tier 1"] == own


def test_a_query_that_means_another_category_is_not_the_same_intent(world):
    world.statistic("mixed", "shoe", 5)
    world.statistic("mixed", "lamp", 9)
    world.request("r", "u", at(8), ["s0", "s1"], query="shoe", clicked=["s0"])
    world.statistic("shoe", "shoe", 2)
    found = measured(world, policy(searchification={"tiers": (2,)}))
    assert found["alone"]["tier 2"]["same_intent"] == 0.0


def test_the_hidden_query_is_not_used_to_find_itself(world):
    world.request("r", "u", at(8), ["s0", "s1"], query="unheard of", clicked=["s0"])
    found = measured(world)
    assert found["searches"] == 1
    assert all(tier["made"] == 0 and tier["exact"] is None for tier in found["alone"].values())


def test_each_tier_alone_is_tried_on_every_search(world):
    for k in range(3):
        world.request(f"y{k}", f"y{k}", at(9, days=-1), ["never"], query="red shoes")
    world.statistic("popular shoe", "shoe", 50)
    world.request("a1", "a", at(8), ["s0", "s1"], query="red shoe", clicked=["s0"])
    world.request("a2", "a", at(9), ["s0", "s1"], query="red shoe", clicked=["s1"])
    found = measured(world)
    assert {name: tier["made"] for name, tier in found["tiers"].items()} == {"tier 1": 1, "tier 2": 1, "tier 3": 0}
    assert {name: tier["made"] for name, tier in found["alone"].items()} == {"tier 1": 1, "tier 2": 2, "tier 3": 2}


def test_a_day_without_a_clicked_search_measures_nothing(world):
    world.request("r", "u", at(8), ["s0"], query="shoe")
    assert measured(world) == {}
