"""The embedded Airflow: its program, its environment and its database."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from uniscale.checkout import PROJECT_ROOT
from uniscale.config import Settings
from uniscale.config.sqlite_files import sqlite_fault
from uniscale.pipeline.pools import POOLS
from uniscale.pipeline.processes import child_environment
from uniscale.whole_files import write_whole


def airflow_command() -> str:
    """The program `airflow` of this environment."""
    return str(Path(sys.executable).with_name("airflow"))


def prepare_airflow(settings: Settings) -> None:
    """Bring the embedded Airflow's database to the installed version, with its pools (10 s at first, then nothing).

    Raises:
        RuntimeError: The database is damaged, or the migration failed; its output is in the message.
    """
    from importlib.metadata import version

    home = settings.home / "airflow"
    stamp = home / "migrated"
    pools = [("pools", "set", pool.name, str(pool.slots), pool.meaning) for pool in POOLS]
    wanted = f"{version('apache-airflow-core')} {pools}"
    database = home / "airflow.db"
    if fault := sqlite_fault(database):
        raise RuntimeError(
            f"Airflow's database {database} is damaged ({fault}); remove it: it holds the history of runs, and is made "
            "again"
        )
    # An Airflow that was given another database leaves no file here.
    is_there = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN" in os.environ or (database.is_file() and database.stat().st_size)
    if is_there and stamp.is_file() and stamp.read_text(encoding="utf-8", errors="replace") == wanted:
        return
    home.mkdir(parents=True, exist_ok=True)
    for words in (("db", "migrate"), *pools):
        done = subprocess.run(
            [airflow_command(), *words],
            env=dict(airflow_environment(settings)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"airflow {' '.join(words)} failed:\n{(done.stdout + done.stderr)[-2000:]}")
    write_whole(stamp, wanted)


def airflow_environment(settings: Settings, port: int = 8080) -> Mapping[str, str]:
    """Environment of the embedded Airflow: its own home, this project's DAGs, loopback only."""
    home = settings.home / "airflow"
    return {
        # airflow.cfg, which Airflow writes once, names these places from the root on; the home may have moved since.
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(home / "logs" / "dag_processor"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT_ROOT / "dags" / "plugins"),
        **child_environment(settings),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT_ROOT / "dags"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET": _secret(settings.home / "airflow" / "jwt_secret"),
    }


def _secret(path: Path) -> str:
    """A random secret that lives as long as the installation, readable by its owner only; a torn one is made again."""
    held = path.read_bytes() if path.is_file() else b""
    if not re.fullmatch(rb"[0-9a-f]{64}", held):
        write_whole(path, secrets.token_hex(32), mode=0o600)
    return path.read_text(encoding="utf-8")
