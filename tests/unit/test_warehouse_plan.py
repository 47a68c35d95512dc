"""Which days are stale when raw days change: those that read them, and no other."""

from datetime import date, timedelta

import pytest

from uniscale.contracts.days import midnight_after
from uniscale.contracts.events import EVENT_TABLES
from uniscale.contracts.features import FEATURE_WINDOWS
from uniscale.contracts.policy import load_policy
from uniscale.lake.contents import Contents
from uniscale.warehouse.plan import plan_features, plan_groups

DS = date(2026, 1, 9)
DAYS = [date(2026, 1, 1) + timedelta(days=number) for number in range(12)]


def keys(settings, changed=None):
    """Build keys by group and day, with the content of one raw day of a table changed."""
    return _keys(plan_groups(settings, load_policy(), raw_content(changed), DS))


def _keys(groups):
    return {group.name: group.keys for group in groups}


def raw_content(changed=None):
    content = {table.qualified: dict.fromkeys(DAYS, "rows") for table in EVENT_TABLES}
    if changed:
        table, day = changed
        content[f"raw.{table}"][day] = "other rows"
    return Contents(content)


def changed_days(settings, table, day):
    """Of each group, the days whose key changes with a raw day."""
    before, after = keys(settings), keys(settings, (table, day))
    return {name: [ds for ds in before[name] if before[name][ds] != after[name][ds]] for name in before}


@pytest.fixture
def short(settings):
    settings.window.train_days = 3
    return settings


def test_features_are_built_from_the_day_before_training_and_fresh_actions_for_the_days_of_requests(short):
    built = keys(short)

    assert list(built["features"]) == [date(2026, 1, day) for day in (6, 7, 8, 9)]
    assert list(built["fresh_actions"]) == [date(2026, 1, day) for day in (7, 8, 9, 10)]


def test_actions_of_a_day_change_its_fresh_actions_and_the_features_from_it_on(short):
    changed = changed_days(short, "actions", date(2026, 1, 8))

    assert changed["fresh_actions"] == [date(2026, 1, 8)]
    assert changed["features"] == [date(2026, 1, 8), date(2026, 1, 9)]


def test_a_request_is_no_part_of_fresh_actions_and_an_item_is_part_of_those_of_later_days(short):
    assert changed_days(short, "requests", date(2026, 1, 8))["fresh_actions"] == []
    assert changed_days(short, "items", date(2026, 1, 9))["fresh_actions"] == [date(2026, 1, 10)]


@pytest.mark.parametrize("eval_days", [1, 2])
def test_the_night_of_the_last_test_day_wants_the_days_of_the_run_and_that_day_with_the_same_keys(short, eval_days):
    short.window.eval_days = eval_days
    night = DS + timedelta(days=eval_days)
    run, of_night = keys(short), _keys(plan_features(short, load_policy(), raw_content(), night))

    assert list(of_night) == ["item_versions", "carried", "counts", "features", "fresh_actions"]
    assert of_night["item_versions"] == run["item_versions"]
    assert of_night["carried"] == run["carried"]
    assert of_night["counts"] == {**run["counts"], night: of_night["counts"][night]}
    assert of_night["features"] == {**run["features"], night: of_night["features"][night]}
    assert night not in run["features"]
    assert of_night["fresh_actions"] == {night: run["fresh_actions"][night]}


def test_the_run_of_a_day_wants_it_with_the_key_of_its_night_unless_it_is_the_first(short):
    night = _keys(plan_features(short, load_policy(), raw_content(), DS))["features"]
    run = keys(short)["features"]

    assert [day for day in run if run[day] != night.get(day)] == [date(2026, 1, 6)]
    assert run[DS] == night[DS]


def group(settings, name, ds=DS):
    return next(g for g in plan_groups(settings, load_policy(), raw_content(), ds) if g.name == name)


def test_outside_actions_are_wanted_from_a_window_before_the_request_days_until_the_labels_are_looked_at(short):
    outside, requests = (group(short, name) for name in ("outside", "requests"))
    window = timedelta(days=load_policy().attribution.window_days)

    assert min(outside.days) == min(requests.days) - window
    assert midnight_after(max(outside.days)) == max(day["label_as_of"] for day in requests.days.values())
    next_run = group(short, "outside", DS + timedelta(days=1))
    assert next_run.keys[DS] == outside.keys[DS]


