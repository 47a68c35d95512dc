"""An installation of the benchmark, and its Airflow."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from uniscale.checkout import PROJECT_ROOT
from uniscale.config import Settings
from uniscale.pipeline.incidents import incidents
from uniscale.sources.awaited import DAILY

DAG = "daily_retraining"
WITH_IT = ("daily_features", "monitoring", "label_restatement")
"""The other DAGs of every day."""
LATE_DAYS = 2
MOST_SECONDS = 3600
"""For which a day may take before the benchmark gives up."""


class Site:
    """An installation in a folder of its own.

    Attributes:
        events: Where its logs come.
        settings: Its settings.
    """

    def __init__(self, folder: Path, train_days: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.events = folder, folder / "events"
        self.events.mkdir(exist_ok=True)
        self.settings = Settings(home=folder / "home")
        self.write_config(train_days)
        self._train_days = train_days
        self._port = 0
        self._token: str | None = None
        self._late = folder / "late.json"

    def write_config(self, train_days: int, more: str = "") -> None:
        """Deploy the configuration."""
        text = f'home = "home"\n[source]\nevents_dir = "events"\n[window]\ntrain_days = {train_days}\n{more}'
        (self.folder / "uniscale.toml").write_text(text, encoding="utf-8")

    def deploy(self, more: str = "") -> None:
        """Deploy the configuration with something more in it, or without."""
        self.write_config(self._train_days, more)

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of the installation."""
        command = [sys.executable, "-m", "uniscale", *words]
        return subprocess.run(
            command, cwd=self.folder, env=self._environment(), check=check, text=True, stdout=subprocess.PIPE
        )

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("UNISCALE_", "AIRFLOW"))}
        own = {"UNISCALE_CONFIG": str(self.folder / "uniscale.toml"), "UNISCALE_POKE_SECONDS": "15"}
        return {**kept, **own, "PYTHONPATH": str(PROJECT_ROOT)}

    def bring(self, source: Path, day: date, *, leave_out: Collection[str] = ()) -> None:
        """Let the logs of a day come, but for some tables; each file is whole or absent."""
        for folder in sorted(source.glob(f"*/ds={day}")):
            if folder.parent.name not in leave_out:
                self._bring(folder)

    def _bring(self, folder: Path) -> None:
        to = self.events / folder.parent.name / folder.name
        if not to.is_dir():
            part = self.events.parent / "part"
            shutil.rmtree(part, ignore_errors=True)
            shutil.copytree(folder, part)
            to.parent.mkdir(exist_ok=True)
            part.replace(to)

    def hold_back(self, day: date) -> None:
        """Have the actions of a day come some days late."""
        self._late.write_text(json.dumps([*self._held(), day.isoformat()]), encoding="utf-8")

    def withheld(self, day: date) -> tuple[str, ...]:
        """Tables that do not come with the others of the day."""
        return (DAILY[-1].name,) if day.isoformat() in self._held() else ()

    def bring_late(self, source: Path, today: date) -> None:
        """Let come what was held back long enough."""
        for text in self._held():
            if date.fromisoformat(text) + timedelta(days=LATE_DAYS) <= today:
                self.bring(source, date.fromisoformat(text))

    def is_waiting(self) -> bool:
        """Whether a day still lacks its actions, so that runs rightly wait."""
        return any(not (self.events / DAILY[-1].name / f"ds={text}").is_dir() for text in self._held())

    def _held(self) -> list[str]:
        held: list[str] = json.loads(self._late.read_text(encoding="utf-8")) if self._late.is_file() else []
        return held

    @contextmanager
    def scheduler(self) -> Iterator[None]:
        """Airflow's servers, as `uniscale up` starts them."""
        self._port, *others = _free_ports(3)
        names = ("--airflow-port", "--mlflow-port", "--evidently-port")
        ports = [word for name, port in zip(names, (self._port, *others), strict=True) for word in (name, str(port))]
        with (self.folder / "up.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "uniscale", "up", *ports],
                cwd=self.folder,
                env=self._environment(),
                stdout=log,
                stderr=log,
            )
            try:
                self._token = _patiently(lambda: self.ask("GET", "/auth/token", api="")["access_token"], 300)
                _patiently(lambda: self.ask("GET", f"/dags/{DAG}"), 300)
                yield
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(60)

    def plan(self, first: date, last: date) -> None:
        """Have the scheduler run the days, in order, each once its logs have come."""
        for dag in (DAG, *WITH_IT):
            self.ask("PATCH", f"/dags/{dag}", {"is_paused": False})
        for dag, end in ((DAG, last), (WITH_IT[0], last + timedelta(days=1))):
            span = {"from_date": f"{first}T00:00:00Z", "to_date": f"{end}T00:00:00Z", "max_active_runs": 1}
            asked = {"dag_id": dag, **span, "run_backwards": False, "dag_run_conf": {}}
            _patiently(partial(self._backfill, asked), 300)  # the database of Airflow may be busy

    def _backfill(self, asked: dict[str, Any]) -> bool:
        """Ask for a backfill, unless it is there from before a kill."""
        try:
            self.ask("POST", "/backfills", asked)
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.CONFLICT:
                raise
        return True

    def ask(self, method: str, path: str, content: dict[str, Any] | None = None, *, api: str = "/api/v2") -> Any:
        """Ask Airflow's API."""
        headers = {"Content-Type": "application/json"}
        headers |= {"Authorization": f"Bearer {self._token}"} if self._token else {}
        data = None if content is None else json.dumps(content).encode()
        url = f"http://127.0.0.1:{self._port}{api}{path}"
        request = urllib.request.Request(url, data=data, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def runs(self, dag: str) -> list[dict[str, Any]]:
        """The runs of the simulated days: of the backfill, by hand, or triggered by assets."""
        found = self.ask("GET", f"/dags/{dag}/dagRuns?limit=100&order_by=run_after")["dag_runs"]
        return [run for run in found if run["run_type"] != "scheduled" and _is_simulated(run)]

    def run_of(self, ds: date) -> dict[str, Any]:
        """The retraining of a day."""
        return next(run for run in self.runs(DAG) if run["logical_date"][:10] == ds.isoformat())

    def wait_for(self, ds: date) -> None:
        """Wait until the retraining of a day, and so of all days before it, is over."""
        _patiently(lambda: self.run_of(ds)["state"] in ("success", "failed"), MOST_SECONDS)

    def wait_for_task(self, ds: date, task: str) -> None:
        """Wait until a task of the retraining of a day is at work."""
        path = f"/dags/{DAG}/dagRuns/{self.run_of(ds)['dag_run_id']}/taskInstances/{task}"
        _patiently(lambda: self.ask("GET", path)["state"] in ("running", "success"), MOST_SECONDS)

    def do_again(self, ds: date) -> None:
        """Run a day by hand, and clear what has failed in the other DAGs, as a person would.

        A cleared retraining would wait behind the next day, which waits for its logs.
        """
        self.run("day", ds.isoformat())
        for dag in WITH_IT:
            for run in self.runs(dag):
                if run["state"] == "failed":
                    asked = {"dag_run_id": run["dag_run_id"], "only_failed": True, "dry_run": False}
                    self.ask("POST", f"/dags/{dag}/clearTaskInstances", {**asked, "reset_dag_runs": True})

    def settle(self, last: date) -> None:
        """Wait until everything that the days have brought about is over."""
        self.wait_for(last)
        over = ("success", "failed")
        _patiently(lambda: all(run["state"] in over for dag in WITH_IT for run in self.runs(dag)), MOST_SECONDS)

    def unfinished(self) -> list[str]:
        """Runs that did not end well."""
        runs = [(dag, run) for dag in (DAG, *WITH_IT) for run in self.runs(dag)]
        return [f"{dag} {run['dag_run_id']}: {run['state']}" for dag, run in runs if run["state"] != "success"]

    def incidents(self) -> list[str]:
        """What was told."""
        return [f"{found.kind} {found.dag} {found.task} {found.ds}" for found in incidents(self.settings)]


def _is_simulated(run: dict[str, Any]) -> bool:
    """Whether it is of a day of the simulated logs; the scheduler also makes runs of the days that really end."""
    day = str(run["partition_key"] or run["logical_date"])[: len("2026-01-07")]
    return date.today() - date.fromisoformat(day) > timedelta(days=7)


def _patiently(check: Any, seconds: float) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if found := check():
                return found
        except (OSError, StopIteration, urllib.error.URLError):
            pass
        time.sleep(1)
    raise RuntimeError(f"nothing came of it within {seconds:.0f} s; the servers' logs are in home/services")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports
