"""Stage A of the samples, over random candidate lists."""

import random
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from support_es3 import World, at, plan, policy, records

REQUEST = st.tuples(
    st.integers(0, 6),  # shown
    st.integers(0, 20),  # not shown
    st.sets(st.integers(0, 25), max_size=6),  # items that attribution found, some beyond the list
)


def world_of(requests, shuffle=None):
    world = World()
    for number, (num_shown, num_unshown, found) in enumerate(requests):
        items = [f"i{k}" for k in range(num_shown + num_unshown)]
        world.request(f"r{number}", "u", at(9), items[:num_shown], items[num_shown:], query="q")
        for k in found:
            if k < len(items):
                target = "exposed" if k < num_shown else "unexposed"
                world.attribution(f"a{number}-{k}", "click", f"r{number}", items[k], target=target)
    if shuffle is not None:
        for rows in world.rows.values():
            random.Random(shuffle).shuffle(rows)
    return world


@settings(max_examples=30, deadline=None)
@given(requests=st.lists(REQUEST, min_size=1, max_size=6), ratio=st.sampled_from([0, 0.5, 1, 2, 3.3]))
def test_a_sample_holds_what_was_shown_what_was_found_and_its_quota(requests, ratio):
    made = records(world_of(requests), plan(policy(unexposed={"ratio": ratio})))
    for number, (num_shown, num_unshown, found) in enumerate(requests):
        shown = {f"i{k}" for k in range(num_shown)}
        pool = {f"i{k}" for k in range(num_shown, num_shown + num_unshown)}
        forced = {f"i{k}" for k in found} & pool
        record = made.get(f"r{number}")
        items = record["items"] if record else {}
        fill = {i for i, row in items.items() if row["provenance"] == "unexposed"}
        quota = max(0, int(ratio * num_shown + 0.5) - len(forced))
        assert shown | forced == set(items) - fill
        assert len(fill) == min(quota, len(pool - forced))
        assert len(items) == len(record["item_ids"] if record else [])
        for item, row in items.items():
            wanted = min(1, quota / len(pool - forced)) if item in fill else 1
            assert row["inclusion_probability"] == wanted


@settings(max_examples=10, deadline=None)
@given(requests=st.lists(REQUEST, min_size=1, max_size=5), shuffle=st.integers(0, 99))
def test_the_order_of_the_input_does_not_matter(requests, shuffle):
    assert records(world_of(requests)) == records(world_of(requests, shuffle))


def test_rows_are_drawn_as_often_as_their_inclusion_probability_says():
    requests = [(2, 11, {2})] * 400
    drawn = Counter()
    for record in records(world_of(requests)).values():
        drawn.update(item for item, row in record["items"].items() if row["provenance"] == "unexposed")
    assert set(drawn) == {f"i{k}" for k in range(3, 13)}
    # 3 of 10 are drawn: 120 of 400 expected, standard deviation 9.2.
    assert all(80 <= count <= 160 for count in drawn.values())
    assert sum(drawn.values()) == 400 * 3


def test_another_seed_draws_other_rows():
    requests = [(3, 20, set())] * 5
    one, other = (records(world_of(requests), plan(seed=seed)) for seed in (1, 2))
    assert [r["item_ids"] for r in one.values()] != [r["item_ids"] for r in other.values()]
