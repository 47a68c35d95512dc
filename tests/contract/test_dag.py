"""What every DAG must be."""

import ast
import importlib.util
import json
import os
import shlex
import subprocess
import sys
from datetime import date, datetime, timedelta
from itertools import product

import pytest
from typer.main import get_command

from uniscale.checkout import PROJECT_ROOT
from uniscale.cli.main import app
from uniscale.contracts.days import midnight_after
from uniscale.pipeline.pools import POOLS
from uniscale.pipeline.products import read_by, tables_of
from uniscale.pipeline.steps import DAY_STEPS, RETRAINING_STEPS, WATCH_STEPS

HEAVY = {"torch", "ray", "feast", "mlflow", "evidently", "duckdb", "pandas", "dbt"}
DAY = "{{ params.ds or dag_run.partition_key or (data_interval_start | ds) }}"
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
from airflow.serialization.serialized_objects import DagSerialization
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
         "schedule": d.timetable.serialize() if hasattr(d.timetable, "lag") else
                     {"assets": [d.timetable.asset_condition.name]},
         "params": {name: [text for text in given if accepts(d.params.get_param(name), text)] for name in d.params},
         "tasks": {t.task_id: {"owner": t.owner, "retries": t.retries, "down": sorted(t.downstream_task_ids),
                               "inlets": [a.name for a in t.inlets], "outlets": [a.name for a in t.outlets],
                               "command": getattr(t, "bash_command", None), "env": getattr(t, "env", None),
                               "pool": t.pool, "hours": t.execution_timeout.total_seconds() / 3600,
                               "mode": getattr(t, "mode", None), "rule": t.trigger_rule.value,
                               "backoff": bool(t.retry_exponential_backoff), "teardown": t.is_teardown,
                               "told": [f.__name__ for f in t.on_failure_callback],
                               "templated": {f: getattr(t, f) for f in t.template_fields}}
                   for t in d.tasks}}
        for d in vars(module).values() if isinstance(d, airflow.sdk.DAG)
    ]
    for d in vars(module).values():
        if isinstance(d, airflow.sdk.DAG):
            DagSerialization.serialize_dag(d)  # what the scheduler reads
    new = sorted({m.split(".")[0] for m in set(sys.modules) - before})
    found[path] = {"dags": dags, "seconds": seconds, "new": new}
