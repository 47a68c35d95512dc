"""The main job, as a person runs it: one day through every real component, corrupt logs and kills included."""

import json
import shutil
import signal
import time
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
    airflow, mlflow, evidently, ui = free_ports(4)
    ports = ("--airflow-port", str(airflow), "--mlflow-port", str(mlflow), "--evidently-port", str(evidently))
    ports += ("--ui-port", str(ui))
    process = day.start("up", *ports)
    try:
        wait_for(lambda: get(f"http://127.0.0.1:{mlflow}/health") == "OK", 120, "MLflow")
        wait_for(lambda: "html" in get(f"http://127.0.0.1:{evidently}/").lower(), 120, "Evidently")
        wait_for(lambda: "The search ranker today" in get(f"http://127.0.0.1:{ui}/"), 120, "the dashboard")
        token = wait_for(lambda: airflow_token(airflow), 120, "Airflow's token")
        yield SimpleNamespace(process=process, airflow=airflow, token=token)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def test_all_servers_answer_on_loopback_and_know_the_dags(up):
    for name in ("daily_retraining", "daily_features", "monitoring"):
        dag = wait_for(lambda name=name: airflow_dag(up.airflow, up.token, name), 120, name)
        assert dag["has_import_errors"] is False
    children = psutil.Process(up.process.pid).children(recursive=True)
    assert len(children) >= 5
    assert not [child for child in children if "mlflow.server.jobs" in " ".join(child.cmdline())]
    assert listening_addresses(up.process.pid) == {"127.0.0.1"}


def test_a_backfill_by_the_scheduler_runs_its_days_and_their_monitoring_and_does_nothing_for_finished_ones(day, up):
    """Airflow's own backfill takes the day from the range; what `uniscale day` has done is found done."""
    before, snapshot = content(day.lake()), day.lake().snapshot_id()
    wait_for(lambda: airflow_dag(up.airflow, up.token, "monitoring"), 120, "the DAGs")
    server, asked = f"http://127.0.0.1:{up.airflow}/api/v2", time.time()
    send("PATCH", f"{server}/dags/monitoring", up.token, {"is_paused": False})
    span = ("--from-date", DS, "--to-date", DS, "--reprocess-behavior", "completed")
    day.run("airflow", "backfill", "create", "--dag-id", "daily_retraining", *span)
    send("PATCH", f"{server}/dags/daily_retraining", up.token, {"is_paused": False})
    backfilled = wait_for(lambda: _ended(up, "daily_retraining", "backfill"), 300, "the end of the backfill")
    watched = wait_for(lambda: _ended(up, "monitoring", "asset_triggered"), 300, "the end of the monitoring")
    send("PATCH", f"{server}/dags/daily_retraining", up.token, {"is_paused": True})
    assert (backfilled["state"], backfilled["logical_date"][:10]) == ("success", DS)
    assert (watched["state"], watched["partition_key"]) == ("success", DS)
    found = {change["step"]: change["state"] for change in day.changes() if change["at"] > asked}
    assert found == dict.fromkeys(STEP_NAMES, "was done")
    assert (content(day.lake()), day.lake().snapshot_id()) == (before, snapshot)


def test_ctrl_c_stops_all_servers_together(up):
    children = psutil.Process(up.process.pid).children(recursive=True)
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(60) == 0
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive


def _ended(up, dag, kind):
    """The run of a kind, once it has ended."""
    runs = json.loads(get(f"http://127.0.0.1:{up.airflow}/api/v2/dags/{dag}/dagRuns", up.token))["dag_runs"]
    (run,) = [run for run in runs if run["run_type"] == kind] or [None]
    return run if run and run["state"] in ("success", "failed") else None


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
