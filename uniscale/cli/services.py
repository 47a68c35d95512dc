"""`uniscale up`: the embedded servers on loopback, stopped together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table as RichTable

from uniscale.cli.ui import PORT as UI_PORT
from uniscale.config import Settings, load_settings
from uniscale.console import err, exit_codes
from uniscale.pipeline.airflow import airflow_environment
from uniscale.pipeline.processes import child_environment, die_with_parent
from uniscale.pipeline.workspace import drop_torn_reports

_WITHOUT_JOBS = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
"""MLflow's server starts eight processes for the jobs of its evaluation of language models; nothing here has any."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """One server process.

    Attributes:
        name: What people call it.
        port: Loopback port it listens on; None for a process that serves nobody.
        command: How it is started.
        environment: Its environment.
        waits: Whether it starts only when the others answer; a task that the scheduler starts asks the API server.
    """

    name: str
    port: int | None
    command: tuple[str, ...]
    environment: Mapping[str, str]
    waits: bool = False


def services(
    settings: Settings, *, airflow_port: int, mlflow_port: int, evidently_port: int, ui_port: int
) -> tuple[Service, ...]:
    """The embedded servers of an installation."""
    binaries = Path(sys.executable).parent
    workspace = settings.home / "evidently"
    workspace.mkdir(parents=True, exist_ok=True)
    mlflow = (
        *(str(binaries / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(mlflow_port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{settings.home / 'mlflow.db'}"),
        *("--default-artifact-root", (settings.home / "mlartifacts").as_uri()),
    )
    evidently = (
        *(str(binaries / "evidently"), "ui", "--host", "127.0.0.1", "--port", str(evidently_port)),
        *("--workspace", str(workspace)),
    )
    dashboard = (
        *(sys.executable, "-m", "uniscale", "ui", "--port", str(ui_port), "--airflow-port", str(airflow_port)),
        *("--mlflow-port", str(mlflow_port), "--evidently-port", str(evidently_port)),
    )
    quiet = child_environment(settings)
    return (
        Service(name="Dashboard", port=ui_port, command=dashboard, environment=quiet),
        *_airflow(settings, binaries, airflow_port),
        Service(name="MLflow", port=mlflow_port, command=mlflow, environment={**quiet, **_WITHOUT_JOBS}),
        Service(name="Evidently", port=evidently_port, command=evidently, environment=quiet),
    )


def _airflow(settings: Settings, binaries: Path, port: int) -> tuple[Service, ...]:
    """What ``airflow standalone`` starts, but for two parts that this project has no use for.

    No triggerer, as no task is deferred; and no log server, which listens on all interfaces whatever is configured: the
    API server reads the logs from the disk.
    """
    airflow, environment = str(binaries / "airflow"), airflow_environment(settings, port)
    commands: tuple[tuple[str, int | None, tuple[str, ...]], ...] = (
        ("Airflow", port, ("api-server",)),
        ("Airflow-scheduler", None, ("scheduler", "--skip-serve-logs")),
        ("Airflow-dag-processor", None, ("dag-processor",)),
    )
    return tuple(
        Service(
            name=name,
            port=listens_on,
            command=(airflow, *words),
            environment=environment,
            waits=words[0] == "scheduler",
        )
        for name, listens_on, words in commands
    )


def run_services(settings: Settings, wanted: tuple[Service, ...]) -> None:
    """Start servers, wait until each answers, and keep them until SIGINT, SIGTERM or the end of one of them.

    Raises:
        RuntimeError: A port is taken, or a server ended by itself; the message names its log.
    """
    for service in wanted:
        if service.port is not None and _answers(service.port):
            raise RuntimeError(f"port {service.port} for {service.name} is taken; choose another one, see --help")
    logs = settings.home / "services"
    logs.mkdir(parents=True, exist_ok=True)
    running: list[tuple[Service, subprocess.Popen[bytes]]] = []
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell starts background jobs with SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    try:
        for service in sorted(wanted, key=lambda service: service.waits):
            if service.waits:
                _wait_until_up(running, logs)
            running.append((service, _start(service, logs / f"{service.name.lower()}.log")))
        _wait_until_up(running, logs)
        _show(wanted)
        while True:
            _check_alive(running, logs)
            time.sleep(0.5)
    except KeyboardInterrupt:
        err.print("stopping all servers")
    finally:
        _stop([process for _, process in running])


def _start(service: Service, log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as sink:
        return subprocess.Popen(
            service.command,
            env=dict(service.environment),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # its children form one group that can be stopped together
            preexec_fn=die_with_parent,
        )


def _wait_until_up(running: list[tuple[Service, subprocess.Popen[bytes]]], logs: Path, seconds: float = 180.0) -> None:
    deadline = time.monotonic() + seconds
    with err.status("starting"):
        for service, _ in running:
            while service.port is not None and not _answers(service.port):
                _check_alive(running, logs)
                if time.monotonic() > deadline:
                    log = logs / f"{service.name.lower()}.log"
                    raise RuntimeError(f"{service.name} did not answer within {seconds:.0f} s; see {log}")
                time.sleep(0.3)


def _check_alive(running: list[tuple[Service, subprocess.Popen[bytes]]], logs: Path) -> None:
    for service, process in running:
        if process.poll() is not None:
            log = logs / f"{service.name.lower()}.log"
            raise RuntimeError(f"{service.name} ended with exit code {process.returncode}; see {log}")


def _answers(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _show(wanted: tuple[Service, ...]) -> None:
    table = RichTable(title="Up; Ctrl-C stops them all")
    table.add_column("Server")
    table.add_column("Address")
    for service in wanted:
        if service.port is not None:
            table.add_row(service.name, f"http://127.0.0.1:{service.port}")
    err.print(table)


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        _signal_group(process, signal.SIGTERM)
    deadline = time.monotonic() + 10
    for process in processes:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            err.print(f"[yellow]process {process.pid} did not stop in 10 s; killing it[/]")
        _signal_group(process, signal.SIGKILL)  # whatever of the group is left
        process.wait()


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return  # the whole group has ended


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""

    @app.command("up")
    def up_command(
        airflow_port: Annotated[int, typer.Option(help="Port of Airflow.")] = 8080,
        mlflow_port: Annotated[int, typer.Option(help="Port of MLflow.")] = 5000,
        evidently_port: Annotated[int, typer.Option(help="Port of the Evidently UI.")] = 8000,
        ui_port: Annotated[int, typer.Option(help="Port of the dashboard.")] = UI_PORT,
    ) -> None:
        """Start the dashboard, Airflow (and its scheduler), MLflow and Evidently on loopback; Ctrl-C stops them all."""
        with exit_codes():
            from uniscale.pipeline.airflow import prepare_airflow
            from uniscale.registry.client import open_client

            settings = load_settings()
            prepare_airflow(settings)
            drop_torn_reports(settings.home / "evidently")
            open_client(settings)  # makes the database, which the server would not make whole
            ports = {"airflow_port": airflow_port, "mlflow_port": mlflow_port, "evidently_port": evidently_port}
            run_services(settings, services(settings, **ports, ui_port=ui_port))
