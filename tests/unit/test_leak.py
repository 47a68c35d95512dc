"""The leak measure: what each input alone, and all together, can rank within a request."""

import math
import random

import pytest
from support_es3 import World, at, plan, policy, sampled

from uniscale.contracts.frames import NUMERIC
from uniscale.es3.leak import TOGETHER, LeakError, check_leak, excess, leak_inputs, measure_leak, standard_errors

WORDS = ("red", "blue", "shoe", "lamp", "old", "new")


def test_every_input_of_a_model_that_differs_within_a_request_is_measured():
    assert set(leak_inputs()) == {*NUMERIC.item, "is_exposed"}


def allowing(max_leak):
    return policy(searchification={"max_leak": max_leak}).searchification


def by_pairs(rows):
    """Chance that a clicked row has the larger score, ties counting half, by looking at every pair."""
    clicked = [score for score, is_clicked in rows if is_clicked]
    others = [score for score, is_clicked in rows if not is_clicked]
    wins = sum((a > b) + (a == b) / 2 for a in clicked for b in others)
    return wins / (len(clicked) * len(others))


def measured(world):
    """What is measured, with the requests named ``s...`` taken for synthetic ones of tier 2."""
    con = sampled(world)
    con.execute("update lake.es3.samples set query_tier = 2 where sample_id like 's%'")
    return measure_leak(con, plan())


def test_the_auc_is_the_share_of_well_ordered_pairs_of_a_request_and_its_mean_over_requests():
    rng = random.Random(3)
    world, expected = World(), {"text_match": [], "log_price": []}
    for k in range(30):
        items = [f"i{k}-{place}" for place in range(4)]
        query = rng.sample(WORDS, 2)
        clicked = rng.sample(items, rng.randrange(1, 4))
        titles = {item: rng.sample(WORDS, 3) for item in items}
        prices = {item: rng.choice([1.0, 2.0, 3.0]) for item in items}
        for item in items:
            world.features(item, " ".join(titles[item]).upper(), price=prices[item])
        world.request(f"s{k}", "u", at(9), items, query=" ".join(query), clicked=clicked)
        matched = {item: len(set(query) & set(titles[item])) for item in items}
        for name, scores in (("text_match", matched), ("log_price", prices)):
            expected[name].append(by_pairs([(scores[item], item in clicked) for item in items]))
    found = measured(world)["tier 2"]
    assert (found["requests"], found["rows"]) == (30, 120)
    for name, shares in expected.items():
        mean = sum(shares) / 30
        error = math.sqrt(sum((share - mean) ** 2 for share in shares) / 29 / 30)
        assert found["inputs"][name]["auc"] == pytest.approx(mean, abs=1e-4)
        assert found["inputs"][name]["se"] == pytest.approx(error, abs=1e-4)


