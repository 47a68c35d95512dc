"""What is told of tasks that failed and of runs that are late."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from dags.parts.telling import logs_late, task_failed, task_over
from uniscale.config import load_settings
from uniscale.pipeline.incidents import incident_file, incidents


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("UNISCALE_HOME", str(tmp_path / "home"))


def test_a_failed_task_is_told_with_its_day_and_why():
    started = datetime(2026, 1, 7, tzinfo=UTC)
    run = SimpleNamespace(run_id="backfill__1", partition_key=None, data_interval_start=started)
    task = SimpleNamespace(dag_id="daily_retraining", task_id="train")
    task_failed({"ti": task, "dag_run": run, "params": {"ds": None}, "exception": RuntimeError("out of memory")})

    (found,) = incidents(load_settings())
    assert (found.kind, found.dag, found.task, found.ds) == ("failed", "daily_retraining", "train", "2026-01-07")
    assert (found.run, found.message) == ("backfill__1", "out of memory")


def test_a_task_that_failed_because_of_a_wrong_configuration_is_told_too(tmp_path, monkeypatch):
    (tmp_path / "uniscale.toml").write_text('[training]\nchallenger_recipe = "no_such_recipe"\n')
    monkeypatch.setenv("UNISCALE_CONFIG", str(tmp_path / "uniscale.toml"))
    with pytest.raises(ValueError, match="no_such_recipe"):
        load_settings()
    task_failed(waiting(partition_key="2026-01-08"))
    monkeypatch.delenv("UNISCALE_CONFIG")
    assert [incident.ds for incident in incidents(load_settings())] == ["2026-01-08"]


def waiting(**run):
    """What Airflow tells a task that waits."""
    of_run = {"run_id": "r", "partition_key": None, "data_interval_start": None, **run}
    return {
        "ti": SimpleNamespace(dag_id="daily_features", task_id="logs"),
        "dag_run": SimpleNamespace(**of_run),
        "params": {"ds": None},
    }


def test_logs_that_are_late_are_told_once_for_a_run_however_often_it_looks():
    logs_late(waiting(partition_key="2026-01-08"), "not yet there: actions, requests")
    logs_late(waiting(partition_key="2026-01-08"), "not yet there: actions")
    logs_late(waiting(partition_key="2026-01-09", run_id="another"), "not yet there: actions")
    found = incidents(load_settings())
    assert [(one.kind, one.dag, one.task, one.ds) for one in found] == [
        ("late", "daily_features", "logs", "2026-01-08"),
        ("late", "daily_features", "logs", "2026-01-09"),
    ]
    assert found[0].message == "not yet there: actions, requests"


def test_a_task_that_ends_well_after_it_was_told_of_is_told_as_over_once_and_no_other_is():
    task_over(waiting(partition_key="2026-01-08"))
    assert incidents(load_settings()) == []
    logs_late(waiting(partition_key="2026-01-08"), "not yet there: actions")
    task_over(waiting(partition_key="2026-01-09"))
    for _ in range(2):
        task_over(waiting(partition_key="2026-01-08"))
    found = incidents(load_settings())
    assert [(one.kind, one.ds) for one in found] == [("late", "2026-01-08"), ("over", "2026-01-08")]


def test_a_line_that_a_kill_tore_hides_no_other_incident():
    for run_id in ("one", "two"):
        logs_late(waiting(run_id=run_id), "not yet there")
        with incident_file(load_settings()).open("a") as file:
            file.write('{"kind": "fai')
    found = incidents(load_settings())
    assert [incident.run for incident in found] == ["one", "two"]
    assert incidents(load_settings(), since=found[-1].at + 1) == []
