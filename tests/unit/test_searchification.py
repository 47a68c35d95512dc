"""Stage C of the samples: synthetic search requests from other domains' clicks."""

from collections import Counter
from datetime import timedelta

import pytest
from support_es3 import DAY, World, at, plan, policy, records

from uniscale.es3.days import compute_day, prepare


@pytest.fixture
def world():
    """A feed request with one clicked shoe among shoes and lamps, and a search day with half of its rows clicked."""
    w = World()
    for k in range(8):
        w.item(f"s{k}", "shoe", f"shoe {'red' if k % 2 else 'blue'} word{k}")
        w.item(f"l{k}", "lamp", f"lamp word{k}")
    w.request("search", "other", at(1), ["s6", "s7"], clicked=["s6"], query="any")
    w.request("feed", "u", at(12), ["s0", "s1", "l0", "l1"], ["s2", "s3", "l2"], domain="feed", clicked=["s1"])
    return w


def synthetic(world, the_plan=None):
    return {name: r for name, r in records(world, the_plan).items() if r["query_tier"] > 0}


def query_of(world, the_plan=None):
    made = synthetic(world, the_plan)
    return [(r["query_tier"], r["query_text"]) for r in made.values()]


def test_a_click_without_a_query_makes_no_request(world):
    assert synthetic(world) == {}


def test_the_users_own_past_search_comes_first(world):
    world.statistic("popular shoe", "shoe", 50)
    world.request("mine", "u", at(8), ["s4", "s5", "l3"], query="  My  Shoe ")
    assert query_of(world) == [(1, "my shoe")]


def test_a_later_search_lends_no_query(world):
    world.request("mine", "u", at(13), ["s4", "s5"], query="my shoe", clicked=["s4"])
    assert query_of(world) == []


def test_the_most_recent_search_of_the_category_wins(world):
    world.request("old", "u", at(7), ["s4"], query="old shoe")
    world.request("new", "u", at(9), ["s4"], query="new shoe")
    world.request("lamp", "u", at(10), ["l4"], query="lamp")
    assert query_of(world) == [(1, "new shoe")]


def test_another_users_search_lends_no_query(world):
    world.request("theirs", "v", at(8), ["s4"], query="their shoe")
    assert query_of(world) == []


def test_a_search_before_the_history_lends_no_query(world):
    world.request("mine", "u", at(11, days=-3), ["s4"], query="my shoe")
    world.item("s4", "shoe", "shoe", recorded_at=at(0, days=-9))
    assert query_of(world, plan(policy(searchification={"history_days": 3}))) == []
    assert query_of(world, plan(policy(searchification={"history_days": 4}))) == [(1, "my shoe")]


def test_the_clicks_of_a_search_say_more_than_what_it_showed(world):
    world.request("mine", "u", at(8), ["s4", "s5", "l4"], query="lights", clicked=["l4"])
    assert query_of(world) == []


def test_a_click_known_only_later_says_nothing(world):
    world.request("mine", "u", at(8), ["s4", "s5", "l4"], query="lights")
    world.action("late", "click", "u", "l4", at=at(9), request_id="mine", domain="search", recorded_at=at(13))
    assert query_of(world) == [(1, "lights")]


def test_support_and_confidence_tell_what_the_choice_rests_on(world):
    world.request("mine", "u", at(8), ["s4", "s5", "l4"], query="my shoe", clicked=["s4", "s5"])
    (record,) = synthetic(world).values()
    # Wilson: 2 of 2 at z = 1.2816 is 1 / (1 + z^2 / 2).
    assert (record["query_support"], record["query_confidence"]) == (2, pytest.approx(1 / (1 + 1.2815515655**2 / 2)))


def test_else_a_co_occurring_query_is_drawn(world):
    world.statistic("popular shoe", "shoe", 50, confidence=0.7)
    world.statistic("popular lamp", "lamp", 50)
    (record,) = synthetic(world).values()
    assert (record["query_tier"], record["query_text"]) == (2, "popular shoe")
    assert (record["query_support"], record["query_confidence"]) == (50, 0.7)


def test_a_statistic_of_another_day_is_not_used(world):
    world.statistic("tomorrow's shoe", "shoe", 50, ds=DAY + timedelta(days=1))
    world.statistic("yesterday's shoe", "shoe", 50, ds=DAY - timedelta(days=1))
    assert query_of(world) == []


