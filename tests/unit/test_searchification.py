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


def test_a_search_whose_clicks_went_to_two_categories_is_about_either_as_often():
    w = World()
    for k in range(3):
        w.item(f"s{k}", "shoe", f"shoe word{k}")
        w.item(f"l{k}", "lamp", f"lamp word{k}")
    for k in range(400):
        w.request(f"older{k}", f"u{k}", at(7), ["s0", "s1"], query="shoe", clicked=["s0"])
        w.request(f"newer{k}", f"u{k}", at(8), ["s0", "l1", "l2"], query="lights", clicked=["s0", "l1"])
        w.request(f"f{k}", f"u{k}", at(12), ["s0", "s1", "s2"], domain="feed", clicked=["s1"])
    drawn = Counter(query for _, query in query_of(w, plan(policy(attribution={"lateness_days": 0}))))
    # Half of the newer searches count as searches for shoes: 200 expected of each, standard deviation 10.
    assert 160 <= drawn["lights"] <= 240
    assert drawn["shoe"] + drawn["lights"] > 380


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


@pytest.mark.parametrize("weak", [{"num_clicks": 2}, {"num_clicks": 50, "confidence": 0.005}])
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


def test_a_purchase_that_labels_a_later_day_is_no_label_of_the_synthetic_row(world):
    """It follows the click by a day, and the user has searched for the item meanwhile."""
    world.label_as_of = at(24, days=1)
    world.statistic("popular shoe", "shoe", 50)
    world.action("buy", "purchase", "u", "s1", at=at(13, days=1), request_id="feed", value=40.0)
    days = plan(ds=DAY + timedelta(days=1), train_days=2)

    def bought():
        con = world.connection()
        prepare(con, days)
        compute_day(con, days, days.days[0])
        return con.execute("select list_bool_or(is_purchased) from records where query_tier > 0").fetchall()

    assert bought() == [(True,)]
    world.attribution("buy", "purchase", "tomorrow", "s1", value=40, ds=DAY + timedelta(days=1))
    assert bought() == [(False,)]


def test_what_a_list_of_a_day_before_the_training_days_may_have_taken_is_left_to_it(world):
    world.statistic("popular shoe", "shoe", 50)
    world.request("yesterday", "u", at(13, days=-1), ["s1", "s5"], query="lights", clicked=["s5"])
    world.rows["marts.fct_exposures"] = [r for r in world.rows["marts.fct_exposures"] if r["ds"] == DAY]
    assert synthetic(world) == {}
    assert len(synthetic(world, plan(train_days=2))) == 1


def test_a_click_that_a_search_still_to_come_may_take_is_no_label_yet(world):
    world.statistic("popular shoe", "shoe", 50)
    the_policy = policy()
    click = the_policy.attribution.click.model_copy(update={"before_request_hours": 13})
    attribution = the_policy.attribution.model_copy(update={"click": click})
    assert len(synthetic(world)) == 1
    assert synthetic(world, plan(the_policy.model_copy(update={"attribution": attribution}))) == {}


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
    world.request("feed2", "u", at(12), ["s0", "s1", "s2"], domain="feed", clicked=["s0"], carted=["s1"])
    (record,) = synthetic(world).values()
    assert record["item_ids"] == ["s0", "s2"]


def test_negatives_are_what_the_user_saw_in_the_list_of_the_click_and_nothing_else(world):
    world.statistic("shoe blue", "shoe", 50)
    # So many unclicked rows in real lists that all of the list's shoes would be wanted, also those that were not shown.
    world.request("search2", "other", at(2), [f"s{k}" for k in range(8)], query="any")
    (record,) = synthetic(world).values()
    assert record["item_ids"] == ["s0", "s1"]
    assert record["is_exposed"] == [True, True]


def test_a_click_with_nothing_else_seen_that_fits_makes_no_request_though_more_was_not_shown(world):
    world.statistic("shoe blue", "shoe", 50)
    world.rows["marts.fct_exposures"].clear()
    world.request("feed2", "u", at(12), ["s1", "l0"], ["s2", "s3"], domain="feed", clicked=["s1"])
    assert synthetic(world) == {}


def test_an_item_of_another_category_is_a_negative_where_clicks_of_the_query_led_to_that_category(world):
    world.rows["marts.fct_exposures"].clear()
    world.request("feed2", "u", at(12), ["s1", "l0", "l1"], domain="feed", clicked=["s1"])
    world.statistic("shoe", "shoe", 50)
    assert synthetic(world) == {}
    world.statistic("shoe", "lamp", 1)
    (record,) = synthetic(world).values()
    assert record["item_ids"][0] == "s1"
    assert set(record["item_ids"][1:]) <= {"l0", "l1"}


