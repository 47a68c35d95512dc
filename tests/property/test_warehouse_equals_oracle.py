"""Random small logs, many users in one build, against the definitions in plain Python."""

import random
from datetime import timedelta

import pytest
import yaml

from tests.oracle_features import FeatureOracle
from tests.oracle_warehouse import Oracle
from tests.support_random_log import ITEMS, long_log
from tests.support_warehouse import day, rows
from uniscale.config import load_settings
from uniscale.contracts.daily_counts import DAILY_TABLES
from uniscale.contracts.days import run_days
from uniscale.contracts.features import (
    FEATURE_TABLES,
    FEATURE_WINDOWS,
    ITEM_FEATURES,
    QUERY_FEATURES,
    USER_CATEGORY_FEATURES,
    USER_FEATURES,
    USER_FRESH_ACTIONS,
    USER_SEQUENCES,
)
from uniscale.contracts.inputs import HISTORY_LENGTH
from uniscale.contracts.policy import DEFAULT_POLICY, load_policy
from uniscale.lake import Lake
from uniscale.warehouse.build import build_marts

DS = day(9)
TRAIN_DAYS, EVAL_DAYS = 3, 1
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


def build(home, patch, policy_name, log, runs):
    """A lake of the log after the runs of some days, and its policy."""
    content = yaml.safe_load(DEFAULT_POLICY.read_text())
    content["version"] = policy_name
    content["searchification"]["history_days"] = 3
    for action, values in POLICIES[policy_name].items():
        content["attribution"][action].update(values)
    (home / "policy.yaml").write_text(yaml.safe_dump(content))
    patch.chdir(home)
    patch.setenv("UNISCALE_HOME", str(home / "home"))
    settings = load_settings()
    settings.policy = home / "policy.yaml"
    settings.window.train_days = TRAIN_DAYS
    settings.window.eval_days = EVAL_DAYS
    lake = Lake(settings)
    log.land(lake)
    for ds in runs:
        build_marts(settings, lake, ds)
    return lake, load_policy(settings.policy)


@pytest.fixture(scope="module", params=POLICIES)
def case(request, tmp_path_factory, parsed_project):
    """A built lake, its log and policy."""
    with pytest.MonkeyPatch.context() as patch:
        log = long_log()
        # The day before first: what an incremental run leaves in the lake must not differ from a build at once.
        runs = (DS - timedelta(days=1), DS)
        lake, policy = build(tmp_path_factory.mktemp("oracle"), patch, request.param, log, runs)
        yield lake, log, policy


def calendar(policy):
    return run_days(DS, train_days=TRAIN_DAYS, eval_days=EVAL_DAYS, window_days=policy.attribution.window_days)


def feature_days():
    return [DS - timedelta(days=back) for back in range(TRAIN_DAYS, -EVAL_DAYS, -1)]


def test_exposures_carry_the_native_labels_known_at_label_as_of(case):
    lake, log, policy = case
    oracle = Oracle(log, policy)
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
    lake, log, policy = case
    oracle = Oracle(log, policy)
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
    lake, log, policy = case
    oracle = Oracle(log, policy)
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


def as_served(lake, table, ds):
    """What a point-in-time join at the end of a day finds: each entity's newest version, with its own day."""
    keys, features = ", ".join(table.join_keys), [column.name for column in table.features]
    found = rows(
        lake,
        f"select {keys}, ds, {', '.join(features)} from {table.qualified} "
        f"where ds between date '{feature_days()[0]}' and date '{ds}' "
        f"qualify row_number() over (partition by {keys} order by feature_at desc) = 1",
    )
    num_keys = len(table.join_keys)
    return {
        row[:num_keys] if num_keys > 1 else row[0]: (
            row[num_keys],
            dict(zip(features, row[num_keys + 1 :], strict=True)),
        )
        for row in found
    }


def close(values):
    """Doubles to 9 digits, alone and in lists: what two orders of one sum may differ by is not a difference."""
    if isinstance(values, dict):
        return {name: close(value) for name, value in values.items()}
    if isinstance(values, list):
        return [close(value) for value in values]
    return round(values, 9) if isinstance(values, float) else values


def without(features, names):
    return {name: value for name, value in features.items() if name not in names}


def test_user_features_hold_what_was_known_when_the_day_ended(case):
    lake, log, policy = case
    oracle = FeatureOracle(log, policy)
    fallen = set()
    for ds in feature_days():
        served = as_served(lake, USER_FEATURES, ds)
        assert set(served) == oracle.users(ds)
        for user_id, (_, features) in served.items():
            expected = oracle.user(ds, user_id)
            assert round(features.pop("user_mean_log_price") or 0, 6) == round(
                expected.pop("user_mean_log_price") or 0, 6
            )
            assert close(features) == close(expected), (ds, user_id)
            fallen |= {
                days
                for days, longer in ((1, 7), (7, 30))
                if expected[f"user_num_clicks_{days}d"] < expected[f"user_num_clicks_{longer}d"]
            }
    assert fallen == {1, 7}, "clicks leave the shorter windows"