print(json.dumps(found))
"""
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT_ROOT / "dags" / "plugins"),
        "PYTHONPATH": str(PROJECT_ROOT),
        "GIVEN": json.dumps([*HOSTILE, *GOOD]),
    }
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, FILES)], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
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
        assert path.stem == dag["id"], "a DAG is found by the name of its file"
        for name, task in dag["tasks"].items():
            where = f"task {name} of {dag['id']}"
            assert task["owner"] != "airflow", f"{where} has no owner"
            assert task["retries"] >= 1, f"{where} is not tried again"
            assert task["backoff"], f"{where} is tried again at once, which helps no one"
            assert task["told"] == ["task_failed"], f"{where} fails silently"
            assert 0 < task["hours"] <= 24, f"{where} may run for ever"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_works_on_the_lake_waits_in_a_pool_and_what_waits_for_logs_in_no_slot(parsed, path):
    known = {pool.name for pool in POOLS}
    for dag in parsed[str(path)]["dags"]:
        for name, task in dag["tasks"].items():
            if task["mode"] is not None:
                assert (task["mode"], task["pool"]) == ("reschedule", "default_pool"), name
            elif task["command"] is not None:
                assert task["pool"] in known, f"{name} of {dag['id']} is in no pool that is set up"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_dag_file_parses_fast_and_without_the_machine_learning_stack(parsed, path):
    assert parsed[str(path)]["seconds"] < 2
    assert not HEAVY & set(parsed[str(path)]["new"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_task_calls_a_command_that_exists_with_a_day(parsed, path):
    for dag in parsed[str(path)]["dags"]:
        for task in (task for task in dag["tasks"].values() if task["command"] is not None):
            start, _, words = task["command"].partition(" -m ")
            assert start == f"exec {shlex.quote(sys.executable)}"
            module, *words = words.split()
            assert task["env"] == {"DS": DAY}
            if module != "uniscale":
                assert words[-2:] == ["--ds", '"$DS"']
                assert importlib.util.find_spec(module) is not None
                continue
            takes_day = words[-2:] == ["--", '"$DS"']
            command, left = found_command(words[:-2] if takes_day else words)
            options = {option for parameter in command.params for option in parameter.opts}
            step = [word for word in left if not word.startswith("--")]
            assert {word for word in left if word.startswith("--")} <= options
            required = [parameter.name for parameter in command.params if parameter.required]
            assert required == ([*(["name"] if step else []), *(["ds"] if takes_day else [])])
            assert set(step) <= {step.name for step in DAY_STEPS}


def test_the_tasks_of_the_retraining_name_the_tables_that_they_read_and_build_as_assets(parsed):
    (dag,) = parsed[str(PROJECT_ROOT / "dags" / "daily_retraining.py")]["dags"]
    for step in (step.name for step in RETRAINING_STEPS):
        task = dag["tasks"][step]
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
    commands = {}
    for dag in parsed[str(path)]["dags"]:
        for task in (task for task in dag["tasks"].values() if task["command"] is not None):
            templated = {name: value for name, value in task["templated"].items() if "{" in json.dumps(value)}
            assert list(templated) == ["env"], "only the environment may hold what a parameter says"
            commands[task["command"].split()[-2]] = task["command"]
    for command, value in product(commands.values(), (value for value in HOSTILE if value)):
        if '"$DS"' not in command:
            continue
        done = subprocess.run(
            ["bash", "-c", command.replace(shlex.quote(sys.executable), shlex.quote(str(program)), 1)],
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


def test_the_daily_dag_waits_for_logs_runs_the_steps_in_order_and_tells_that_it_is_over_in_any_case(parsed):
    (dag,) = parsed[str(PROJECT_ROOT / "dags" / "daily_retraining.py")]["dags"]
    names = ["logs", *(step.name for step in RETRAINING_STEPS), "over"]
    assert list(dag["tasks"]) == names
    for name, following in zip(names, [*names[1:], None], strict=True):
        assert dag["tasks"][name]["down"] == ([following] if following else [])
    over = dag["tasks"]["over"]
    assert (over["outlets"], over["teardown"]) == (["day"], True), "a run that failed would pass for a good one"


def test_the_monitoring_follows_every_day_and_each_part_of_it_comes_although_another_failed(parsed):
    (dag,) = parsed[str(PROJECT_ROOT / "dags" / "monitoring.py")]["dags"]
    assert dag["schedule"] == {"assets": ["day"]}
    assert list(dag["tasks"]) == [*(step.name for step in WATCH_STEPS), "alerts", "pages"]
    assert {task["rule"] for task in dag["tasks"].values()} == {"all_done"}


def test_the_nightly_features_are_built_then_served_then_compared(parsed):
    (dag,) = parsed[str(PROJECT_ROOT / "dags" / "daily_features.py")]["dags"]
    assert {name: task["down"] for name, task in dag["tasks"].items()} == {
        "logs": ["build"],
        "build": ["materialize"],
        "materialize": ["skew"],
        "skew": [],
    }


@pytest.mark.parametrize(
    ("name", "started", "ds"),
    [
        ("daily_retraining", datetime(2026, 3, 10, 2), date(2026, 3, 8)),
        ("daily_features", datetime(2026, 3, 10, 0, 30), date(2026, 3, 9)),
    ],
)
def test_a_run_is_for_the_day_whose_data_has_come(parsed, name, started, ds):
    """Features are of yesterday; the retraining is of the day before, and its test day, yesterday, has ended too."""
    (dag,) = parsed[str(PROJECT_ROOT / "dags" / f"{name}.py")]["dags"]
    assert midnight_after(ds, -1) + timedelta(seconds=dag["schedule"]["lag"]) == started
    assert dag["schedule"]["weekday"] is None