def test_the_items_most_like_a_clicked_one_are_taken_first(world):
    world.rows["marts.fct_exposures"].clear()
    world.statistic("shoe", "shoe", 50)
    # One of two real rows is clicked, so one negative is wanted.
    world.request("search2", "other", at(1), ["s6", "s7"], clicked=["s6"], query="any")
    world.item("like", "shoe", "shoe red word1 new")
    world.request("feed2", "u", at(12), ["s1", "s0", "like", "s2"], domain="feed", clicked=["s1"])
    (record,) = synthetic(world).values()
    assert record["item_ids"] == ["s1", "like"]


def test_negatives_stop_at_the_bound_of_the_policy(world):
    world.rows["marts.fct_exposures"].clear()
    world.request("search2", "other", at(2), [f"s{k}" for k in range(8)], query="any")
    world.request("feed2", "u", at(12), [f"s{k}" for k in range(8)], domain="feed", clicked=["s1"])
    world.statistic("shoe", "shoe", 50)
    (record,) = synthetic(world, plan(policy(searchification={"max_negatives": 2}))).values()
    assert len(record["item_ids"]) == 3


def test_an_item_whose_click_a_search_would_have_taken_is_no_negative(world):
    world.rows["marts.fct_exposures"].clear()
    world.statistic("shoe", "shoe", 50)
    world.request("mine", "u", at(9), ["s4"], ["s2"])
    world.request("theirs", "v", at(9), ["s3"])
    world.request("long ago", "u", at(11, days=-1), ["s3"])
    world.request("feed2", "u", at(12), ["s1", "s2", "s3"], domain="feed", clicked=["s1"])
    (record,) = synthetic(world).values()
    assert record["item_ids"] == ["s1", "s3"]


VISIT = policy().searchification.visit_minutes / 60


def test_a_click_without_a_request_belongs_to_the_list_in_which_its_user_saw_the_item(world):
    world.rows["marts.fct_exposures"].clear()
    world.rows["raw.actions"].clear()
    world.statistic("shoe", "shoe", 50)
    world.request("feed2", "u", at(12), ["s1", "s2"], domain="feed")
    world.action("direct", "click", "u", "s2", at=at(12 + VISIT), request_id=None)
    (record,) = synthetic(world).values()
    assert {item: row["action_ids"] for item, row in record["items"].items()} == {"s1": None, "s2": "direct"}
    assert (record["sample_id"], record["items"]["s2"]["is_clicked"]) == ("feed2~sshoe", True)


@pytest.mark.parametrize(
    "other",
    [{"at": at(12.02 + VISIT)}, {"at": at(11.9)}, {"user": "v"}, {"domain": "shop"}, {"item": "s3"}],
    ids=["later", "before", "another user", "another channel", "not shown"],
)
def test_no_other_click_without_a_request_does(world, other):
    world.rows["marts.fct_exposures"].clear()
    world.rows["raw.actions"].clear()
    world.statistic("shoe", "shoe", 50)
    world.request("feed2", "u", at(12), ["s1", "s2"], ["s3"], domain="feed")
    world.action(
        "direct",
        "click",
        other.get("user", "u"),
        other.get("item", "s2"),
        at=other.get("at", at(12.1)),
        request_id=None,
        domain=other.get("domain", "feed"),
    )
    assert synthetic(world) == {}


def test_a_row_that_was_clicked_without_a_request_is_no_negative_whoever_got_the_label(world):
    world.rows["marts.fct_exposures"].clear()
    world.statistic("shoe", "shoe", 50)
    world.request("feed2", "u", at(12), ["s1", "s2", "s4"], domain="feed", clicked=["s1"])
    world.action("direct", "click", "u", "s2", at=at(12.1), request_id=None)
    world.attribution("direct", "click", "search", "s2")
    (record,) = synthetic(world).values()
    assert record["item_ids"] == ["s1", "s4"]


def test_synthetic_positives_weigh_as_many_as_real_lists_have_with_so_few_negatives(world):
    world.rows["marts.fct_exposures"].clear()
    world.statistic("shoe", "shoe", 50)
    # Four unclicked real rows for a clicked one; the list has two others of the category.
    world.request("search2", "other", at(2), ["s4", "s5", "s6", "s7", "l7"], clicked=["s4"], query="any")
    world.request("feed2", "u", at(12), ["s0", "s1", "s2", "l0"], domain="feed", clicked=["s1"])
    (record,) = synthetic(world).values()
    half = policy().weights.synthetic
    weights = {item: row["label_weight"] for item, row in record["items"].items()}
    assert weights == {"s0": pytest.approx(half), "s1": pytest.approx(half * 2 / 4), "s2": pytest.approx(half)}
    (record,) = synthetic(world, plan(policy(searchification={"positive_rate": "keep"}))).values()
    assert record["label_weight"] == pytest.approx([half] * 3)