@pytest.mark.parametrize("weak", [{"num_clicks": 2}, {"num_clicks": 50, "confidence": 0.05}])
def test_a_weak_statistic_is_not_used(world, weak):
    world.statistic("rare shoe", "shoe", **weak)
    assert query_of(world) == []


def test_co_occurring_queries_are_drawn_in_proportion_to_their_clicks():
    w = World()
    for k in range(3):
        w.item(f"s{k}", "shoe", f"shoe word{k}")
    w.statistic("often", "shoe", 90)
    w.statistic("seldom", "shoe", 30)
    for k in range(400):
        w.request(f"f{k}", f"u{k}", at(12), ["s0", "s1", "s2"], domain="feed", clicked=["s1"])
    drawn = Counter(query for _, query in query_of(w))
    assert drawn.total() == 400
    # 300 expected, standard deviation 8.7.
    assert 260 <= drawn["often"] <= 340


def test_the_users_own_words_choose_among_the_queries_of_the_category():
    def drawn(user_mix):
        w = World()
        for k in range(3):
            w.item(f"s{k}", "shoe", f"shoe word{k}")
            w.item(f"l{k}", "lamp", f"lamp word{k}")
        w.statistic("red shoe", "shoe", 50)
        w.statistic("blue shoe", "shoe", 50)
        for k in range(300):
            w.request(f"p{k}", f"u{k}", at(8), ["l0", "l1"], query="red lamp", clicked=["l0"])
            w.request(f"f{k}", f"u{k}", at(12), ["s0", "s1", "s2"], domain="feed", clicked=["s1"])
        return Counter(
            query for _, query in query_of(w, plan(policy(searchification={"user_mix": user_mix, "tiers": (2,)})))
        )

    # 1 to 1 without, (1 + 3) to 1 with the mix: 150 and 240 of 300 expected, standard deviations 8.7 and 6.9.
    assert 115 <= drawn(0)["red shoe"] <= 185
    assert 212 <= drawn(3)["red shoe"] <= 268


def test_a_search_after_the_click_says_nothing_of_the_users_words(world):
    world.statistic("red shoe", "shoe", 50)
    world.statistic("blue shoe", "shoe", 50)
    before = query_of(world)
    world.request("later", "u", at(13), ["l4"], query="red lamp")
    world.request("later2", "u", at(13), ["l4"], query="blue lamp")
    assert query_of(world) == before


ONLY_NEAREST = policy(searchification={"tiers": (3,)})


def asked_yesterday(world, query, users=3):
    for k in range(users):
        world.request(f"y{query}{k}", f"y{k}", at(9, days=-1), ["never"], query=query)


def test_the_nearest_query_is_the_one_most_like_the_titles_of_the_category(world):
    asked_yesterday(world, "red shoes")
    asked_yesterday(world, "garden lamp")
    (record,) = synthetic(world, plan(ONLY_NEAREST)).values()
    assert (record["query_tier"], record["query_text"], record["query_support"]) == (3, "red shoes", 3)
    assert ONLY_NEAREST.searchification.nearest.min_similarity <= record["query_confidence"] <= 1


def test_the_nearest_query_comes_last(world):
    asked_yesterday(world, "red shoes")
    world.statistic("popular shoe", "shoe", 50)
    assert query_of(world) == [(2, "popular shoe")]


def test_a_query_of_too_few_users_is_lent_to_nobody(world):
    asked_yesterday(world, "red shoes of my own", users=2)
    assert query_of(world, plan(ONLY_NEAREST)) == []


def test_a_query_asked_on_the_day_itself_is_not_used(world):
    for k in range(3):
        world.request(f"today{k}", f"y{k}", at(9), ["s4"], query="red shoes")
    assert query_of(world, plan(ONLY_NEAREST)) == []


def test_a_query_that_is_too_far_away_is_dropped(world):
    asked_yesterday(world, "zzzz qqqq")
    assert query_of(world, plan(ONLY_NEAREST)) == []


def test_one_title_alone_gets_no_nearest_query(world):
    asked_yesterday(world, "red shoes")
    world.rows["marts.fct_exposures"].clear()
    world.request("feed", "u", at(12), ["s1", "l0", "l1"], domain="feed", clicked=["s1"])
    assert query_of(world, plan(ONLY_NEAREST)) == []


