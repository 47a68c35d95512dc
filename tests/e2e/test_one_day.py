"""The main job, as a person runs it: one day through every real component, corrupt logs and kills included."""

import json
import shutil
import signal
import time
from datetime import date, timedelta
from types import SimpleNamespace

import psutil
import pytest
from support_servers import airflow_dag, airflow_token, free_ports, get, listening_addresses, send, wait_for

from tests.e2e.shop import DS, Shop, content, new_shop
from uniscale.pipeline.steps import DAY_STEPS

STEP_NAMES = [step.name for step in DAY_STEPS]
KILLED_WITH_ITS_DAY = "train"
"""In this step the whole run is killed, Airflow included."""


def test_a_day_ends_with_a_decision_a_card_and_a_page(day):
    card = json.loads(day.run("report", DS, "--json").stdout)
    assert card["ds"] == DS
    assert card["decision"] in ("promoted", "refreshed", "kept")
    assert set(card["samples"]) == {"exposed", "unexposed", "attributed", "synthetic"}
    assert all(count > 0 for count in card["samples"].values())
    for role in ("champion", "challenger"):
        model = card["models"][role]
        assert model["params"] > 0
        for metric in ("auc", "gauc", "hr_at_5", "gmv_proxy"):
            assert model[metric]["ci_low"] <= model[metric]["value"] <= model[metric]["ci_high"]
    assert card["models"]["champion"]["name"].startswith("dlrm")
    assert card["models"]["challenger"]["name"].startswith("hhsft")
    assert set(card["stages"]) >= set(STEP_NAMES) - {"page"}
    page = (day.home / "reports" / DS / "index.html").read_text(encoding="utf-8")
    for drift in (day.home / "reports" / DS).glob("drift-*.html"):
        assert drift.name in page


def test_models_have_learnt_something(day):
    card = json.loads(day.run("report", DS, "--json").stdout)
    assert card["models"]["challenger"]["auc"]["ci_low"] > 0.5


@pytest.fixture(scope="module")
def up(day):
    """The servers of the installation, until Ctrl-C or the end of the tests."""
    airflow, mlflow, evidently = free_ports(3)
    ports = ("--airflow-port", str(airflow), "--mlflow-port", str(mlflow), "--evidently-port", str(evidently))
    process = day.start("up", *ports)
    try:
        wait_for(lambda: get(f"http://127.0.0.1:{mlflow}/health") == "OK", 120, "MLflow")
        wait_for(lambda: "html" in get(f"http://127.0.0.1:{evidently}/").lower(), 120, "Evidently")
        token = wait_for(lambda: airflow_token(airflow), 120, "Airflow's token")
        yield SimpleNamespace(process=process, airflow=airflow, token=token)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def test_all_servers_answer_on_loopback_and_know_the_dags(up):
    for name in ("daily_retraining", "daily_features"):
        dag = wait_for(lambda name=name: airflow_dag(up.airflow, up.token, name), 120, name)
        assert dag["has_import_errors"] is False
    children = psutil.Process(up.process.pid).children(recursive=True)
    assert len(children) >= 5
    assert not [child for child in children if "mlflow.server.jobs" in " ".join(child.cmdline())]
    assert listening_addresses(up.process.pid) == {"127.0.0.1"}


def test_the_scheduler_runs_the_same_dag_for_its_day_and_does_nothing_for_a_finished_one(day, up):
    """Airflow's own scheduler takes the day from the run's schedule interval, and finds every step done."""
    before, snapshot = content(day.lake()), day.lake().snapshot_id()
    wait_for(lambda: airflow_dag(up.airflow, up.token), 120, "the DAG")
    dag = f"http://127.0.0.1:{up.airflow}/api/v2/dags/daily_retraining"
    two_days_later = f"{date.fromisoformat(DS) + timedelta(days=2)}T02:00:00Z"
    # Due before the run of last night, which the scheduler makes by itself: of two runs one waits for the other.
    when = {"logical_date": two_days_later, "run_after": two_days_later}
    run = send("POST", f"{dag}/dagRuns", up.token, when)
    send("PATCH", dag, up.token, {"is_paused": False})
    path = f"{dag}/dagRuns/{run['dag_run_id']}"
    state = wait_for(lambda: _final_state(get(path, up.token)), 300, "the end of the run")
    tasks = json.loads(get(f"{path}/taskInstances", up.token))["task_instances"]
    send("PATCH", dag, up.token, {"is_paused": True})
    assert {task["task_id"]: task["state"] for task in tasks} == dict.fromkeys(STEP_NAMES, "success")
    assert state == "success"
    assert {change["step"]: change["state"] for change in day.changes()} == dict.fromkeys(STEP_NAMES, "was done")
    assert (content(day.lake()), day.lake().snapshot_id()) == (before, snapshot)


def test_ctrl_c_stops_all_servers_together(up):
    children = psutil.Process(up.process.pid).children(recursive=True)
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(60) == 0
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive


def _final_state(answer: str) -> str | None:
    state = json.loads(answer)["state"]
    return state if state in ("success", "failed") else None


def test_a_corrupt_log_is_refused_and_leaves_the_lake_as_it_was(day, logs, tmp_path):
    bad = tmp_path / "bad"
    shutil.copytree(logs / "events", bad)
    file = next((bad / "requests").rglob("*.parquet"))
    file.write_bytes(file.read_bytes()[:200])
    before, snapshot = content(day.lake()), day.lake().snapshot_id()
    done = day.run("ingest", "events", str(bad), check=False)
    assert done.returncode == 2
    assert file.name in done.stderr
    assert content(day.lake()) == before
    assert day.lake().snapshot_id() == snapshot


def test_a_run_killed_in_every_step_finishes_with_the_same_rows(day, tmp_path_factory, logs):
    """One step dies with its whole run, the others alone, as Airflow starts them; the last is the day's to finish."""
    shop = new_shop(tmp_path_factory.mktemp("killed") / "shop", logs)
    for step in STEP_NAMES:
        words = ("day", DS) if step == KILLED_WITH_ITS_DAY else ("step", step, DS)
        seconds = next(change["seconds"] for change in day.changes() if change["step"] == step and change["seconds"])
        _kill_in_the_middle(shop, step, words, seconds)
        if step != STEP_NAMES[-1]:
            shop.run("step", step, DS)
    since = time.time()
    shop.run("day", DS)
    found = {change["step"]: change["state"] for change in shop.changes() if change["at"] > since}
    assert found == {**dict.fromkeys(STEP_NAMES, "was done"), STEP_NAMES[-1]: "done"}
    assert content(shop.lake()) == content(day.lake())


def _kill_in_the_middle(shop: Shop, step: str, words: tuple[str, ...], seconds: float) -> None:
    """Start a command, and SIGKILL it when a third of ``step``'s usual time is over; nothing of it may live on."""
    since = time.time()

    def states() -> list[str]:
        return [change["state"] for change in shop.changes() if change["step"] == step and change["at"] > since]

    process = shop.start(*words)
    family = psutil.Process(process.pid)
    while not states():
        assert process.poll() is None, f"{' '.join(words)} ended before {step} started\n{shop.log()}"
        time.sleep(0.02)
    time.sleep(min(seconds / 3, 20))
    children = family.children(recursive=True)
    process.kill()
    process.wait()
    assert states() == ["running"], f"{step} ended before it was killed"
    assert children or words[0] == "step", "the day should have had an Airflow that can outlive it"
    # Ray's agents try for a minute to tell their dead cluster that its raylet died; then they end.
    _, alive = psutil.wait_procs(children, timeout=90)
    assert not alive, f"killed in {step}, but still there: {alive}"
