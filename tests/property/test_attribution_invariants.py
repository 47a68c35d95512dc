"""What attribution promises whatever the log and the policy: the compiled SQL against random logs and brute force."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.oracle_warehouse import Oracle
from tests.support_compiled import CompiledMarts, final_days, policy_with
from tests.support_es3 import World, plan, records
from tests.support_random_log import crawler_log, random_log, together
from tests.support_warehouse import Log, day
from uniscale.config import load_settings
from uniscale.contracts.days import run_days

FIRST, NUM_DAYS = day(4), 8
SEEDS = range(16)
"""Of the logs that are held against the definitions; no user or item of one is in another, so all run at once."""
CLUSTER = {"match": "cluster", "cluster_attribute": "product"}
CLICKED_FIRST = {"click": ["clicked", "exposed_unclicked"], "purchase": ["unexposed", "exposed"]}
RULES = {
    "default": {"click": {}, "purchase": {"window_hours": 72}},
    "default, longer": {"click": {"window_hours": 90}, "purchase": {"window_hours": 120}},
    "earliest": {
        "click": {"tie": "earliest", "targets": CLICKED_FIRST["click"]},
        "purchase": {"window_hours": 72, "tie": "earliest", "targets": CLICKED_FIRST["purchase"]},
    },
    "clusters": {"click": {"window_hours": 72, **CLUSTER}, "purchase": {**CLUSTER, "tie": "earliest"}},
    "before": {
        "click": {"before_request_hours": 6, **CLUSTER},
        "purchase": {"window_hours": 72, "before_request_hours": 30, "tie": "earliest"},
    },
    "before, longer": {
        "click": {"window_hours": 90, "before_request_hours": 30, **CLUSTER},
        "purchase": {"window_hours": 120, "before_request_hours": 48, "tie": "earliest"},
    },
}
LONGER = [("default", "default, longer"), ("before", "before, longer")]


@pytest.fixture(scope="module")
def both():
    return together({f"{seed:02}": random_log(seed, num_users=12) for seed in SEEDS})


@pytest.fixture(scope="module")
def logs(both):
    """Each log alone."""
    return list(both[0].values())


@pytest.fixture(scope="module")
def log(both):
    """All of them in one."""
    return both[1]


@pytest.fixture(scope="module")
def marts(tmp_path_factory):
    """The compiled SQL of every policy, all days final."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("compiled")
        patch.chdir(home)
        patch.setenv("UNISCALE_HOME", str(home))
        settings = load_settings()
        policies = {name: policy_with(**rules) for name, rules in RULES.items()}
        yield {
            name: CompiledMarts(settings, policy, final_days(FIRST, NUM_DAYS, policy))
            for name, policy in policies.items()
        }


