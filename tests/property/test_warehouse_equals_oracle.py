"""Random small logs, many users in one build, against the definitions in plain Python."""

from datetime import timedelta

import pytest
import yaml

from tests.oracle_warehouse import Oracle, midnight, normalised
from tests.support_random_log import ITEMS, random_log
from tests.support_warehouse import day, rows
from uniscale.config import load_settings
from uniscale.contracts.days import run_days
from uniscale.contracts.policy import DEFAULT_POLICY, load_policy
from uniscale.lake import Lake
from uniscale.warehouse.build import build_marts

DS = day(9)
TRAIN_DAYS, EVAL_DAYS, FEATURE_DAYS = 3, 1, 3
POLICIES = {
    "papers": {
        "click": {"window_hours": 24},
        "purchase": {"window_hours": 72},
    },
    "every option": {
        "click": {
            "window_hours": 24,
            "targets": ["clicked", "exposed_unclicked"],
            "tie": "earliest",
            "before_request_hours": 6,
        },
        "purchase": {
            "window_hours": 72,
            "targets": ["unexposed", "exposed"],
            "match": "cluster",
            "cluster_attribute": "product",
        },
    },
}


@pytest.fixture(scope="module", params=POLICIES)
def case(request, tmp_path_factory):
    """A built lake and the oracle of its log."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("oracle")
        content = yaml.safe_load(DEFAULT_POLICY.read_text())
        content["version"] = request.param
        content["searchification"]["history_days"] = 3
        for action, values in POLICIES[request.param].items():
            content["attribution"][action].update(values)
        (home / "policy.yaml").write_text(yaml.safe_dump(content))
        patch.chdir(home)
        patch.setenv("UNISCALE_HOME", str(home / "home"))
        settings = load_settings()
        settings.policy = home / "policy.yaml"
        settings.window.train_days = TRAIN_DAYS
        settings.window.eval_days = EVAL_DAYS
        settings.window.feature_days = FEATURE_DAYS
        lake = Lake(settings)
        log = random_log(seed=1)
        log.land(lake)
        # The day before first: what an incremental run leaves in the lake must not differ from a build at once.
        build_marts(settings, lake, DS - timedelta(days=1))
        build_marts(settings, lake, DS)
        policy = load_policy(settings.policy)
        yield lake, Oracle(log, policy, feature_days=FEATURE_DAYS), policy


def calendar(policy):
    return run_days(DS, train_days=TRAIN_DAYS, eval_days=EVAL_DAYS, window_days=policy.attribution.window_days)


def feature_days():
    return [DS - timedelta(days=back) for back in range(TRAIN_DAYS, -EVAL_DAYS, -1)]


def test_exposures_carry_the_native_labels_known_at_label_as_of(case):
    lake, oracle, policy = case
    days = calendar(policy)

    found = rows(
        lake,
        "select request_id, item_id, is_clicked, is_carted, is_purchased, purchase_value from marts.fct_exposures "
        f"where ds between date '{days[0].ds}' and date '{days[-1].ds}'",
    )

    assert set(found) == oracle.exposures(days)
    assert len(found) > 50
    assert len({row[2:5] for row in found}) > 3


def test_attributions_equal_brute_force(case):
    lake, oracle, policy = case
    days = calendar(policy)

    found = rows(
        lake,
        "select ds, action_id, request_id, item_id, target, action_value, round(delay_hours, 9) "
        f"from marts.fct_attributions where ds between date '{days[0].ds}' and date '{days[-1].ds}'",
    )

    assert set(found) == oracle.attributions(days)
    assert len(found) == len({row[1] for row in found}), "an outside event labels at most one row"
    targets = {*policy.attribution.click.targets, *policy.attribution.purchase.targets}
    assert {row[4] for row in found} == targets, "the random log reaches every branch"


def test_query_statistics_equal_brute_force(case):
    lake, oracle, policy = case
    total = 0
    for ds in (one.ds for one in calendar(policy) if one.split == "train"):
        found = rows(
            lake,
            "select query_text, category_id, num_clicks, num_query_clicks, num_category_clicks, round(confidence, 9) "
            f"from marts.query_item_stats where ds = date '{ds}'",
        )
        assert set(found) == oracle.query_stats(ds, policy.searchification.history_days)
        total += len(found)
    assert total > 5


def as_served(lake, table, key, columns, ds):
    """What a point-in-time join at the end of a day finds: the newest version of each entity, from the run's days."""
    found = rows(
        lake,
        f"select {key}, {columns} from features.{table} where ds between date '{feature_days()[0]}' and date '{ds}' "
        f"qualify row_number() over (partition by {key} order by feature_at desc) = 1",
    )
    return {row[0]: row[1:] for row in found}