def test_outside_actions_of_a_day_follow_its_actions_and_the_requests_of_a_window_before_it(short):
    for table, changed in (
        ("actions", [DAYS[3]]),
        ("requests", DAYS[3:10]),
        ("candidates", []),
        ("items", []),
    ):
        assert changed_days(short, table, DAYS[3])["outside"] == changed, table


def test_counts_are_wanted_of_the_days_that_the_windows_of_the_feature_days_reach_and_one_more_is_kept(short):
    counts = group(short, "counts")

    assert min(counts.days) == min(keys(short)["features"]) - timedelta(days=max(FEATURE_WINDOWS))
    assert max(counts.days) == max(keys(short)["features"])
    assert counts.keep_from == min(counts.days) - timedelta(days=1)
    next_run = group(short, "counts", DS + timedelta(days=1))
    assert next_run.keys[DS] == counts.keys[DS]
    assert next_run.keep_from == min(counts.days)


def test_counts_of_a_day_follow_what_was_shown_on_it_and_the_actions_and_requests_of_a_window_before_it(short):
    for table, day, changed in (
        ("candidates", DAYS[3], [DAYS[3]]),
        ("actions", DAYS[3], DAYS[3:9]),
        ("requests", DAYS[0], DAYS[:9]),
        ("items", DAYS[2], DAYS[2:9]),
        ("users", DAYS[0], []),
    ):
        assert changed_days(short, table, day)["counts"] == changed, table
    counts = group(short, "counts")
    long_ago = min(counts.days)
    content = raw_content()
    content.by_table["raw.actions"][long_ago] = "late"
    later = next(g for g in plan_groups(short, load_policy(), content, DS) if g.name == "counts")
    assert [day for day in counts.keys if counts.keys[day] != later.keys[day]] == [
        long_ago + timedelta(days=ahead) for ahead in range(max(FEATURE_WINDOWS) + 1)
    ]


def test_what_counts_events_before_they_were_known_sums_the_counts_of_all_later_days_with_the_same_keys(short):
    honest = keys(short)["counts"]
    short.features.leaky = True
    leaky = keys(short)["counts"]

    assert max(leaky) == DAYS[-1] > max(honest)
    assert {day: leaky[day] for day in honest} == honest


def test_versions_of_items_are_built_from_the_first_one_on_and_change_with_any_before_them(short):
    until = DS + timedelta(days=short.window.eval_days)

    assert list(keys(short)["item_versions"]) == [day for day in DAYS if day <= until]
    assert changed_days(short, "items", DAYS[4])["item_versions"] == [day for day in DAYS if DAYS[4] <= day <= until]
    assert changed_days(short, "actions", DAYS[4])["item_versions"] == []


def carried(settings, ds=DS):
    return group(settings, "carried", ds)


def test_what_is_carried_ends_before_the_first_feature_day_and_the_next_run_can_go_on_from_it(short):
    today, next_run = carried(short), carried(short, DS + timedelta(days=1))
    (day,) = today.days

    assert day + timedelta(days=1) == min(keys(short)["features"])
    assert next_run.bases[day] == today.keys[day]
    assert max(next_run.bases) == day
    assert changed_days(short, "actions", DAYS[0])["carried"] == [day]
    assert changed_days(short, "actions", day + timedelta(days=1))["carried"] == []


def test_what_counts_events_before_they_were_known_goes_on_from_nothing(short):
    short.features.leaky = True

    assert carried(short).bases == {}


def test_features_that_count_what_became_known_later_are_others_and_follow_later_days(short):
    honest = keys(short)
    short.features.leaky = True

    assert changed_days(short, "actions", DAYS[-1])["features"] == list(honest["features"])
    for name in ("features", "fresh_actions"):
        assert not set(honest[name].values()) & set(keys(short)[name].values())
    for name in ("requests", "query_stats"):
        assert honest[name] == keys(short)[name]