def test_pair_features_hold_what_was_known_when_the_day_ended(case):
    lake, log, policy = case
    oracle = FeatureOracle(log, policy)
    emptied = 0
    for ds in feature_days():
        served, expected = as_served(lake, USER_CATEGORY_FEATURES, ds), oracle.pairs(ds)
        assert set(expected) <= set(served)
        for pair, (_, features) in served.items():
            gone = dict.fromkeys(features, 0) | {"user_category_last_acted_at": None}
            assert close(features) == close(expected.get(pair, gone)), (ds, pair)
            emptied += pair not in expected
    assert emptied, "a pair falls back to 0 when its last action leaves the window"


def test_item_features_hold_what_was_known_when_the_day_ended(case):
    lake, log, policy = case
    oracle = FeatureOracle(log, policy)
    changes = set()
    for ds in feature_days():
        served, counts = as_served(lake, ITEM_FEATURES, ds), oracle.domain_counts(ds)
        assert set(served) == set(ITEMS)
        for item_id, (stored_ds, features) in served.items():
            own_day = () if stored_ds == ds else ("item_ctr", "item_cvr")
            expected = oracle.item(ds, item_id, counts)
            assert close(without(features, own_day)) == close(without(expected, own_day)), (ds, item_id)
            assert len(features["item_domains"]) == 2
            changes.add(features["item_num_price_changes"])
    assert len(changes) > 2


def test_query_features_hold_what_was_known_when_the_day_ended(case):
    lake, log, policy = case
    oracle = FeatureOracle(log, policy)
    for ds in feature_days():
        served, expected = as_served(lake, QUERY_FEATURES, ds), oracle.queries(ds)
        assert set(served) == set(expected)
        for query, (stored_ds, features) in served.items():
            own_day = () if stored_ds == ds else ("query_ctr", "query_cvr")
            assert close(without(features, own_day)) == close(without(expected[query], own_day)), (ds, query)
            assert len(features["query_categories"]) == 2


def test_sequences_hold_the_last_actions_known_when_the_day_ended(case):
    lake, log, policy = case
    oracle = FeatureOracle(log, policy)
    lengths = set()
    for ds in feature_days():
        served = as_served(lake, USER_SEQUENCES, ds)
        assert set(served) == {action["user_id"] for action in oracle.actions(ds)}
        for user_id, (stored_ds, features) in served.items():
            assert features == oracle.sequence(stored_ds, user_id)
            stamp = ("history_known_until",)
            assert without(features, stamp) == without(oracle.sequence(ds, user_id), stamp)
            lengths.add(len(features["history_items"]))
    assert max(lengths) == HISTORY_LENGTH


def test_fresh_actions_hold_what_became_known_on_the_day_up_to_each_moment(case):
    lake, log, policy = case
    oracle = FeatureOracle(log, policy)
    names = ", ".join(column.name for column in USER_FRESH_ACTIONS.features)
    lengths = set()
    for day_of_run in calendar(policy):
        found = rows(
            lake,
            f"select user_id, feature_at, recorded_at, {names} from {USER_FRESH_ACTIONS.qualified} "
            f"where ds = date '{day_of_run.ds}'",
        )
        assert all(row[1] == row[2] for row in found)
        features = [column.name for column in USER_FRESH_ACTIONS.features]
        served = {row[:2]: dict(zip(features, row[3:], strict=True)) for row in found}
        assert len(served) == len(found)
        assert served == oracle.fresh_actions(day_of_run.ds)
        lengths |= {len(row["fresh_items"]) for row in served.values()}
    assert max(lengths) == 100, "the busy day has more actions than are kept"


def test_features_depend_neither_on_the_order_of_the_log_nor_on_earlier_runs(case, tmp_path, monkeypatch):
    lake, log, policy = case
    shuffled = long_log()
    for events in vars(shuffled).values():
        random.Random(9).shuffle(events)
    again, _ = build(tmp_path, monkeypatch, policy.version, shuffled, [DS])
    assert shuffled.actions != log.actions

    for table in (*FEATURE_TABLES, *DAILY_TABLES):
        days = [one.ds for one in calendar(policy)] if table is USER_FRESH_ACTIONS else feature_days()
        if table in DAILY_TABLES:
            days = [days[0] - timedelta(days=max(FEATURE_WINDOWS)), days[-1]]
        of_run = f"from {table.qualified} where ds between date '{days[0]}' and date '{days[-1]}' order by all"
        assert rows(again, of_run) == rows(lake, of_run), table.name