def test_user_features_hold_what_was_known_when_the_day_ended(case):
    lake, oracle, _ = case
    for ds in feature_days():
        end = midnight(ds + timedelta(days=1))
        served = as_served(
            lake,
            "user_features",
            "user_id",
            "user_attributes, user_num_requests, user_num_clicks, user_num_purchases, round(user_mean_log_price, 6)",
            ds,
        )
        for user_id in {user["user_id"] for user in oracle.log.users} | {r["user_id"] for r in oracle.log.requests}:
            version = oracle.version(oracle.log.users, "user_id", user_id, before=end)
            seen = any(r["user_id"] == user_id and r["ds"] <= ds for r in oracle.log.requests) or any(
                action["user_id"] == user_id for action in oracle.known_actions(ds)
            )
            assert (user_id in served) == (version is not None or seen)
            if user_id in served:
                facts = [f"{name}={value}" for name, value in version["attributes"]] if version else []
                assert served[user_id] == (facts, *oracle.user_counts(ds, user_id))


def test_item_features_hold_what_was_known_when_the_day_ended(case):
    lake, oracle, _ = case
    for ds in feature_days():
        end = midnight(ds + timedelta(days=1))
        counts, mean = oracle.item_counts(ds)
        served = as_served(
            lake,
            "item_features",
            "item_id",
            "ds, category_id, price, item_num_exposures, item_num_clicks, item_num_purchases, "
            "item_num_outside_clicks, round(item_ctr, 9)",
            ds,
        )
        assert set(served) == set(ITEMS)
        for item_id in ITEMS:
            stored_ds, category_id, price, *numbers, rate = served[item_id]
            version = oracle.version(oracle.log.items, "item_id", item_id, before=end)
            assert (category_id, price) == ((version["category_id"], version["price"]) if version else (None, None))
            assert numbers == counts[item_id]
            if stored_ds == ds:
                assert rate == oracle.rate(numbers[1], numbers[0], mean)


def test_query_features_hold_what_was_known_when_the_day_ended(case):
    lake, oracle, _ = case
    for ds in feature_days():
        expected, _ = oracle.query_counts(ds)
        served = as_served(
            lake, "query_features", "query_text", "query_num_requests, query_num_clicks, round(query_ctr, 9)", ds
        )
        seen = {
            normalised(request["query_text"])
            for request in oracle.log.requests
            if request["ds"] <= ds and request["domain"] == "search"
        } - {None}
        assert set(served) == seen
        for query in seen:
            assert served[query][:2] == expected.get(query, (0, 0))[:2]


def test_sequences_hold_the_last_actions_known_when_the_day_ended(case):
    lake, oracle, _ = case
    lengths = set()
    for ds in feature_days():
        served = as_served(
            lake,
            "user_sequences",
            "user_id",
            "ds, history_items, history_categories, history_brands, history_actions, history_domains, history_acted_at",
            ds,
        )
        users = {action["user_id"] for action in oracle.known_actions(ds)}
        assert set(served) == users
        for user_id in users:
            stored_ds, *lists = served[user_id]
            assert list(zip(*lists, strict=True)) == oracle.sequence(stored_ds, user_id)
            lengths.add(len(lists[0]))
            same = [act[0:1] + act[3:] for act in oracle.sequence(ds, user_id)]
            assert [act[0:1] + act[3:] for act in zip(*lists, strict=True)] == same
    assert max(lengths) > 8