@pytest.fixture(scope="module")
def young(tmp_path_factory):
    """The compiled SQL of a run whose last days still wait for labels."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("young")
        patch.chdir(home)
        patch.setenv("UNISCALE_HOME", str(home))
        policy = policy_with(**RULES["before"])
        days = run_days(day(9), train_days=4, eval_days=1, window_days=policy.attribution.window_days)
        yield CompiledMarts(load_settings(), policy, list(days))


@pytest.fixture(scope="module")
def built(marts, log):
    """Rows of both marts, by policy."""
    return {name: compiled.run(log) for name, compiled in marts.items()}


def as_oracle_writes(attributions):
    columns = ("ds", "action_id", "request_id", "item_id", "target", "action_value")
    return {(*(row[column] for column in columns), round(row["delay_hours"], 9)) for row in attributions}


def by_brute_force(logs, policy, days):
    return set().union(*(Oracle(one, policy).attributions(days) for one in logs))


@pytest.mark.parametrize("name", RULES)
def test_every_label_is_the_one_brute_force_finds(name, marts, built, logs):
    policy = marts[name].policy
    found = as_oracle_writes(built[name]["fct_attributions"])
    assert found == by_brute_force(logs, policy, marts[name].days)
    assert {row[4] for row in found} == {*policy.attribution.click.targets, *policy.attribution.purchase.targets}
    assert {row[1][:2] for row in found} == {f"{seed:02}" for seed in SEEDS}, "every log has labels"


@pytest.mark.parametrize("name", RULES)
def test_every_label_of_a_crawler_is_the_one_brute_force_finds(name, marts):
    policy, days = marts[name].policy, marts[name].days
    for seed in range(3):
        log = crawler_log(seed)
        found = as_oracle_writes(marts[name].run(log)["fct_attributions"])
        assert found == Oracle(log, policy).attributions(days), f"seed {seed}"
        assert len(found) > 50


def test_labels_of_days_that_still_wait_are_the_ones_brute_force_finds(young, logs, log):
    assert {one.is_final for one in young.days} == {False}
    found = as_oracle_writes(young.run(log)["fct_attributions"])
    assert found == by_brute_force(logs, young.policy, young.days)


@pytest.mark.parametrize("name", RULES)
def test_an_outside_action_labels_at_most_one_row(name, built):
    uses = Counter(row["action_id"] for row in built[name]["fct_attributions"])
    assert max(uses.values()) == 1


@pytest.mark.parametrize("name", RULES)
def test_no_label_comes_from_outside_its_window_or_from_before_its_request(name, marts, built, log):
    actions = {action["action_id"]: action for action in log.actions}
    requests = {request["request_id"]: request for request in log.requests}
    delays = []
    for row in built[name]["fct_attributions"]:
        rule = getattr(marts[name].policy.attribution, row["action"])
        delay = actions[row["action_id"]]["acted_at"] - requests[row["request_id"]]["requested_at"]
        assert -timedelta(hours=rule.before_request_hours) <= delay <= timedelta(hours=rule.window_hours)
        delays.append(delay)
    assert (min(delays) < timedelta(0)) == name.startswith("before"), "only a policy that says so looks back"


@pytest.mark.parametrize(("short", "long"), LONGER, ids=["default", "before"])
def test_a_longer_window_never_loses_a_labelling_action(short, long, marts, built, log):
    """Of actions that become known within lateness_days: a later one may miss the older day it moves to."""
    lateness = timedelta(days=marts[short].policy.attribution.lateness_days)
    timely = {act["action_id"] for act in log.actions if act["recorded_at"] - act["acted_at"] <= lateness}
    labelling, still = ({row["action_id"] for row in built[name]["fct_attributions"]} for name in (short, long))
    assert labelling & timely <= still
    assert len(still - labelling) > 50


@pytest.mark.parametrize("name", ["default", "clusters", "before"])
def test_later_days_never_change_a_final_day(name, marts, built, log):
    dropped = compared = 0
    for one in marts[name].days[:2]:
        known = known_at(log, one.label_as_of)
        dropped += len(log.actions) - len(known.actions)
        for mart, kept in marts[name].run(known).items():
            mine, all_of_it = ([row for row in found if row["ds"] == one.ds] for found in (kept, built[name][mart]))
            assert in_order(mine) == in_order(all_of_it)
            compared += len(mine)
    assert dropped > 100
    assert compared > 100


def known_at(log, as_of) -> Log:
    """What a lake held at a time."""
    return replace(
        log,
        users=[row for row in log.users if row["recorded_at"] < as_of],
        items=[row for row in log.items if row["recorded_at"] < as_of],
        requests=[row for row in log.requests if row["requested_at"] < as_of],
        candidates=[row for row in log.candidates if row["ds"] < as_of.date()],
        actions=[row for row in log.actions if row["recorded_at"] < as_of],
    )


@pytest.mark.parametrize("name", RULES)
def test_the_order_of_the_input_does_not_matter_and_a_second_run_gives_the_same_rows(name, marts, built, log):
    for order in (None, 1, 2):
        for mart, found in marts[name].run(log, order=order).items():
            assert in_order(found) == in_order(built[name][mart])


def in_order(rows):
    return sorted(map(repr, rows))


@pytest.fixture(scope="module")
def sampled(marts, built, log):
    """Samples of three days, by policy."""
    return {
        name: [
            record
            for one in compiled.days[1:4]
            for record in records(world_of(log, built[name]), a_plan(compiled, one)).values()
        ]
        for name, compiled in marts.items()
    }


@pytest.mark.parametrize("name", RULES)
def test_a_purchase_implies_a_click_in_exposures_and_in_the_labels_of_samples(name, built, sampled):
    assert all(row["is_clicked"] for row in built[name]["fct_exposures"] if row["is_purchased"])
    items = [item for record in sampled[name] for item in record["items"].values()]
    assert all(item["is_clicked"] or not item["is_purchased"] for item in items)
    bought = [item for item in items if item["is_purchased"] and item["provenance"].startswith("attributed")]
    assert bought, "attributed purchases reach the samples"


@pytest.mark.parametrize("name", RULES)
def test_carts_of_samples_are_the_native_ones_of_their_request(name, built, sampled):
    native = {(row["request_id"], row["item_id"]): row["is_carted"] for row in built[name]["fct_exposures"]}
    carted = Counter()
    for record in sampled[name]:
        for item_id, item in record["items"].items():
            assert item["is_carted"] == native[record["request_id"], item_id]
            carted[item["provenance"]] += item["is_carted"]
    assert carted["native"] > 0 and carted["synthetic"] + carted["attributed_exposed"] > 0


def world_of(log, rows) -> World:
    world = World()
    for name in ("requests", "candidates", "actions"):
        world.rows[f"raw.{name}"] = getattr(log, name)
    world.rows["raw.items"] = [{**item, "attributes": None} for item in log.items]
    for mart, found in rows.items():
        world.rows[f"marts.{mart}"] = found
    return world


def a_plan(compiled, one):
    return replace(plan(compiled.policy, ds=one.ds), days=(replace(one, split="train"),))
