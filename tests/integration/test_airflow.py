"""Airflow itself on this project's DAGs: its pools, its backfills, and what it does about bad input."""

import json
import os
import sqlite3
import subprocess
import sys

import pytest

from uniscale.checkout import PROJECT_ROOT
from uniscale.config.settings import Settings
from uniscale.pipeline.airflow import airflow_environment
from uniscale.pipeline.incidents import incidents
from uniscale.pipeline.pools import POOLS


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """An installation whose Airflow has read the DAGs."""
    home = tmp_path_factory.mktemp("airflow") / "home"
    airflow(home, "dags", "reserialize")
    return home


def airflow(home, *words):
    """Run `uniscale airflow` as a person would."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("UNISCALE_", "AIRFLOW"))}
    done = subprocess.run(
        [sys.executable, "-m", "uniscale", "airflow", *words],
        env={**kept, "UNISCALE_HOME": str(home), "PYTHONPATH": str(PROJECT_ROOT)},
        cwd=home.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def asked(home, query):
    with sqlite3.connect(home / "airflow" / "airflow.db") as con:
        return con.execute(query).fetchall()


def test_the_pools_that_tasks_wait_in_are_set_up(home):
    found = dict(asked(home, "select pool, slots from slot_pool"))
    assert {pool.name: found.get(pool.name) for pool in POOLS} == {pool.name: pool.slots for pool in POOLS}


@pytest.mark.parametrize("dag", ["daily_retraining", "daily_features"])
def test_a_backfill_of_airflow_plans_the_days_that_it_names(home, dag):
    span = ("--from-date", "2026-01-07", "--to-date", "2026-01-09")
    planned = airflow(home, "backfill", "create", "--dag-id", dag, *span, "--max-active-runs", "1", "--dry-run")
    days = [line.split()[1] for line in planned.splitlines() if line.startswith("| 2026")]
    assert days == ["2026-01-07", "2026-01-08", "2026-01-09"]


def test_the_words_and_the_exit_code_are_those_of_airflow(home):
    listed = json.loads(airflow(home, "dags", "list", "-o", "json").splitlines()[-1])
    assert "daily_retraining" in {dag["dag_id"] for dag in listed}
    with pytest.raises(AssertionError):
        airflow(home, "dags", "details", "no_such_dag")


def test_bad_input_is_not_tried_again_and_is_told(home):
    """There is no lake to maintain, and there will be none in a minute."""
    settings = Settings(home=home)
    done = subprocess.run(
        [sys.executable, "-m", "dags.parts.by_hand", "2026-01-10", "maintenance"],
        env=dict(airflow_environment(settings)),
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr[-3000:]
    assert asked(home, "select state, try_number from task_instance where dag_id = 'maintenance'") == [("failed", 1)]
    (found,) = incidents(settings)
    assert (found.kind, found.dag, found.task, found.ds) == ("failed", "maintenance", "maintain", "2026-01-10")
    assert "bad input" in found.message
