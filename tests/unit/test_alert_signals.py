"""Each rule fires on what it is there for and says what, is quiet otherwise, and is unknown where nothing was made."""

import json
from datetime import timedelta

import pytest

from tests.support_alerts import FIRST, check, day, look
from tests.support_evaluation import decision_row, insert, metric_row, step_row
from uniscale.alerts.check import check_day, find
from uniscale.alerts.look import NotMadeError
from uniscale.alerts.signals import SIGNALS, run
from uniscale.config.alert_rules import load_rules
from uniscale.contracts.events import ITEMS, QUARANTINE, REQUESTS
from uniscale.contracts.monitor import FINDINGS, MEASURES, SEPARABILITY, SEVERITIES
from uniscale.contracts.outcomes import CHAMPIONS, DECISIONS, METRICS, STEPS
from uniscale.pipeline.incidents import Incident, note_incident
from uniscale.pipeline.progress import tell

SECOND = day(1)
RULES = {rule.name: rule for rule in load_rules()}


@pytest.fixture
def fired(settings, lake):
    """Subjects that a rule fires on, on a day."""

    def ask(name, ds=FIRST):
        with lake.read() as con:
            rule = RULES[name]
            return {one.subject: one for one in SIGNALS[rule.signal].find(look(settings, con, ds), rule.of)}

    return ask


def decided(lake, *days, **kwargs):
    insert(lake, DECISIONS, [decision_row(ds, **kwargs) for ds in days])


def test_a_day_without_a_decision_and_started_days_before_it_are_missing(settings, lake, fired):
    decided(lake, day(0), day(3))
    for number in (0, 2, 4):
        tell(settings, day(number), "land", "running")
    assert list(fired("day_missing", day(4))) == [day(2).isoformat(), day(4).isoformat()]
    assert fired("day_missing", day(4))[day(2).isoformat()].value == 2
    check(lake, 1)
    assert list(fired("day_missing", day(4))) == [day(number).isoformat() for number in (1, 2, 4)]
    decided(lake, day(1), day(2), day(4))
    assert fired("day_missing", day(4)) == {}


def test_a_step_whose_last_run_failed_fires_the_rule_of_its_group(settings, lake, fired):
    decided(lake, FIRST)
    tell(settings, FIRST, "train", "failed", message="out of memory")
    tell(settings, FIRST, "frames", "failed", message="a leak")
    tell(settings, FIRST, "frames", "running")
    tell(settings, FIRST, "frames", "done", seconds=3)
    tell(settings, FIRST, "monitor", "failed", message="no profile")
    assert {name: one.detail for name, one in fired("step_failed").items()} == {
        "train": "Train the rankers (Ray Train): out of memory"
    }
    assert list(fired("watching_failed")) == ["monitor"]


def test_tasks_of_the_scheduler_are_told_until_they_end_well_and_steps_of_the_day_by_their_own_rules(
    settings, lake, fired
):
    decided(lake, FIRST)

    def note(kind, dag, task, number=0):
        same = {"run": "r", "message": "no route", "at": 1.0}
        note_incident(settings, Incident(kind=kind, dag=dag, task=task, ds=day(number).isoformat(), **same))

    for dag, task in [("daily_features", "build"), ("maintenance", "maintain"), ("daily_retraining", "train")]:
        note("failed", dag, task)
    note("failed", "monitoring", "pages")
    note("failed", "weekly_sweep", "sweep", -8)
    note("late", "daily_retraining", "logs", 1)
    note("over", "maintenance", "maintain")
    assert list(fired("task_failed")) == ["daily_features.build 2026-01-05"]
    assert fired("task_failed")["daily_features.build 2026-01-05"].detail.endswith("of 2026-01-05: no route")
    assert list(fired("logs_late")) == ["daily_retraining.logs 2026-01-06"]


def judged(lake, values, *, width=0.01, metric="auc", role="champion", version="1"):
    for number, value in enumerate(values):
        row = metric_row(day(number), role, metric, value=value)
        insert(lake, METRICS, [{**row, "ci_low": value - width, "ci_high": value + width, "model_version": version}])


USUAL = [0.71, 0.70, 0.72, 0.71, 0.70, 0.71, 0.72]


def test_a_champion_that_fell_beyond_its_interval_and_the_days_own_variation_is_named(lake, fired):
    judged(lake, [*USUAL, 0.60])
    assert list(fired("champion_fell", day(7))) == ["auc"]
    assert "auc of the champion (version 1) is 0.6000 [0.5900, 0.6100]; the median of the last 7 days is 0.7100" in (
        fired("champion_fell", day(7))["auc"].detail
    )