def test_the_nearest_query_does_not_depend_on_which_item_was_clicked():
    made = []
    for clicked in ("s0", "s1", "s2"):
        w = World()
        for k, colour in enumerate(("red", "green", "blue")):
            w.item(f"s{k}", "shoe", f"{colour} shoe")
            asked_yesterday(w, f"{colour} shoe")
        w.request("feed", "u", at(12), ["s0", "s1", "s2"], domain="feed", clicked=[clicked])
        made.append(query_of(w, plan(ONLY_NEAREST)))
    assert made[0] == made[1] == made[2]
    assert made[0][0][0] == 3


def test_the_query_does_not_depend_on_which_item_was_clicked():
    made = []
    for clicked in ("s0", "s1", "s2"):
        w = World()
        for k in range(3):
            w.item(f"s{k}", "shoe", f"shoe word{k}")
        for k in range(3):
            w.statistic(f"shoe word{k}", "shoe", 10)
        w.request("feed", "u", at(12), ["s0", "s1", "s2"], domain="feed", clicked=[clicked])
        made.append(query_of(w))
    assert made[0] == made[1] == made[2]
    assert made[0][0][0] == 2


def test_clicks_of_one_category_share_a_request_and_others_do_not(world):
    world.rows["marts.fct_exposures"].clear()
    world.request("feed2", "u", at(12), ["s0", "s1", "s2", "l0", "l1"], domain="feed", clicked=["s0", "s1", "l0"])
    world.statistic("shoe", "shoe", 5)
    world.statistic("lamp", "lamp", 5)
    made = synthetic(world)
    assert set(made) == {"feed2~sshoe", "feed2~slamp"}
    clicked = {name: [i for i, row in r["items"].items() if row["is_clicked"]] for name, r in made.items()}
    assert clicked == {"feed2~sshoe": ["s0", "s1"], "feed2~slamp": ["l0"]}


def test_a_click_used_by_attribution_is_not_searchified(world):
    world.statistic("popular shoe", "shoe", 50)
    assert len(synthetic(world)) == 1
    world.attribution("feed-s1", "click", "search", "s7")
    assert synthetic(world) == {}


def test_a_row_whose_click_was_used_makes_no_request_though_it_was_bought_too(world):
    world.statistic("popular shoe", "shoe", 50)
    world.action("buy", "purchase", "u", "s1", at=at(13), request_id="feed", value=40.0)
    world.attribution("feed-s1", "click", "search", "s7")
    assert synthetic(world) == {}


def test_a_click_used_on_an_earlier_training_day_is_not_searchified(world):
    world.statistic("popular shoe", "shoe", 50)
    world.attribution("feed-s1", "click", "earlier", "s7", ds=DAY - timedelta(days=1))
    assert len(synthetic(world)) == 1
    assert synthetic(world, plan(train_days=2)) == {}


def test_a_click_that_labels_a_later_request_is_not_searchified(world):
    world.statistic("popular shoe", "shoe", 50)
    the_policy = policy()
    click = the_policy.attribution.click.model_copy(update={"before_request_hours": 24})
    attribution = the_policy.attribution.model_copy(update={"click": click})
    early = the_policy.model_copy(update={"attribution": attribution})
    world.attribution("feed-s1", "click", "tomorrow", "s7", ds=DAY + timedelta(days=1))
    days = plan(early, ds=DAY + timedelta(days=1), train_days=2)
    con = world.connection()
    prepare(con, days)
    compute_day(con, days, days.days[0])
    assert con.execute("select count(*) from records where query_tier > 0").fetchone() == (0,)


def test_a_purchase_used_by_attribution_is_no_label_of_the_synthetic_row(world):
    world.statistic("popular shoe", "shoe", 50)
    world.action("buy", "purchase", "u", "s1", at=at(13), request_id="feed", value=40.0)
    (record,) = synthetic(world).values()
    assert (record["items"]["s1"]["is_purchased"], record["items"]["s1"]["purchase_value"]) == (True, 40)
    world.attribution("buy", "purchase", "search", "s7", value=40)
    (record,) = synthetic(world).values()
    assert record["items"]["s1"]["is_clicked"]
    assert (record["items"]["s1"]["is_purchased"], record["items"]["s1"]["purchase_value"]) == (False, 0)


