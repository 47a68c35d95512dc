"""What every DAG must be."""

import ast
import json
import os
import shlex
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from typer.main import get_command

from uniscale.checkout import PROJECT_ROOT
from uniscale.cli.main import app
from uniscale.pipeline.products import read_by, tables_of
from uniscale.pipeline.steps import DAY_STEPS

HEAVY = {"torch", "ray", "feast", "mlflow", "evidently", "duckdb", "pandas", "dbt"}
DAY = "{{ params.ds or (data_interval_start | ds) }}"
HOSTILE = (
    "2026-01-08; touch caught",
    "2026-01-08 --help",
    "--help",
    "$(touch caught)",
    "`touch caught`",
    "2026-01-08\ntouch caught",
    "2026-01-08\n",
    '" ; touch caught #',
    "{{ macros }}",
    "2026-13-40",
    "2026-1-8",
    "",
)
"""What a person who may trigger a DAG could give for a day."""
GOOD = ("2026-01-08", None)
FILES = sorted(path for path in (PROJECT_ROOT / "dags").glob("*.py") if path.name != "__init__.py")


@pytest.fixture(scope="module")
def parsed(tmp_path_factory):
    """Parse every DAG file in a fresh process: its DAGs, the modules it brought in, and the seconds it took."""
    code = """
import importlib.util, json, os, sys, time
import airflow.sdk, airflow.providers.standard.operators.bash
given = json.loads(os.environ["GIVEN"])
def accepts(param, value):
    try:
        param.resolve(value)
    except airflow.sdk.exceptions.ParamValidationError:
        return False
    return True
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
         "params": {name: [text for text in given if accepts(d.params.get_param(name), text)] for name in d.params},
         "tasks": {t.task_id: {"owner": t.owner, "retries": t.retries, "down": sorted(t.downstream_task_ids),
                               "inlets": [a.name for a in t.inlets], "outlets": [a.name for a in t.outlets],
                               "command": t.bash_command, "env": t.env, "append_env": t.append_env,
                               "templated": {f: getattr(t, f) for f in t.template_fields}}
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
        "GIVEN": json.dumps([*HOSTILE, *GOOD]),
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
def test_every_task_calls_a_command_that_exists_with_a_day(parsed, path):
    for dag in parsed[str(path)]["dags"]:
        for task in dag["tasks"].values():
            start, _, words = task["command"].partition(" -m uniscale ")
            assert start == f"exec {shlex.quote(sys.executable)}"
            words, _, day = words.partition(" -- ")
            command, step = found_command(words.split())
            required = [parameter.name for parameter in command.params if parameter.required]
            assert required == ([*(["name"] if step else []), "ds"])
            assert set(step) <= {step.name for step in DAY_STEPS}
            assert (day, task["env"], task["append_env"]) == ('"$DS"', {"DS": DAY}, True)


def test_the_tasks_of_the_retraining_name_the_tables_that_they_read_and_build_as_assets(parsed):
    (dag,) = parsed[str(PROJECT_ROOT / "dags" / "daily_retraining.py")]["dags"]
    for step, task in dag["tasks"].items():
        assert task["inlets"] == [table.qualified for table in read_by(step)]
        assert task["outlets"] == [table.qualified for table in tables_of(step)]
    assert "es3.samples" in dag["tasks"]["samples"]["outlets"]
    assert "es3.samples" in dag["tasks"]["frames"]["inlets"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_parameter_of_every_dag_takes_days_and_nothing_else(parsed, path):
    for dag in parsed[str(path)]["dags"]:
        assert dag["params"], f"{dag['id']} has no parameter, so this test proves nothing"
        for name, accepted in dag["params"].items():
            assert accepted == list(GOOD), f"{dag['id']} takes other things for {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_text_of_a_parameter_becomes_part_of_a_shell_command(parsed, path, tmp_path):
    """Even a value that no check has seen reaches the program as one argument, byte for byte."""
    program = tmp_path / "python that tells its arguments"
    program.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    program.chmod(0o755)
    for dag in parsed[str(path)]["dags"]:
        for task in dag["tasks"].values():
            templated = {name: value for name, value in task["templated"].items() if "{" in json.dumps(value)}
            assert list(templated) == ["env"], "only the environment may hold what a parameter says"
    command = task["command"].replace(shlex.quote(sys.executable), shlex.quote(str(program)), 1)
    for value in (value for value in HOSTILE if value):
        done = subprocess.run(
            ["bash", "-c", command],
            env={**os.environ, "DS": value},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(done.stdout)[-1] == value
    assert not (tmp_path / "caught").exists()


def found_command(words):
    """The command of the command line that some words name, and the words left."""
    command = get_command(app)
    while hasattr(command, "commands"):
        command, words = command.commands[words[0]], words[1:]
    return command, words


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


def test_the_nightly_features_are_built_then_served_then_compared(parsed):
    (dag,) = parsed[str(PROJECT_ROOT / "dags" / "daily_features.py")]["dags"]
    assert {name: task["down"] for name, task in dag["tasks"].items()} == {
        "build": ["materialize"],
        "materialize": ["skew"],
        "skew": [],
    }


@pytest.mark.parametrize(
    ("name", "cron", "days", "started", "ds"),
    [
        ("daily_retraining", "0 2 * * *", 2, datetime(2026, 3, 10, 2, tzinfo=UTC), "2026-03-08"),
        ("daily_features", "30 0 * * *", 1, datetime(2026, 3, 10, 0, 30, tzinfo=UTC), "2026-03-09"),
    ],
)
def test_a_run_is_for_the_day_whose_data_has_come(name, cron, days, started, ds):
    """Features are of yesterday; the retraining is of the day before, and its test day, yesterday, has ended too."""
    from airflow.timetables.trigger import CronTriggerTimetable
    from pendulum import instance

    text = (PROJECT_ROOT / "dags" / f"{name}.py").read_text(encoding="utf-8")
    assert f'CronTriggerTimetable("{cron}", timezone="UTC", interval=timedelta(days={days}))' in text
    timetable = CronTriggerTimetable(cron, timezone="UTC", interval=timedelta(days=days))
    interval = timetable.infer_manual_data_interval(run_after=instance(started))
    assert interval.start.date().isoformat() == ds