@pytest.mark.parametrize(
    ("values", "width"),
    [
        ([*USUAL, 0.69], 0.01),  # within what days differ by
        ([*USUAL, 0.60], 0.08),  # too uncertain
        ([0.71, 0.75, 0.60, 0.80, 0.65, 0.71, 0.60], 0.005),  # days always differ so much
        ([*USUAL, 0.80], 0.01),  # better
        ([0.71, 0.70, 0.55], 0.01),  # too few days
    ],
)
def test_a_champion_that_did_not_certainly_fall_is_left_alone(lake, fired, values, width):
    judged(lake, values, width=width)
    assert fired("champion_fell", day(len(values) - 1)) == {}


def test_the_version_that_serves_is_watched_for_its_level_and_its_age(lake, fired):
    judged(lake, [1.0, 1.1], metric="calibration", version="1")
    judged(lake, [2.5, 3.0], metric="calibration", version="2", role="challenger")
    decided(lake, day(0), day(1), champion="1")
    assert fired("calibration_off", day(1)) == {}
    promoted = {"version": "2", "replaced": "1", "how": "promoted", "reason": "better"}
    insert(lake, CHAMPIONS, [{**promoted, "changed_at": day(2), "ds": day(1)}])
    assert list(fired("calibration_off", day(1))) == ["version 2"]
    assert fired("champion_old", day(1)) == {}
    later = day(1) + timedelta(days=20)
    decided(lake, later, champion="2")
    assert fired("champion_old", later)[""].value == 21
    assert "version 2, which serves, was trained for 2026-01-05: 21 days" in fired("champion_old", later)[""].detail


def skew_step(**counts):
    same = {"ds": "2026-01-06", "requests": 100, "compared": 100, "exact": 100, "in_time": 100, "exact_in_time": 100}
    return json.dumps({"shadow": {}, "skew": [{**same, **counts}]})


def test_features_served_late_or_otherwise_are_told_with_the_features_at_fault(lake, fired):
    insert(lake, METRICS, [])
    details = skew_step(kind="live", overdue=5, exact_in_time=60, features={"item.price": 0.6, "item.age": 1.0})
    insert(lake, STEPS, [step_row(FIRST, "skew", details), step_row(day(1), "skew", skew_step(kind="shadow"))])
    assert fired("features_stale")[""].value == 0.05
    found = fired("served_otherwise")["live"]
    assert found.value == 0.6
    assert found.detail.endswith("values that match: item.price 60.0%")
    assert fired("features_stale", day(1)) == fired("served_otherwise", day(1)) == {}


def rejected(number, table="items", ds=SECOND, file="items/ds=2026-01-06/a.parquet"):
    same = {"source": "events", "table_name": table, "column_name": "price", "reason": "negative", "row_json": "{}"}
    return [{**same, "ds": ds, "file": file, "row_number": row} for row in range(number)]


def test_too_many_rejected_rows_of_the_newest_days_are_told_by_table(lake, fired):
    decided(lake, FIRST)

    def land(con):
        for table, number in ((ITEMS, 100), (REQUESTS, 1000)):
            lake.create(con, table)
            names = [column for column in table.columns if column.name != "ds"]
            values = ", ".join(_some(column) for column in names)
            con.execute(
                f"insert into lake.{table.qualified} (ds, {', '.join(column.name for column in names)}) "
                f"select date '{day(1)}', {values} from range({number})"
            )

    lake.commit(land, "rows")
    undated = rejected(3, ds=None, file="items/ds=2026-01-05/b.parquet")
    insert(lake, QUARANTINE, [*rejected(2), *undated, *rejected(5, table="requests"), *rejected(90, ds=day(-9))])
    found = fired("rows_rejected")
    assert list(found) == ["items"]
    assert found["items"].detail == (
        "5 rows of items (4.8%) from 2026-01-05 to 2026-01-06 were refused; most often: negative"
    )


def _some(column):
    return f"cast({'null' if column.nullable else _VALUES.get(column.type, '[]')} as {column.type})"


_VALUES = {"VARCHAR": "range", "TIMESTAMP": "timestamp '2026-01-06'", "DATE": "date '2026-01-06'"} | dict.fromkeys(
    ["DOUBLE", "FLOAT", "INTEGER", "BIGINT"], "1"
)


def finding(what, severity, *, column="price", population="training/feed/native/0", domain="feed"):
    stage = population.partition("/")[0]
    parts = {"population": population, "stage": stage, "domain": domain, "provenance": "native", "query_tier": 0}
    numbers = {"value": 0.9, "expected": 0.1, "effect": 0.8, "score": 9.0, "limit": 4.0, "num_days": 7}
    told = {"column_name": column, "what": what, "severity": severity, "detail": f"{column} of {population}: {what}"}
    return {"ds": FIRST, **parts, **numbers, **told}


