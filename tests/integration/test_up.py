"""`uniscale up`: every embedded server answers on loopback, the scheduler knows the DAGs, Ctrl-C leaves nobody."""

import os
import signal
import socket
import subprocess
import sys

import psutil
import pytest
from support_servers import airflow_dag, airflow_token, free_ports, get, listening_addresses, wait_for

from uniscale.checkout import PROJECT_ROOT
from uniscale.cli.services import run_services, services


def test_all_servers_come_up_know_the_dags_and_stop_together(tmp_path):
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
        token = wait_for(lambda: airflow_token(airflow), 120, "Airflow's token")
        for name in ("daily_retraining", "daily_features"):
            dag = wait_for(lambda name=name: airflow_dag(airflow, token, name), 120, name)
            assert dag["has_import_errors"] is False
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) >= 5
        assert not [child for child in children if "mlflow.server.jobs" in " ".join(child.cmdline())]
        assert listening_addresses(process.pid) == {"127.0.0.1"}
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive
    assert process.returncode == 0


def test_a_taken_port_is_named_before_anything_starts(settings):
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        wanted = services(settings, airflow_port=port, mlflow_port=port, evidently_port=port)
        with pytest.raises(RuntimeError, match=f"port {port}"):
            run_services(settings, wanted)