def lists_of(world, num_lists, shown, clicked, *, query=None, hour, prefix):
    """As many lists, of a user each; ``clicked(k)`` names what is clicked in list k."""
    domain = "search" if query else "feed"
    for k in range(num_lists):
        world.request(
            f"{prefix}{k}", f"{prefix}u{k}", at(hour), shown, query=query, domain=domain, clicked=[clicked(k)]
        )


def pair_odds(made, of, other):
    """Pairs of a clicked ``of`` and an unclicked ``other`` of one list, over the reverse; kinds by first letter."""
    pairs = Counter()
    for record in made.values():
        rows = [(item[0], row["is_clicked"]) for item, row in record["items"].items()]
        (clicked,) = (kind for kind, is_clicked in rows if is_clicked)
        pairs[clicked] += sum(kind != clicked and not is_clicked for kind, is_clicked in rows)
    return pairs[of] / pairs[other]


def test_words_tell_as_much_in_synthetic_lists_as_in_real_ones():
    """Searchers click shoes with the word three times as often; visitors of the feed click either as often."""
    w = World()
    shown = [*(f"r{k}" for k in range(4)), *(f"o{k}" for k in range(4))]
    for item in shown:
        w.item(item, "shoe", f"{'red' if item[0] == 'r' else 'old'} shoe")
    w.statistic("red shoe", "shoe", 50)
    lists_of(w, 800, shown, lambda k: f"{'o' if k % 4 == 0 else 'r'}{k % 3}", query="red shoe", hour=8, prefix="s")
    lists_of(w, 400, shown, lambda k: f"{'o' if k % 2 else 'r'}{k % 3}", hour=12, prefix="f")
    made = synthetic(w, plan(policy(searchification={"tiers": (2,)})))
    # 3 in searches, 1 in the feed.
    assert 2.5 <= pair_odds(made, "r", "o") <= 4


def test_the_category_meant_tells_as_much_in_synthetic_lists_as_in_real_ones():
    """The query means shoes and some of its clicks go to boots, which are clicked half as often."""
    w = World()
    shown = [*(f"s{k}" for k in range(4)), *(f"b{k}" for k in range(4))]
    for item in shown:
        w.item(item, "shoe" if item[0] == "s" else "boot", "red thing")
    w.statistic("red", "shoe", 60)
    w.statistic("red", "boot", 30)
    lists_of(w, 600, shown, lambda k: f"{'b' if k % 3 == 0 else 's'}{k % 4}", query="red", hour=8, prefix="s")
    lists_of(w, 400, shown, lambda k: f"{'b' if k % 2 else 's'}{k % 3}", hour=12, prefix="f")
    made = synthetic(w, plan(policy(searchification={"tiers": (2,)})))
    # 2 in searches, 1 in the feed.
    assert 1.6 <= pair_odds(made, "s", "b") <= 2.5


def test_a_click_among_items_that_do_not_fit_makes_no_request(world):
    world.statistic("popular shoe", "shoe", 50)
    world.rows["marts.fct_exposures"].clear()
    world.request("feed", "u", at(12), ["s1", "l0", "l1"], domain="feed", clicked=["s1"])
    assert synthetic(world) == {}


def test_unknown_items_and_missing_categories_and_titles_do_no_harm(world):
    world.statistic("popular shoe", "shoe", 50)
    world.item("nocat", None, None)
    world.item("new", "shoe", "shoe", recorded_at=at(13))
    world.item("notitle", "shoe", None)
    items = ["nocat", "new", "never", "notitle"]
    world.request("feed2", "u", at(12), items, domain="feed", clicked=["nocat", "new", "never"])
    world.request("feed3", "u", at(12), ["s0", "nocat", "notitle"], domain="feed", clicked=["s0"])
    made = synthetic(world)
    assert set(made) == {"feed~sshoe", "feed3~sshoe"}
    assert made["feed3~sshoe"]["item_ids"] == ["s0", "notitle"]


def test_an_item_that_became_known_in_the_morning_is_known_in_the_lists_of_the_day(world):
    world.statistic("popular shoe", "shoe", 50)
    world.item("new", "shoe", "shoe", recorded_at=at(1))
    world.request("feed2", "u", at(12), ["new", "s0"], domain="feed", clicked=["new"])
    assert synthetic(world)["feed2~sshoe"]["item_ids"] == ["new", "s0"]


def test_synthetic_rows_say_what_they_are(world):
    world.statistic("popular shoe", "shoe", 50)
    (record,) = synthetic(world).values()
    assert (record["request_id"], record["domain"], record["user_id"]) == ("feed", "feed", "u")
    assert set(record["provenance"]) == {"synthetic"}
    assert record["label_weight"] == pytest.approx([policy().weights.synthetic] * 2)
    assert record["items"]["s1"]["action_ids"] == "feed-s1"
    assert record["items"]["s0"]["action_ids"] is None
    assert set(record["inclusion_probability"]) == {1}
