"""Random small logs, many users in one build, against the definitions in plain Python."""

import random
from datetime import datetime, timedelta

import pytest
import yaml

from tests.oracle_warehouse import Oracle, midnight, normalised
from tests.support_warehouse import Log, day, rows
from uniscale.config import load_settings
from uniscale.contracts.days import run_days
from uniscale.contracts.policy import DEFAULT_POLICY, load_policy
from uniscale.lake import Lake
from uniscale.warehouse.build import build_marts

DS = day(9)
TRAIN_DAYS, EVAL_DAYS, FEATURE_DAYS = 3, 1, 3
ITEMS = [f"i{number}" for number in range(6)]
DOMAINS = ("search", "feed", "shop")
TARGETS = {
    "papers": {"click": ["exposed", "unexposed"], "purchase": ["clicked", "exposed_unclicked", "unexposed"]},
    "clicked-first": {"click": ["clicked", "exposed_unclicked"], "purchase": ["unexposed", "exposed"]},
}


def random_log(seed: int, num_users: int = 90) -> Log:
    draw = random.Random(seed)
    log = Log()
    start = datetime(2026, 1, 4)

    def when(first=start, hours=7 * 24):
        return first + timedelta(hours=draw.randrange(0, hours, 3))

    for item_id in ITEMS[1:]:
        for place in range(draw.randint(1, 3)):
            valid_from = start + timedelta(hours=24 * draw.randint(-2, 5), seconds=place)
            log.item(
                item_id,
                valid_from,
                valid_from + timedelta(hours=draw.choice([0, 0, 12, 60])),
                category_id=draw.choice(["x", "y", None]),
                brand_id=draw.choice(["p", None]),
                price=draw.choice([1.0, 20.0, None]),
            )
    for number in range(num_users):
        user_id = f"u{number:02}"
        for version in range(draw.randint(0, 2)):
            valid_from = start + timedelta(days=draw.randint(-1, 4), seconds=version)
            log.user(user_id, valid_from, valid_from + timedelta(hours=draw.choice([0, 30])), age=str(version))
        asked = []
        for place in range(draw.randint(0, 6)):
            held = draw.sample(ITEMS, draw.randint(1, 4))
            cut = draw.randint(0, len(held))
            query = draw.choice(["Red shoe", " red  SHOE", "blue shoe", "", None])
            domain = draw.choice(("search", "search", "feed"))
            log.request(
                f"{user_id}r{place}",
                user_id,
                when(),
                exposed=held[:cut],
                unexposed=held[cut:],
                domain=domain,
                query=query if domain == "search" else None,
            )
            asked.append((log.requests[-1], held))
        for place in range(draw.randint(0, 14)):
            request, held = draw.choice([*asked, (None, ITEMS)])
            first = request["requested_at"] if request else start
            log.act(
                f"{user_id}a{place}",
                user_id,
                draw.choice(held),
                draw.choice(["click", "click", "cart", "favorite", "purchase", "purchase"]),
                first + timedelta(hours=draw.choice([0, 3, 24, 27, 90]) if request else draw.randrange(0, 168, 3)),
                late=timedelta(hours=draw.choice([0, 0, 0, 5, 30, 80])),
                request_id=draw.choice([request["request_id"]] * 3 + [None, "unknown"]) if request else None,
                domain=request["domain"] if request else draw.choice(DOMAINS),
                value=draw.choice([5.0, 7.5]),
            )
    return log


@pytest.fixture(scope="module", params=[(1, "papers"), (1, "clicked-first")], ids=lambda param: param[1])
def case(request, tmp_path_factory):
    """A built lake and the oracle of its log."""
    seed, targets = request.param
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("oracle")
        content = yaml.safe_load(DEFAULT_POLICY.read_text())
        content["version"] = targets
        content["searchification"]["history_days"] = 3
        for action, window_hours in (("click", 24), ("purchase", 72)):
            content["attribution"][action].update(window_hours=window_hours, targets=TARGETS[targets][action])
        (home / "policy.yaml").write_text(yaml.safe_dump(content))
        patch.chdir(home)
        patch.setenv("UNISCALE_HOME", str(home / "home"))
        settings = load_settings()
        settings.policy = home / "policy.yaml"
        settings.window.train_days = TRAIN_DAYS
        settings.window.eval_days = EVAL_DAYS
        settings.window.feature_days = FEATURE_DAYS
        lake = Lake(settings)
        log = random_log(seed)
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
    assert {row[4] for row in found} == {target for action in TARGETS[policy.version].values() for target in action}, (
        "the random log reaches every branch"
    )


def test_query_statistics_equal_brute_force(case):
    lake, oracle, policy = case
    total = 0
    for ds in (one.ds for one in calendar(policy) if one.split == "train"):
        found = rows(
            lake,
            "select query_text, category_id, num_clicks, num_query_clicks, num_category_clicks "
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
