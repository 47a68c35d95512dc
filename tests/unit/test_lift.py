"""Lift: the share of labels that a search is behind, from what happened to its items before it and after it."""

import random
from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest
from support_es3 import DAY, YESTERDAY, World, at, plan, policy

from uniscale.contracts.marts import OUTSIDE_ACTIONS
from uniscale.es3.build import sample_keys
from uniscale.es3.days import compute_day, prepare
from uniscale.es3.lift import GAPS, PRIOR_ACTIONS, measure_lift
from uniscale.es3.products import ES3_SAMPLES
from uniscale.lake.contents import Contents

BY_LIFT = policy(attribution={"weight": "lift"})


def lifts(lake, days_back=1):
    """What is measured for a day of three training days; the log begins two days before them."""
    the_plan = plan(BY_LIFT, train_days=3)
    with lake.read() as con:
        prepare(con, the_plan)
        return [lift for lift in measure_lift(con, the_plan, the_plan.days[-1 - days_back]) if lift.num_after]


@pytest.fixture
def world():
    """A search at noon of the middle day; its user saw a and b, not c."""
    made = World()
    made.request("old", "nobody", at(0, -4), "z")
    made.request("r", "u", at(12, -1), "ab", "c", query="shoe")
    return made


def test_actions_in_excess_of_those_before_the_search_are_its_lift(world, lake):
    for number, hours in enumerate((0.5, 0.6, 0.7, -0.5)):
        world.action(f"a{number}", "click", "u", "a", at=at(12 + hours, -1), request_id=None)
    world.action("c", "purchase", "u", "c", at=at(14, -1), request_id=None, domain="shop", value=3)
    world.write(lake)

    click, purchase = lifts(lake)

    assert (click.action, click.domain, click.is_exposed, click.from_hours, click.to_hours) == (
        "click",
        "feed",
        True,
        0,
        1,
    )
    assert (click.num_after, click.num_before) == (3, 1)
    assert click.share == pytest.approx((2 + PRIOR_ACTIONS * 2 / 3) / (3 + PRIOR_ACTIONS), abs=1e-3)
    assert (purchase.is_exposed, purchase.from_hours, purchase.share) == (False, 1, 1)


def test_a_search_that_changes_nothing_has_no_lift(world, lake):
    for number in range(60):
        for sign in (1, -1):
            when = at(12 + sign * (0.1 + number / 100), -1)
            world.action(f"{sign}{number}", "click", "u", "b", at=when, request_id=None)
    world.write(lake)

    assert [(lift.num_after, lift.num_before, lift.share) for lift in lifts(lake)] == [(60, 60, 0)]


def test_native_actions_carts_other_users_and_items_of_no_list_do_not_count(world, lake):
    world.action("native", "click", "u", "a", at=at(12.1, -1), request_id="r", domain="search")
    world.action("cart", "cart", "u", "a", at=at(12.1, -1), request_id=None)
    world.action("other", "click", "v", "a", at=at(12.1, -1), request_id=None)
    world.action("elsewhere", "click", "u", "z", at=at(12.1, -1), request_id=None)
    world.write(lake)

    assert lifts(lake) == []


def test_a_gap_is_measured_only_where_the_log_reaches_as_far_on_both_sides(lake):
    world = World()
    world.request("old", "nobody", at(1, -2), "z")
    world.request("first", "u", at(2, -2), "a", query="shoe")
    world.request("last", "v", at(23.5), "a", query="shoe")
    world.action("early", "click", "u", "a", at=at(2.5, -2), request_id=None)
    world.action("far", "click", "u", "a", at=at(6, -2), request_id=None)
    world.action("late", "click", "v", "a", at=at(23.9), request_id=None)
    world.write(lake)

    assert [(lift.from_hours, lift.num_after) for lift in lifts(lake, days_back=2)] == [(0, 1)]
    assert lifts(lake, days_back=0) == []


def test_a_gap_that_cannot_be_measured_yet_has_the_share_of_all_that_can(lake):
    world = World()
    world.request("old", "nobody", at(0, -9), "z")
    world.request("r", "u", at(12), "a", query="shoe")
    for number, hours in enumerate((0.5, 0.6, 2, -0.5)):
        world.action(f"a{number}", "click", "u", "a", at=at(12 + hours), request_id=None)
    world.write(lake)
    the_plan = plan(BY_LIFT)
    with lake.read() as con:
        prepare(con, the_plan)
        found = {(lift.is_exposed, lift.from_hours): lift for lift in measure_lift(con, the_plan, the_plan.days[0])}

    overall = (3 - 1) / 3
    assert {(shown, gap) for shown, gap in found} == {(shown, gap) for shown in (True, False) for gap in GAPS[:-1]}
    assert (found[True, 24].num_after, found[True, 24].share) == (0, pytest.approx(overall, abs=1e-3))
    assert found[True, 0].share == pytest.approx((1 + PRIOR_ACTIONS * overall) / (2 + PRIOR_ACTIONS), abs=1e-3)