def test_a_synthetic_row_takes_the_native_cart_of_the_request_it_was_made_of(world):
    world.statistic("popular shoe", "shoe", 50)
    world.rows["marts.fct_exposures"].clear()
    world.request("feed", "u", at(12), ["s0", "s1", "s2"], domain="feed", clicked=["s0", "s1"], carted=["s1"])
    (record,) = synthetic(world).values()
    assert {item: row["is_carted"] for item, row in record["items"].items()} == {"s0": False, "s1": True, "s2": False}


def test_a_carted_item_is_no_negative(world):
    world.statistic("popular shoe", "shoe", 50)
    world.rows["marts.fct_exposures"].clear()
    world.request("feed", "u", at(12), ["s0", "s1", "s2"], domain="feed", clicked=["s0"], carted=["s1"])
    (record,) = synthetic(world).values()
    assert record["item_ids"] == ["s0", "s2"]


def test_negatives_are_unclicked_items_that_fit_the_query_best_first(world):
    world.statistic("shoe blue", "shoe", 50)
    # Half of the real rows are clicked, so one negative per positive: the shown shoe.
    (record,) = synthetic(world).values()
    assert record["item_ids"] == ["s0", "s1"]
    # More real rows without a click ask for more: then shoes that were not shown, and no lamp, which fits worse.
    world.request("search2", "other", at(2), [f"s{k}" for k in range(8)], query="any")
    (record,) = synthetic(world).values()
    assert record["item_ids"] == ["s0", "s1", "s2", "s3"]
    assert [record["items"][i]["is_exposed"] for i in record["item_ids"]] == [True, True, False, False]


def test_an_item_of_another_category_that_fits_the_query_is_a_negative(world):
    world.item("l9", "lamp", "shoe lamp blue")
    world.statistic("shoe blue", "shoe", 50)
    world.rows["marts.fct_exposures"].clear()
    world.request("feed", "u", at(12), ["s1", "l0", "l9"], domain="feed", clicked=["s1"])
    (record,) = synthetic(world).values()
    assert record["item_ids"] == ["s1", "l9"]


def test_negatives_stop_at_the_bound_of_the_policy(world):
    world.request("search2", "other", at(2), [f"s{k}" for k in range(8)], query="any")
    world.statistic("shoe", "shoe", 50)
    (record,) = synthetic(world, plan(policy(searchification={"max_negatives": 2}))).values()
    assert len(record["item_ids"]) == 3


def test_a_click_among_items_that_do_not_fit_makes_no_request(world):
    world.statistic("popular shoe", "shoe", 50)
    world.rows["marts.fct_exposures"].clear()
    world.request("feed", "u", at(12), ["s1", "l0", "l1"], domain="feed", clicked=["s1"])
    assert synthetic(world) == {}


def test_unknown_items_and_missing_categories_and_titles_do_no_harm(world):
    world.statistic("popular shoe", "shoe", 50)
    world.item("nocat", None, None)
    world.item("new", "shoe", "shoe", recorded_at=at(1))
    world.item("notitle", "shoe", None)
    items = ["nocat", "new", "never", "notitle"]
    world.request("feed2", "u", at(12), items, domain="feed", clicked=["nocat", "new", "never"])
    world.request("feed3", "u", at(12), ["s0", "nocat", "notitle"], domain="feed", clicked=["s0"])
    made = synthetic(world)
    assert set(made) == {"feed~sshoe", "feed3~sshoe"}
    assert made["feed3~sshoe"]["item_ids"] == ["s0", "notitle"]


def test_synthetic_rows_say_what_they_are(world):
    world.statistic("popular shoe", "shoe", 50)
    (record,) = synthetic(world).values()
    assert (record["request_id"], record["domain"], record["user_id"]) == ("feed", "feed", "u")
    assert set(record["provenance"]) == {"synthetic"}
    assert record["label_weight"] == pytest.approx([policy().weights.synthetic] * 2)
    assert record["items"]["s1"]["action_ids"] == "feed-s1"
    assert record["items"]["s0"]["action_ids"] is None
    assert set(record["inclusion_probability"]) == {1}
