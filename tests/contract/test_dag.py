"""What every DAG must be."""

import ast
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from uniscale.config.settings import PROJECT_ROOT
from uniscale.contracts.steps import DAY_STEPS

HEAVY = {"torch", "ray", "feast", "mlflow", "evidently", "duckdb", "pandas", "dbt"}
FILES = sorted(path for path in (PROJECT_ROOT / "dags").glob("*.py") if path.name != "__init__.py")


@pytest.fixture(scope="module")
def parsed(tmp_path_factory):
    """Parse every DAG file in a fresh process: its DAGs, the modules it brought in, and the seconds it took."""
    code = """
import importlib.util, json, os, sys, time
import airflow.sdk, airflow.providers.standard.operators.bash
found = {}
for path in sys.argv[1:]:
    before = set(sys.modules)
    start = time.monotonic()
    spec = importlib.util.spec_from_file_location(os.path.basename(path)[:-3], path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    seconds = time.monotonic() - start
    dags = [
        {"id": d.dag_id, "doc": d.doc_md, "tags": list(d.tags), "catchup": d.catchup,
         "max_active_runs": d.max_active_runs,
         "tasks": {t.task_id: {"owner": t.owner, "retries": t.retries, "down": sorted(t.downstream_task_ids)}
                   for t in d.tasks}}
        for d in vars(module).values() if isinstance(d, airflow.sdk.DAG)
    ]
    new = sorted({m.split(".")[0] for m in set(sys.modules) - before})
    found[path] = {"dags": dags, "seconds": seconds, "new": new}
print(json.dumps(found))
"""
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")),
        "PYTHONPATH": str(PROJECT_ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, FILES)], capture_output=True, text=True, env=environment, check=True
    )
    return json.loads(done.stdout.strip().splitlines()[-1])


def test_there_are_dag_files():
    assert FILES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_dag_is_documented_owned_and_safe_to_schedule(parsed, path):
    dags = parsed[str(path)]["dags"]
    assert dags, f"{path.name} defines no DAG"
    for dag in dags:
        for heading in ("Purpose", "Inputs", "Outputs", "Owner", "If it fails", "Re-run safety"):
            assert f"**{heading}" in dag["doc"], f"{dag['id']} says nothing under {heading}"
        assert dag["tags"]
        assert dag["catchup"] is False
        assert dag["max_active_runs"] == 1
        assert all(task["owner"] != "airflow" and task["retries"] >= 1 for task in dag["tasks"].values())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_dag_file_parses_fast_and_without_the_machine_learning_stack(parsed, path):
    assert parsed[str(path)]["seconds"] < 2
    assert not HEAVY & set(parsed[str(path)]["new"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_dag_file_is_wiring_only(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)]


def test_the_daily_dag_runs_the_steps_of_the_day_in_order(parsed):
    (dag,) = parsed[str(PROJECT_ROOT / "dags" / "daily_retraining.py")]["dags"]
    names = [step.name for step in DAY_STEPS]
    assert list(dag["tasks"]) == names
    for name, following in zip(names, [*names[1:], None], strict=True):
        assert dag["tasks"][name]["down"] == ([following] if following else [])


def test_the_nightly_run_trains_on_the_day_before_yesterday():
    """Its test day, yesterday, has ended when it starts."""
    from airflow.timetables.trigger import CronTriggerTimetable
    from pendulum import instance

    text = (PROJECT_ROOT / "dags" / "daily_retraining.py").read_text(encoding="utf-8")
    assert 'CronTriggerTimetable("0 2 * * *", timezone="UTC", interval=timedelta(days=2))' in text
    timetable = CronTriggerTimetable("0 2 * * *", timezone="UTC", interval=timedelta(days=2))
    interval = timetable.infer_manual_data_interval(run_after=instance(datetime(2026, 3, 10, 2, tzinfo=UTC)))
    assert interval.start.date().isoformat() == "2026-03-08"