def test_what_happens_after_a_day_is_final_changes_nothing_of_it(lake):
    def measured():
        with lake.read() as con:
            prepare(con, the_plan)
            return measure_lift(con, the_plan, the_plan.days[0])

    the_plan, world = plan(BY_LIFT), World()
    world.request("old", "nobody", at(0, -4), "z")
    world.request("r", "u", at(12), "ab", query="shoe")
    world.action("a", "click", "u", "a", at=at(13), request_id=None)
    world.write(lake)
    before = measured()
    world.request("next", "u", at(12, 1), "ab", query="shoe")
    world.action("b", "click", "u", "b", at=at(11, 1), request_id=None)
    world.write(lake)
    assert measured() == before != ()


def test_counts_equal_plain_python_on_random_logs(lake):
    rng, world, searches, acts = random.Random(4), World(), [], []
    world.request("old", "nobody", at(0, -9), "z")
    for number in range(40):
        user, when = rng.choice("uvw"), at(rng.uniform(0, 72), -2)
        shown, unshown = rng.sample("abcdef", 4), []
        shown, unshown = shown[:2], shown[2:]
        world.request(f"r{number}", user, when, shown, unshown, query="shoe")
        searches += [(user, item, when, item in shown) for item in (*shown, *unshown)]
    for number in range(400):
        act = (
            rng.choice("uvw"),
            rng.choice("abcdef"),
            at(rng.uniform(-100, 71), -2),
            rng.choice(["click", "purchase"]),
        )
        acts.append(act)
        world.action(f"a{number}", act[3], act[0], act[1], at=act[2], request_id=None, value=1)
    world.write(lake)

    expected = Counter()
    start, known = at(0, -2) - timedelta(days=BY_LIFT.attribution.window_days), at(24)
    for user, item, when, action in acts:
        mine = [
            (moment, shown)
            for owner, held, moment, shown in searches
            if (owner, held) == (user, item) and at(0, -1) <= moment < at(24, -1)
        ]
        before = [entry for entry in mine if entry[0] <= when]
        after = [entry for entry in mine if entry[0] > when]
        for side, entry in (("after", max(before, default=None)), ("before", min(after, default=None))):
            if entry is None:
                continue
            hours = abs((when - entry[0]).total_seconds()) / 3600
            for low, high in pairwise(GAPS):
                reach = timedelta(hours=high)
                if low <= hours < high and start + reach <= entry[0] <= known - reach:
                    expected[action, entry[1], low, side] += 1
    found = lifts(lake)

    assert len(found) > 8
    for lift in found:
        key = (lift.action, lift.is_exposed, lift.from_hours)
        assert (lift.num_after, lift.num_before) == (expected[*key, "after"], expected[*key, "before"]), key
    assert sum(lift.num_after for lift in found) == sum(n for key, n in expected.items() if key[3] == "after")


def test_labels_weigh_by_lift_only_where_the_policy_says_so():
    weights = {}
    for word in ("rule", "lift"):
        world = World()
        world.request("old", "nobody", at(0, -4), "z")
        world.item("a", "c", "shoe")
        world.request("r", "u", at(12), "ab", "c", query="shoe")
        for number in range(30):
            world.action(f"b{number}", "click", "u", "a", at=at(10.5 + number / 100), request_id=None)
            world.action(f"a{number}", "click", "u", "a", at=at(13.1 + number / 100), request_id=None)
        world.attribution("a0", "click", "r", "a")
        the_plan = plan(policy(attribution={"weight": word}))
        con = world.connection()
        prepare(con, the_plan)
        compute_day(con, the_plan, the_plan.days[0], searchify=False)
        items, label_weights, provenance = con.execute(
            "select item_ids, label_weight, provenance from records where sample_id = 'r'"
        ).fetchall()[0]
        assert provenance[0] == "attributed_exposed"
        weights[word] = dict(zip(items, label_weights, strict=True))
    assert weights["rule"]["a"] == 1
    assert weights["lift"]["a"] == 0
    assert weights["rule"]["b"] == weights["lift"]["b"]


@pytest.mark.parametrize("word", ["rule", "lift"])
def test_a_day_is_made_again_for_what_was_done_before_it_only_where_labels_weigh_by_lift(settings, word):
    the_plan = plan(policy(attribution={"weight": word}))

    def key(of_the_day_before):
        held = {read.table.qualified: {} for read in ES3_SAMPLES.reads}
        contents = Contents({**held, OUTSIDE_ACTIONS.qualified: {YESTERDAY.date(): of_the_day_before}})
        return sample_keys(settings, the_plan, contents, {DAY: {}})[DAY]

    assert (key("made") != key("made again")) is (word == "lift")
