"""How labels grow with age, and what a young label weighs."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support_es3 import DAY, World, at, plan, policy

from uniscale.contracts.days import Day, midnight_after
from uniscale.es3.days import compute_day, prepare
from uniscale.es3.maturity import Growth, chain_ladder, label_factors, measure_growth
from uniscale.es3.plan import Plan


def days(*counts):
    return {date(2026, 1, 1) + timedelta(days=k): known for k, known in enumerate(counts)}


def test_growth_is_taken_from_all_days_that_have_reached_the_next_age():
    # Age 0 to 1: (12 + 6) / (10 + 5); age 1 to 2: 15 / 12. The youngest day has only begun.
    growth = chain_ladder(days([10, 12, 15], [5, 6], [7]), window_days=2)
    assert growth.known == pytest.approx((1 / (18 / 15 * 15 / 12), 12 / 15, 1))
    assert (growth.observed_to, growth.labels) == (2, 15 + 6 + 7)


def test_growth_that_no_day_has_shown_yet_is_none():
    growth = chain_ladder(days([10, 12], [5]), window_days=4)
    assert growth.known == pytest.approx((10 / 12, 1, 1, 1, 1))
    assert growth.observed_to == 1


def test_no_label_at_all_is_no_growth():
    assert chain_ladder({}, window_days=3) == Growth(known=(1, 1, 1, 1), observed_to=0, labels=0)


@given(
    shares=st.lists(st.integers(1, 9), min_size=2, max_size=6),
    sizes=st.lists(st.integers(1, 50), min_size=6, max_size=6),
)
def test_days_that_grow_alike_tell_their_common_growth_however_many_are_young(shares, sizes):
    total = sum(shares)
    curve = [sum(shares[: age + 1]) for age in range(len(shares))]
    triangle = days(*([size * known for known in curve[: len(curve) - young]] for young, size in enumerate(sizes)))
    growth = chain_ladder({day: known for day, known in triangle.items() if known}, window_days=len(curve) - 1)
    assert growth.known == pytest.approx([known / total for known in curve])


def test_a_label_stands_for_itself_and_those_to_come_up_to_the_bound():
    growth = Growth(known=(0.2, 0.5, 0.8, 1.0), observed_to=3, labels=9)
    assert [growth.factor(age, 3) for age in (0, 1, 2, 3, 9)] == [3, 2, 1.25, 1, 1]


def run(young_days="weigh", train_days=3):
    last = DAY
    made = [
        Day(ds=last - timedelta(days=back), split="train", label_as_of=midnight_after(last), is_final=back == 2)
        for back in range(train_days - 1, -1, -1)
    ]
    the_policy = policy(maturity={"young_days": young_days, "max_weight": 3.0})
    return Plan(ds=last, days=tuple(made), policy=the_policy, seed=1, target_domain="search", last_eval_ds=last)


def test_only_young_days_are_weighed_and_only_if_the_policy_says_so():
    growth = {"click": Growth(known=(0.5, 0.8, 1.0), observed_to=2, labels=9)}
    weighed = label_factors(run(), growth)
    assert [weighed[day.ds]["click"] for day in run().days] == [1, 1.25, 2]
    assert {f["click"] for policy_of in ("keep", "wait") for f in label_factors(run(policy_of), growth).values()} == {1}


def world_with_late_labels():
    """Two searches a day apart; the older one's labels came one a day, the younger one's first has come."""
    w = World()
    w.item("i0", "c", "t")
    for k, back in ((0, 1), (1, 0)):
        w.request(f"r{k}", "u", at(9, days=-back), ["i0", "i1"], ["i2", "i3"], query="q")
        for late in range(2):
            recorded = at(20, days=-back + late)
            if recorded < midnight_after(DAY):
                name = f"a{k}{late}"
                w.action(name, "click", "u", f"i{late}", at=at(10, days=-back), request_id=None, recorded_at=recorded)
                ds = DAY - timedelta(days=back)
                w.attribution(name, "click", f"r{k}", f"i{late}", ds=ds, recorded_at=recorded)
    return w


def test_the_growth_of_stored_labels_is_measured_by_the_day_they_became_known():
    con = world_with_late_labels().connection()
    growth = measure_growth(con, plan(train_days=2))
    assert growth["click"].known[:3] == (0.5, 1, 1)
    assert (growth["click"].observed_to, growth["click"].labels) == (1, 3)
    assert growth["purchase"].labels == 0


def test_an_attributed_label_of_a_young_day_weighs_for_those_to_come():
    the_plan = plan(policy(maturity={"young_days": "weigh"}), train_days=2)
    con = world_with_late_labels().connection()
    prepare(con, the_plan)
    factors = label_factors(the_plan, measure_growth(con, the_plan))
    for day in the_plan.days:
        compute_day(con, the_plan, day, growth=factors[day.ds])
    rows = con.execute(
        "select distinct request_id, unnest(provenance) as provenance, unnest(label_weight)::double as weight "
        "from records order by all"
    ).fetchall()
    weights = {(request, provenance): weight for request, provenance, weight in rows}
    attributed = the_plan.policy.weights.attributed_exposed
    assert weights["r0", "attributed_exposed"] == pytest.approx(attributed)
    assert weights["r1", "attributed_exposed"] == pytest.approx(2 * attributed)
    assert weights["r1", "native"] == pytest.approx(the_plan.policy.weights.native)
