"""`uniscale up`: every embedded server answers on loopback, the scheduler knows the DAG, Ctrl-C leaves nobody."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import psutil
import pytest

from uniscale.cli.services import run_services, services
from uniscale.config.settings import PROJECT_ROOT


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def get(url: str, token: str | None = None) -> str:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode()


def wait_for(check, seconds: float, what: str):
    deadline = time.monotonic() + seconds
    last = None
    while time.monotonic() < deadline:
        try:
            found = check()
            if found:
                return found
        except OSError as error:
            last = error
        time.sleep(0.5)
    raise AssertionError(f"{what} did not come within {seconds} s: {last}")


def test_all_servers_come_up_know_the_dag_and_stop_together(tmp_path):
    airflow, mlflow, evidently = free_ports(3)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("UNISCALE_", "AIRFLOW"))}
    environment |= {"UNISCALE_HOME": str(tmp_path / "home"), "PYTHONPATH": str(PROJECT_ROOT)}
    ports = ("--airflow-port", str(airflow), "--mlflow-port", str(mlflow), "--evidently-port", str(evidently))
    process = subprocess.Popen(
        [sys.executable, "-m", "uniscale", "up", *ports],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for(lambda: get(f"http://127.0.0.1:{mlflow}/health") == "OK", 120, "MLflow")
        wait_for(lambda: "html" in get(f"http://127.0.0.1:{evidently}/").lower(), 120, "Evidently")
        token = wait_for(lambda: _token(airflow), 120, "Airflow's token")
        dag = wait_for(lambda: _dag(airflow, token), 120, "the DAG")
        assert dag["has_import_errors"] is False
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) >= 3
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive
    assert process.returncode == 0


def _token(port: int) -> str | None:
    return json.loads(get(f"http://127.0.0.1:{port}/auth/token")).get("access_token")


def _dag(port: int, token: str) -> dict | None:
    found = json.loads(get(f"http://127.0.0.1:{port}/api/v2/dags", token))["dags"]
    return next((dag for dag in found if dag["dag_id"] == "daily_retraining"), None)


def test_a_taken_port_is_named_before_anything_starts(settings):
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        wanted = services(settings, airflow_port=port, mlflow_port=port, evidently_port=port)
        with pytest.raises(RuntimeError, match=f"port {port}"):
            run_services(settings, wanted)
