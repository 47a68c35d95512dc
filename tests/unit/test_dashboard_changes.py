"""What changed between two runs, and what of it is unusual."""

from support_dashboard import LINKS

from uniscale.pipeline.progress import Change
from uniscale.ui.queries.changes import _number, _settings


def test_a_setting_is_named_by_its_path_and_a_newly_declared_one_is_none():
    before = {"train": {"window": {"train_days": 7, "eval_days": 1}, "code": "a", "before": "x"}}
    now = {"train": {"window": {"train_days": 14, "eval_days": 1}, "code": "b", "before": "y", "domains": ["search"]}}
    found = [(change.area, change.what, change.before, change.now) for change in _settings(before, now)]
    assert found == [("Settings", "window.train_days", "7", "14")]


def test_a_change_of_the_policy_is_told_once_however_many_steps_read_it():
    before = {step: {"policy": {"weights": {"native": 1.0}}} for step in ("marts", "samples")}
    now = {step: {"policy": {"weights": {"native": 0.5}}} for step in ("marts", "samples")}
    assert [(change.area, change.what) for change in _settings(before, now)] == [("Policy", "policy.weights.native")]


def test_a_count_is_unusual_only_outside_of_what_enough_runs_had():
    usual = [100.0, 110.0, 90.0, 105.0]
    assert [change.is_unusual for change in _number("Data", "requests", 50, usual)] == [True]
    assert [change.is_unusual for change in _number("Data", "requests", 112, usual)] == [False]
    assert [change.is_unusual for change in _number("Data", "requests", 50, usual[:3])] == [False]  # too few runs
    assert list(_number("Data", "requests", 105, usual)) == []  # as the day before
    assert list(_number("Data", "requests", 50, [])) == []


def test_a_day_links_to_the_runs_that_did_it_and_to_all_runs_where_a_person_did():
    told = [Change(step="land", state="done", at=1.0, dag_id="daily_retraining", run_id=run) for run in ("old", "a+b")]
    told.append(Change(step="page", state="done", at=2.0, dag_id="monitoring", run_id="c"))
    runs = [address.removeprefix("http://127.0.0.1:8080/dags/") for address in LINKS.airflow_runs(told)]
    assert runs == ["daily_retraining/runs/a%2Bb", "monitoring/runs/c"]
    assert LINKS.airflow_runs([Change(step="land", state="done", at=1.0)])[0].endswith("daily_retraining/runs")
