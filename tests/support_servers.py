"""Ports for servers, and their answers."""

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

POSTGRES_PASSWORD = "do-not-show-me"


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@contextmanager
def redis_server(
    folder, port: int | None = None, password: str | None = None
) -> Iterator[tuple[str, subprocess.Popen]]:
    """A Redis server that keeps nothing on the disk; gives its address and its process."""
    pytest.importorskip("redis")
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    port = port or free_ports(1)[0]
    command = ["redis-server", "--port", str(port), "--save", "", "--dir", str(folder)]
    command += ["--requirepass", password] if password else []
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: socket.create_connection(("127.0.0.1", port)), 20, "Redis").close()
            yield f"127.0.0.1:{port}", process
        finally:
            process.kill()


@contextmanager
def postgres_server() -> Iterator[Callable[[str], str]]:
    """A PostgreSQL server that keeps nothing on the disk for long; gives the DSN of a new database by its name.

    It refuses to run as root, so there it runs as one of the system's unprivileged users.
    """
    psycopg2 = pytest.importorskip("psycopg2")
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin")) or [Path(shutil.which("initdb") or "").parent]
    if not (programs[-1] / "initdb").is_file():
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    is_root = os.geteuid() == 0
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = {"user": "postgres" if "postgres" in names else "nobody", "extra_groups": []} if is_root else {}
    with tempfile.TemporaryDirectory(prefix="postgres-") as name:
        folder = Path(name)
        secret = folder / "password"
        secret.write_text(POSTGRES_PASSWORD, encoding="utf-8")
        if is_root:
            for path in (folder, secret):
                shutil.chown(path, user["user"])
        made = ("-D", folder / "data", "-U", "uniscale", "-A", "scram-sha-256", f"--pwfile={secret}", "--no-sync")
        subprocess.run([programs[-1] / "initdb", *made], check=True, stdout=subprocess.DEVNULL, cwd=folder, **user)
        port = free_ports(1)[0]
        run = ("-D", folder / "data", "-p", str(port), "-k", folder, "-c", "listen_addresses=127.0.0.1")
        with subprocess.Popen(
            [programs[-1] / "postgres", *run, "-c", "fsync=off"], stderr=subprocess.DEVNULL, cwd=folder, **user
        ) as process:
            server = f"host=127.0.0.1 port={port} user=uniscale password={POSTGRES_PASSWORD}"

            def connect():
                try:
                    return psycopg2.connect(f"{server} dbname=postgres")
                except psycopg2.OperationalError as error:
                    raise ConnectionError(str(error)) from None

            def database(name: str) -> str:
                session = wait_for(connect, 60, "PostgreSQL")
                session.autocommit = True
                session.cursor().execute(f"create database {name}")
                session.close()
                return f"{server} dbname={name}"

            try:
                yield database
            finally:
                process.send_signal(signal.SIGQUIT)  # at once: nothing is to be kept
                process.wait(30)


def get(url: str, token: str | None = None) -> str:
    return _answer(urllib.request.Request(url, headers=_headers(token)))


def send(method: str, url: str, token: str, content: dict) -> dict:
    """Send JSON, and read JSON back."""
    headers = {**_headers(token), "Content-Type": "application/json"}
    data = json.dumps(content).encode()
    return json.loads(_answer(urllib.request.Request(url, data=data, method=method, headers=headers)))


def wait_for(check, seconds: float, what: str):
    """The first true answer of ``check``; a server that is not up yet is asked again."""
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


def airflow_token(port: int) -> str | None:
    return json.loads(get(f"http://127.0.0.1:{port}/auth/token")).get("access_token")


def airflow_dag(port: int, token: str, dag_id: str = "daily_retraining") -> dict | None:
    found = json.loads(get(f"http://127.0.0.1:{port}/api/v2/dags", token))["dags"]
    return next((dag for dag in found if dag["dag_id"] == dag_id), None)


def listening_addresses(pid: int) -> set[str]:
    """Addresses that the descendants of a process listen on."""
    found = set()
    for process in psutil.Process(pid).children(recursive=True):
        try:
            connections = process.net_connections("inet")
        except psutil.NoSuchProcess:
            continue
        found |= {c.laddr.ip.removeprefix("::ffff:") for c in connections if c.status == psutil.CONN_LISTEN}
    return found


def _headers(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def _answer(request: urllib.request.Request) -> str:
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode()
