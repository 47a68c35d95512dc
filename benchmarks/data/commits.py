"""Small commits of several processes at once: none may be lost or refused, and a reader meanwhile never waits long.

    python -m benchmarks.data.commits --postgres 'dbname=commits host=127.0.0.1 user=uniscale password=...'

The database must be an empty one. Without ``--postgres`` the SQLite catalogue alone is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from typing import Any

from benchmarks.record import begin, store
from uniscale.checkout import PROJECT_ROOT
from uniscale.config import load_settings
from uniscale.lake import Lake, LakeLockedError

COMMITS, PROCESSES = 500, 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--postgres", help="DSN of an empty database")
    parser.add_argument("--commits", type=int, default=COMMITS)
    parser.add_argument("--processes", type=int, default=PROCESSES)
    arguments = parser.parse_args()
    record = {**begin("benchmarks.data.commits"), "command": _command(arguments)}
    del record["sizes"]
    catalogues = {"sqlite": None} | ({"postgres": f"postgres:{arguments.postgres}"} if arguments.postgres else {})
    record["catalogues"] = {
        kind: _measure(catalogue, arguments.commits, arguments.processes) for kind, catalogue in catalogues.items()
    }
    record["load_average"] = round(os.getloadavg()[0], 1)
    store("commits", record, page(record))
    print(page(record))


def _command(arguments: argparse.Namespace) -> str:
    """As it was called, without what the DSN may hold."""
    sizes = "" if arguments.commits == COMMITS else f" --commits {arguments.commits}"
    return f"python -m benchmarks.data.commits{' --postgres DSN' if arguments.postgres else ''}{sizes}"


def _measure(catalogue: str | None, commits: int, processes: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="commits-") as home:
        environment = {**os.environ, "UNISCALE_HOME": home, "PYTHONPATH": str(PROJECT_ROOT)}
        if catalogue is not None:
            environment["UNISCALE_LAKE__CATALOG"] = catalogue
        os.environ.update(environment)
        lake = Lake(load_settings())
        lake.commit(lambda con: con.execute("create table lake.t (process int, number int)"), "table")
        start = time.monotonic()
        command = [sys.executable, "-m", "benchmarks.data.commits", "worker"]
        running = [
            subprocess.Popen([*command, str(process), str(commits // processes)], stdout=subprocess.PIPE, text=True)
            for process in range(processes)
        ]
        reads = []
        while any(process.poll() is None for process in running):
            began = time.monotonic()
            with lake.read() as con:
                con.execute("select count(*) from lake.t").fetchall()
            reads.append(time.monotonic() - began)
            time.sleep(0.5)
        told = [json.loads(process.communicate()[0]) for process in running]
        seconds = time.monotonic() - start
        with lake.read() as con:
            landed = con.execute("select count(distinct (process, number)) from lake.t").fetchone()
        assert landed is not None
        waits = sorted(wait for worker in told for wait in worker["seconds"])
        refused = sum(worker["refused"] for worker in told)
        return {
            "commits": commits,
            "processes": processes,
            "refused": refused,
            "lost": commits - refused - landed[0],
            "seconds": round(seconds, 1),
            "commits_per_second": round(commits / seconds, 1),
            "seconds_of_a_commit": {"p50": round(waits[len(waits) // 2], 2), "max": round(waits[-1], 2)},
            "reads_beside": {"number": len(reads), "max_seconds": round(max(reads), 2)},
        }


def _work(process: int, commits: int) -> None:
    lake = Lake(load_settings())
    refused, seconds = 0, []
    for number in range(commits):
        began = time.monotonic()
        try:
            lake.commit(lambda con, n=number: con.execute("insert into lake.t values (?, ?)", [process, n]), "a row")
        except LakeLockedError:
            refused += 1
        seconds.append(time.monotonic() - began)
    print(json.dumps({"refused": refused, "seconds": seconds}))


def page(record: dict[str, Any]) -> str:
    """The record as a page."""
    lines = [
        "# Small commits of several processes",
        "",
        f"{record['date']}, {record['hardware']}, code {record['code_version']}, load average {record['load_average']} "
        f"at the end: `{record['command']}`",
        "",
        "| catalogue | commits | processes | lost | refused | commits/s | a commit, p50 | a commit, max "
        "| slowest of the reads meanwhile |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for kind, found in record["catalogues"].items():
        of_a_commit, reads = found["seconds_of_a_commit"], found["reads_beside"]
        lines.append(
            f"| {kind} | {found['commits']} | {found['processes']} | {found['lost']} | {found['refused']} "
            f"| {found['commits_per_second']} | {of_a_commit['p50']} s | {of_a_commit['max']} s "
            f"| {reads['max_seconds']} s of {reads['number']} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        _work(int(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
