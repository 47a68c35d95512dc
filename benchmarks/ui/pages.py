"""How soon a browser shows a page of the dashboard, over a long history: ``python -m benchmarks.ui.pages``.

First contentful paint from the start of the navigation, in Chromium: right after a commit, when nothing that was read
before counts, and again on the same state of the lake.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.record import begin, store
from benchmarks.ui.history import LAST, write_history
from uniscale.config import Settings
from uniscale.lake import Lake

PAGES = {
    "home": "/",
    "trend, 90 days": "/trend",
    "trend, all days": "/trend?days=all",
    "day": f"/day/{LAST}",
    "drift, all days": "/drift?days=all",
    "data, all days": "/data?days=all",
    "runs, all days": "/runs?days=all",
}
_PAINT = "() => performance.getEntriesByName('first-contentful-paint').map(entry => entry.startTime)[0]"
_BYTES = "() => performance.getEntriesByType('navigation')[0].encodedBodySize"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=400)
    parser.add_argument("--times", type=int, default=5)
    arguments = parser.parse_args()
    record = begin("benchmarks.ui.pages") | {"load_before": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory(prefix="dashboard-") as folder:
        settings = Settings(home=Path(folder) / "home")
        write_history(settings, arguments.days)
        record |= {"days": arguments.days, "times": arguments.times, "pages": measured(settings, arguments.times)}
    store("dashboard", record, markdown(record))
    print(markdown(record))


def measured(settings: Settings, times: int) -> dict[str, Any]:
    """Milliseconds to first paint of every page, after a commit and again, and the bytes that were sent."""
    from playwright.sync_api import sync_playwright

    port = free_port()
    command = [sys.executable, "-m", "uniscale", "ui", "--port", str(port)]
    server = subprocess.Popen(command, env=environment(settings), stderr=subprocess.DEVNULL)
    try:
        wait_until_up(port)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
            found = {}
            for name, path in PAGES.items():
                after_commit: list[float] = []
                again: list[float] = []
                for number in range(times):
                    touch(settings, number)
                    for paints in (after_commit, again):
                        page = browser.new_page(viewport={"width": 1240, "height": 900})
                        page.goto(f"http://127.0.0.1:{port}{path}")
                        while (painted := page.evaluate(_PAINT)) is None:  # the page's policy forbids to wait in it
                            page.wait_for_timeout(20)
                        paints.append(painted)
                        size = page.evaluate(_BYTES)
                        page.close()
                found[name] = {"after_commit_ms": median(after_commit), "again_ms": median(again), "bytes": size}
            browser.close()
        return found
    finally:
        server.terminate()
        server.wait(20)


def touch(settings: Settings, number: int) -> None:
    """A commit: the answers that the server keeps are of another state now."""
    change = f"update lake.ops.steps set seconds = {number} where ds = date '{LAST}' and step = 'land'"
    Lake(settings).commit(lambda con: con.execute(change), "a commit between two looks")


def chromium() -> str:
    """The browser of the system.

    Raises:
        FileNotFoundError: There is none.
    """
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        raise FileNotFoundError("Chromium is not installed; Debian: apt-get install chromium")
    return found


def environment(settings: Settings) -> dict[str, str]:
    """Variables of the server's process."""
    return {**os.environ, "UNISCALE_HOME": str(settings.home), "UNISCALE_CONFIG": os.devnull}


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_up(port: int, seconds: float = 60.0) -> None:
    """Wait for the server.

    Raises:
        TimeoutError: It does not answer.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"the dashboard did not answer within {seconds:.0f} s")


def markdown(record: dict[str, Any]) -> str:
    """The record as a page."""
    lines = [
        f"# Dashboard, {record['date']}",
        "",
        f"`{record['command'].strip()}`, code {record['code_version']}, {record['hardware']}, load average "
        f"{record['load_before']:.1f} before. {record['days']} days of rows written for it; first contentful paint in "
        f"Chromium, 1240 x 900, median of {record['times']}: after a commit, when the lake is read, and again.",
        "",
        "| page | after a commit, ms | again, ms | KiB sent |",
        "|---|---|---|---|",
    ]
    for name, found in record["pages"].items():
        lines.append(
            f"| {name} | {found['after_commit_ms']:.0f} | {found['again_ms']:.0f} | {found['bytes'] / 1024:.0f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