def test_every_finding_of_monitoring_fires_one_rule_and_names_domain_and_column(settings, lake, fired):
    found = [finding(what, severity) for what in MEASURES for severity in SEVERITIES]
    insert(lake, FINDINGS, [{**one, "column_name": f"{one['severity']} price"} for one in found])
    insert(lake, STEPS, [step_row(FIRST, "monitor")])
    rules = [name for name, rule in RULES.items() if rule.signal.endswith("finding")]
    told = [subject for name in rules for subject in fired(name)]
    # missing populations and new domains are critical, new populations are not: no rule waits for what cannot be
    never = {"warning price: missing_population", "warning price: new_domain", "critical price: new_population"}
    every = {f"{one['severity']} price: {one['what']}" for one in found} - never
    assert sorted(told) == sorted(f"feed {one}" for one in every)
    assert fired("values_missing").keys() == {"feed critical price: null_rate"}


def test_a_fault_that_shows_in_many_populations_is_one_alert_of_its_domain_told_where_it_shows_first(lake, fired):
    later = [f"samples/feed/synthetic/{tier}" for tier in range(6)]
    found = [finding("null_rate", "critical", population=name) for name in [*later, "exposures/feed/shown"]]
    found.append(finding("null_rate", "critical", population="items", domain=None))
    insert(lake, FINDINGS, found)
    insert(lake, STEPS, [step_row(FIRST, "monitor")])
    told = fired("values_missing")
    assert list(told) == ["feed price: null_rate", "items price: null_rate"]
    assert told["feed price: null_rate"].detail == (
        "price of exposures/feed/shown: null_rate; also in samples/feed/synthetic/0, samples/feed/synthetic/1, "
        "samples/feed/synthetic/2, samples/feed/synthetic/3, 2 more"
    )
    assert told["items price: null_rate"].detail == "price of items: null_rate"


def test_a_population_that_gives_itself_away_is_noted(lake, fired):
    parts = {"stage": "training", "domain": "feed", "provenance": "native", "query_tier": 0, "ds": FIRST}
    numbers = {"num_rows": 900, "num_native": 900, "auc_se": 0.01, "top_losses": [0.2], "weight_share": 0.25}
    same = {**parts, **numbers, "top_columns": ["price"]}
    rows = [{**same, "population": name, "auc": auc} for name, auc in [("far", 0.97), ("near", 0.6), ("thin", None)]]
    insert(lake, SEPARABILITY, rows)
    insert(lake, STEPS, [step_row(FIRST, "monitor")])
    found = fired("domain_apart")
    assert list(found) == ["far"]
    assert "25.0% of the training weight" in found["far"].detail


def test_a_disk_with_little_room_left_is_told_once_though_home_and_lake_share_it(settings, lake, fired, monkeypatch):
    decided(lake, FIRST)
    assert fired("disk_full") == {}
    usage = run.shutil.disk_usage(settings.home)
    full = usage._replace(free=int(0.04 * usage.total))  # a disk cannot be filled in a test
    monkeypatch.setattr(run.shutil, "disk_usage", lambda _: full)
    assert list(fired("disk_full")) == ["home"]
    assert fired("disk_full")["home"].value == pytest.approx(0.04, abs=1e-6)


def test_where_nothing_was_made_rules_cannot_tell_and_say_why(settings, lake, fired):
    decided(lake, day(1))
    with lake.read() as con:
        found = {row["rule"]: row for row in find(look(settings, con, FIRST), tuple(RULES.values()))}
    unknown = {name: row["detail"] for name, row in found.items() if row["state"] == "unknown"}
    assert unknown["values_missing"] == "step monitor of 2026-01-05 is not done"
    assert unknown["features_stale"] == "step skew of 2026-01-05 is not done"
    assert unknown["champion_fell"] == "2026-01-05 has not been judged"
    assert unknown["champion_old"] == "2026-01-05 has no decision"
    assert {"day_missing", "step_failed", "disk_full", "rows_rejected"}.isdisjoint(unknown)
    with pytest.raises(NotMadeError):
        fired("drift")


def test_a_day_checked_again_stores_nothing_unless_something_changed(settings, lake):
    decided(lake, FIRST)
    rules = [RULES["day_missing"], RULES["step_failed"]]
    check_day(settings, lake, FIRST, rules)
    before = lake.snapshot_id()
    assert check_day(settings, lake, FIRST, rules)
    assert lake.snapshot_id() == before

    tell(settings, FIRST, "train", "failed", message="out of memory")
    check_day(settings, lake, FIRST, rules)
    assert lake.snapshot_id() == before + 1
    check_day(settings, lake, FIRST, rules[:1])  # a rule that is no more ends its alerts, once
    check_day(settings, lake, FIRST, rules[:1])
    assert lake.snapshot_id() == before + 2
