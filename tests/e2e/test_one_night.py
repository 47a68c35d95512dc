"""The nightly DAG as the scheduler runs it: Airflow, real logs, and a look-up that serves the last midnight."""

import json
import subprocess
import sys

import pytest

from tests.e2e.shop import new_shop
from uniscale.checkout import PROJECT_ROOT
from uniscale.config import load_settings
from uniscale.pipeline.airflow import airflow_environment, prepare_airflow

DS = "2026-01-08"


@pytest.fixture
def shop(logs, tmp_path, monkeypatch):
    """An installation that has never run anything, and is the one that commands find."""
    shop = new_shop(tmp_path / "shop", logs)
    monkeypatch.chdir(shop.folder)
    monkeypatch.setenv("UNISCALE_CONFIG", str(shop.folder / "uniscale.toml"))
    return shop


def run_dag(settings):
    return subprocess.run(
        [sys.executable, "-m", "dags.parts.by_hand", DS, "daily_features"],
        cwd=PROJECT_ROOT,
        env=airflow_environment(settings),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_a_night_takes_a_new_installation_from_logs_to_served_values(shop):
    settings = load_settings()
    prepare_airflow(settings)
    ran = run_dag(settings)
    assert ran.returncode == 0, (ran.stdout + ran.stderr)[-6000:]

    pointer = json.loads((shop.home / "feast" / "serving.json").read_text(encoding="utf-8"))
    assert pointer["moment"] == "2026-01-09T00:00:00"
    assert all(view["rows"] == view["written"] > 0 for view in pointer["views"].values())
    user = most_active_user(shop)
    told = {}
    for service in ("ranker_request_v3", "ranker_history_v1"):
        entity = ("--service", service, "--entity", f"user_id={user}", "--json")
        served = json.loads(shop.run("features", "get", *entity).stdout)
        known = json.loads(shop.run("features", "get", *entity, "--as-of", "2026-01-09").stdout)
        assert served["as_of"] == known["as_of"]
        (served,), (known,) = (answer["rows"] for answer in (served, known))
        daily = [name for name in served["features"] if not name.startswith("fresh_")]
        assert [served["features"][name] for name in daily] == [known["features"][name] for name in daily]
        told |= served["features"]
    assert told["user_num_clicks_1d"] > 0
    assert told["history_items"]


def most_active_user(shop):
    with shop.lake().read() as con:
        query = (
            "select user_id from raw.actions where ds = ? and action = 'click' group by all order by count(*) desc, 1"
        )
        return con.execute(query, [DS]).fetchone()[0]
