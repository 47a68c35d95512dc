"""Stage B of the samples: which label a row gets, and what is remembered of where it came from."""

import pytest
from support_es3 import World, at, plan, policy, records


@pytest.fixture
def world():
    w = World()
    w.request("r", "u", at(9), ["a", "b", "c"], ["x", "y", "z"], query="red shoe", clicked=["a"], bought={"c": 30})
    return w


def test_native_labels_stay_as_they_are(world):
    items = records(world)["r"]["items"]
    assert [items[i]["is_clicked"] for i in "abc"] == [True, False, True]
    assert items["c"]["is_purchased"] and items["c"]["purchase_value"] == 30
    assert {items[i]["provenance"] for i in "abc"} == {"native"}
    assert all(items[i]["action_ids"] is None for i in "abcxyz")


def test_an_outside_click_labels_its_exposed_row(world):
    world.attribution("k1", "click", "r", "b", weight=0.5)
    row = records(world, plan(policy(weights={"attributed_exposed": 0.8})))["r"]["items"]["b"]
    assert (row["is_clicked"], row["is_purchased"], row["purchase_value"]) == (True, False, 0)
    assert (row["provenance"], row["action_ids"]) == ("attributed_exposed", "k1")
    assert row["label_weight"] == pytest.approx(0.4)


def test_an_outside_purchase_implies_a_click_and_brings_its_value(world):
    world.attribution("p1", "purchase", "r", "x", target="unexposed", value=12.5)
    row = records(world)["r"]["items"]["x"]
    assert (row["is_clicked"], row["is_purchased"], row["purchase_value"]) == (True, True, 12.5)
    assert (row["provenance"], row["is_exposed"]) == ("attributed_unexposed", False)


def test_a_purchase_is_remembered_before_a_click_and_values_add_up(world):
    world.attribution("k1", "click", "r", "b")
    world.attribution("p2", "purchase", "r", "b", value=5)
    world.attribution("p1", "purchase", "r", "b", value=7)
    row = records(world)["r"]["items"]["b"]
    assert (row["action_ids"], row["purchase_value"]) == ("p1", 12)


def test_an_outside_click_on_a_clicked_row_adds_nothing(world):
    world.attribution("k1", "click", "r", "a", target="exposed")
    row = records(world)["r"]["items"]["a"]
    assert (row["provenance"], row["action_ids"], row["is_clicked"]) == ("native", None, True)


def test_an_outside_purchase_of_a_bought_row_adds_its_value_and_no_label(world):
    world.attribution("p1", "purchase", "r", "c", target="clicked", value=99)
    row = records(world)["r"]["items"]["c"]
    assert (row["provenance"], row["action_ids"], row["purchase_value"]) == ("native", None, 129)


def test_a_cart_labels_the_request_it_happened_in_and_no_other(world):
    world.request("r2", "u", at(10), ["a", "b"], carted=["b"])
    world.action("outside", "cart", "u", "a", at=at(11), request_id="feed")
    made = records(world)
    assert [made["r2"]["items"][i]["is_carted"] for i in "ab"] == [False, True]
    assert not any(made["r"]["is_carted"])


def test_neither_a_click_nor_a_purchase_implies_a_cart_nor_a_cart_a_click(world):
    world.request("r2", "u", at(10), ["a", "b", "c"], clicked=["a"], carted=["b"], bought={"c": 5})
    items = records(world)["r2"]["items"]
    labels = [(items[i]["is_clicked"], items[i]["is_carted"], items[i]["is_purchased"]) for i in "abc"]
    assert labels == [(True, False, False), (False, True, False), (True, False, True)]


def test_an_outside_click_leaves_the_native_cart_and_brings_none(world):
    world.request("r2", "u", at(10), ["a", "b"], carted=["a"])
    world.attribution("k1", "click", "r2", "a")
    world.attribution("k2", "click", "r2", "b")
    items = records(world)["r2"]["items"]
    assert [(items[i]["provenance"], items[i]["is_carted"]) for i in "ab"] == [
        ("attributed_exposed", True),
        ("attributed_exposed", False),
    ]


def test_weights_follow_provenance(world):
    the_policy = policy(weights={"native": 0.9, "unexposed": 0.2}, unexposed={"ratio": 1})
    record = records(world, plan(the_policy))["r"]
    weights = dict(zip(record["provenance"], record["label_weight"], strict=True))
    assert weights == {"native": pytest.approx(0.9), "unexposed": pytest.approx(0.2)}


def test_items_run_by_position_then_by_identifier(world):
    assert records(world)["r"]["item_ids"] == ["a", "b", "c", "x", "y", "z"]


def test_a_native_click_on_a_row_logged_as_not_shown_is_kept(world):
    world.request("r2", "u", at(10), ["a"], ["v", "w"], clicked=["w"])
    items = records(world, plan(policy(unexposed={"ratio": 0})))["r2"]["items"]
    assert set(items) == {"a", "w"}
    assert (items["w"]["provenance"], items["w"]["is_exposed"], items["w"]["is_clicked"]) == ("native", False, True)


def test_a_native_cart_on_a_row_logged_as_not_shown_is_kept(world):
    world.request("r2", "u", at(10), ["a"], ["v", "w"], carted=["w"])
    items = records(world, plan(policy(unexposed={"ratio": 0})))["r2"]["items"]
    assert set(items) == {"a", "w"}
    assert (items["w"]["provenance"], items["w"]["is_carted"], items["w"]["is_clicked"]) == ("native", True, False)