def test_what_differs_between_requests_alone_gives_nothing_away():
    world = World()
    for k in range(20):
        for item in (f"a{k}", f"b{k}", f"c{k}"):
            world.features(item, "thing", price=10.0 + k)
        world.request(
            f"s{k}", "u", at(9), [f"a{k}", f"b{k}", f"c{k}"], query="q", clicked=[f"a{k}", f"b{k}"][: 1 + k // 10]
        )
    assert measured(world)["tier 2"]["inputs"]["log_price"] == {"auc": 0.5, "se": 0.0}


def test_of_real_requests_the_shown_rows_are_measured_and_requests_of_one_label_are_not():
    world = World()
    for item in "abcd":
        world.features(item, "thing")
    world.request("r", "u", at(9), ["a", "b"], ["c", "d"], query="q", clicked=["a"])
    world.request("none", "u", at(9), ["a", "b"], query="q")
    world.request("s", "u", at(9), ["a", "b"], query="q", clicked=["a"])
    found = measured(world)
    assert {tier: (one["requests"], one["rows"]) for tier, one in found.items()} == {
        "native": (1, 2),
        "channels": (0, 0),
        "tier 2": (1, 2),
    }


def test_without_a_synthetic_request_nothing_is_measured():
    world = World()
    world.request("r", "u", at(9), ["a", "b"], query="q", clicked=["a"])
    assert measured(world) == {}


def test_a_single_request_has_no_standard_error_and_stops_nothing():
    world = World()
    for item in "ab":
        world.features(item, "red thing" if item == "a" else "thing")
    world.request("r", "u", at(9), ["a", "b"], query="red", clicked=["b"])
    world.request("s", "u", at(9), ["a", "b"], query="red", clicked=["a"])
    found = measured(world)
    assert found["tier 2"]["inputs"]["text_match"] == {"auc": 1.0, "se": None, "apart_auc": None, "apart_se": None}
    check_leak(found, allowing(0.0))


def two_kinds(synthetic, real, requests=400, **values):
    """Lists of a good and a bad item; of so large a share of each kind the good one is clicked."""
    world = World()
    good, bad = ({name: pair[place] for name, pair in values.items()} for place in (0, 1))
    world.features("good", "red shoe" if not values else "shoe", **good)
    world.features("bad", "old lamp" if not values else "shoe", **bad)
    for name, share in (("r", real), ("s", synthetic)):
        for k in range(requests):
            shown = ["good", "bad"]
            world.request(f"{name}{k}", "u", at(9), shown, query="red", clicked=[shown[k >= share * requests]])
    return measured(world)


def test_the_standard_error_falls_with_the_root_of_the_requests():
    few, many = (two_kinds(0.6, 0.5, requests=n)["tier 2"]["inputs"]["text_match"] for n in (100, 400))
    assert few["auc"] == many["auc"] == 0.6
    assert few["se"] == pytest.approx(2 * many["se"], rel=0.05)


def test_a_day_whose_synthetic_lists_are_easier_than_the_margin_is_refused_with_both_numbers():
    found = two_kinds(0.9, 0.54)
    assert excess(found, "tier 2", "text_match")[0] == pytest.approx(0.36)
    with pytest.raises(
        LeakError, match=r"tier 2: text_match has AUC 0\.900, real lists 0\.540.* difference of 0\.020 "
    ):
        check_leak(found, allowing(0.02))


def test_an_excess_within_the_margin_passes_and_so_does_one_that_few_requests_may_have_by_chance():
    check_leak(two_kinds(0.6, 0.54), allowing(0.1))
    few = two_kinds(0.7, 0.55, requests=40)
    assert few["tier 2"]["inputs"]["text_match"]["auc"] - few["native"]["inputs"]["text_match"]["auc"] > 0.1
    check_leak(few, allowing(0.02))


def test_many_inputs_together_are_as_sure_as_one_would_be():
    one = {"native": {"inputs": {"a": {}}}, "channels": {"inputs": {"a": {}}}, "tier 1": {"inputs": {"a": {}}}}
    many = {**one, "tier 2": {"inputs": {str(place): {} for place in range(49)}}}
    assert standard_errors(one, 2) == pytest.approx(2)
    # The chance of 2 standard errors by chance, one side, is .02275; its fiftieth part is passed at 3.32.
    assert standard_errors(many, 2) == pytest.approx(3.32, abs=0.01)


def test_words_that_matter_less_than_in_real_lists_are_refused_too():
    with pytest.raises(LeakError, match=r"text_match has AUC 0\.500, real lists 0\.700"):
        check_leak(two_kinds(0.5, 0.7), allowing(0.02))


def test_words_that_differ_in_fewer_lists_but_tell_as_much_where_they_do_are_no_fault():
    world = World()
    world.features("good", "red shoe")
    world.features("bad", "old lamp")
    world.features("worse", "old lamp")
    for name in "rs":
        for k in range(400):
            # Three of four synthetic lists show nothing that has the word.
            shown = ["good", "bad"] if name == "r" or k % 4 == 0 else ["worse", "bad"]
            world.request(f"{name}{k}", "u", at(9), shown, query="red", clicked=[shown[k % 20 >= 16]])
    found = measured(world)
    real, made = (found[of]["inputs"]["text_match"] for of in ("native", "tier 2"))
    assert (real["auc"], made["auc"]) == (0.8, 0.575)
    assert (real["apart_auc"], made["apart_auc"]) == (0.8, 0.8)
    check_leak(found, allowing(0.02))


def test_another_input_may_tell_less_than_in_real_lists_but_not_more_to_either_side():
    counts = {"item_num_clicks": (9, 1)}
    check_leak(two_kinds(0.5, 0.7, **counts), allowing(0.02))
    for share in (0.9, 0.1):
        with pytest.raises(LeakError, match=f"log_item_num_clicks has AUC {share}00, real lists 0.700"):
            check_leak(two_kinds(share, 0.7, **counts), allowing(0.02))


def test_what_clicks_of_a_channel_follow_by_themselves_is_no_leak():
    world = World()
    world.features("good", "shoe", item_num_clicks=9)
    world.features("bad", "shoe", item_num_clicks=1)
    for name, share, domain, query in (
        ("r", 0.5, "search", "red"),
        ("s", 0.9, "search", "red"),
        ("f", 0.9, "feed", None),
    ):
        for k in range(400):
            clicked = ["good" if k < share * 400 else "bad"]
            world.request(f"{name}{k}", "u", at(9), ["good", "bad"], domain=domain, query=query, clicked=clicked)
    found = measured(world)
    assert {of: found[of]["inputs"]["log_item_num_clicks"]["auc"] for of in found} == {
        "native": 0.5,
        "channels": 0.9,
        "tier 2": 0.9,
    }
    check_leak(found, allowing(0.02))


def test_what_only_several_inputs_tell_together_is_found():
    """Price and clicks are drawn anew for each item; the clicked one of a synthetic list has the larger sum."""
    rng = random.Random(5)
    world = World()
    for name in "rs":
        for k in range(400):
            values = [(rng.random(), rng.random()) for _ in range(2)]
            for place, (one, other) in enumerate(values):
                world.features(f"{name}{k}-{place}", "thing", item_ctr=one, item_cvr=other)
            best = int(sum(values[1]) > sum(values[0])) if name == "s" else k % 2
            shown = [f"{name}{k}-0", f"{name}{k}-1"]
            world.request(f"{name}{k}", "u", at(9), shown, query="q", clicked=[shown[best]])
    found = measured(world)
    assert found["tier 2"]["inputs"]["item_ctr"]["auc"] < 0.85
    assert found["tier 2"]["inputs"][TOGETHER]["auc"] > 0.97
    assert abs(found["native"]["inputs"][TOGETHER]["auc"] - 0.5) < 0.1
    assert found["tier 2"]["worst"] == TOGETHER
