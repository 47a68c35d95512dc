"""What goes wrong in a month."""
# ruff: noqa: ARG002 -- every kind is told all, and uses what it needs

from __future__ import annotations

import shutil
import sqlite3
import time
from datetime import date
from pathlib import Path

import psutil
import pyarrow.parquet as pq

from benchmarks.month.site import Site
from uniscale.sources.awaited import DAILY
from uniscale.whole_files import whole_file

_SMALL_DISK = 20 * 2**30
"""A file system of at most so many bytes is taken for one of the benchmark's own."""
_LOCKED_SECONDS = 90


class Fault:
    """One kind of fault; each part does nothing unless the kind has something to do.

    Attributes:
        brings_logs: Whether it lets the logs of its day come itself.
    """

    brings_logs = False

    def plant(self, site: Site, logs: Path, day: date) -> str:
        """Before the logs of a day come; returns what goes wrong, in words."""
        raise NotImplementedError

    def during(self, site: Site, ds: date) -> None:
        """While the run that they complete is at work."""

    def after(self, site: Site, ds: date) -> None:
        """When it is over: what a person does about it."""


class Killed(Fault):
    """The process of a task dies."""

    def plant(self, site: Site, logs: Path, day: date) -> str:
        """Nothing yet."""
        return "the training was killed"

    def during(self, site: Site, ds: date) -> None:
        """Kill the step as soon as it trains."""
        site.wait_for_task(ds, "train")
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            for process in psutil.process_iter(["cmdline"]):
                words = process.info["cmdline"] or []
                if words[-4:] == ["step", "train", "--", ds.isoformat()] and _is_of(process, site):
                    process.kill()
                    return
            time.sleep(0.2)
        raise RuntimeError(f"the training of {ds} was not seen within 120 s, so it was not killed")


class Late(Fault):
    """The actions of a day come two days late."""

    def plant(self, site: Site, logs: Path, day: date) -> str:
        """Hold them back."""
        site.hold_back(day)
        return "its actions came two days late"


class Missing(Fault):
    """The actions of a day never come; a person says so with an empty file."""

    brings_logs = True

    def plant(self, site: Site, logs: Path, day: date) -> str:
        """Bring the others, and a file without rows."""
        actions = DAILY[-1].name
        site.bring(logs / "events", day, leave_out=(actions,))
        (file, *_) = sorted((logs / "events" / actions / f"ds={day}").glob("*.parquet"))
        folder = site.events / actions / f"ds={day}"
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(folder / "none.parquet") as unfinished:
            pq.write_table(pq.read_schema(file).empty_table(), unfinished)
        return "its actions never came, and an empty file said so"


class Locked(Fault):
    """Another program holds the catalogue."""

    def plant(self, site: Site, logs: Path, day: date) -> str:
        """Nothing yet."""
        return f"the catalogue was locked for {_LOCKED_SECONDS} s"

    def during(self, site: Site, ds: date) -> None:
        """Hold it while the marts are built."""
        site.wait_for_task(ds, "marts")
        (catalogue,) = (site.settings.home / "lake").glob("*.sqlite")
        with sqlite3.connect(catalogue, timeout=120) as con:
            con.execute("begin exclusive")
            time.sleep(_LOCKED_SECONDS)
            con.rollback()


class Full(Fault):
    """The disk is full, until somebody makes room."""

    def plant(self, site: Site, logs: Path, day: date) -> str:
        """Nothing yet."""
        if shutil.disk_usage(site.folder).total > _SMALL_DISK:
            return "NOT PLANTED: the disk was not filled, as the folder has no small file system of its own"
        return "the disk was full until somebody made room"

    def during(self, site: Site, ds: date) -> None:
        """Fill it while samples are built, and make room a minute later."""
        if shutil.disk_usage(site.folder).total > _SMALL_DISK:
            return
        site.wait_for_task(ds, "samples")
        ballast = site.folder / "ballast"
        try:
            with ballast.open("wb") as sink:
                while shutil.disk_usage(site.folder).free > 2**16:
                    sink.write(bytes(min(2**20, shutil.disk_usage(site.folder).free)))
                    sink.flush()
        except OSError:
            pass  # it is full
        finally:
            time.sleep(60)
            ballast.unlink()

    def after(self, site: Site, ds: date) -> None:
        """Do again what failed more often than it is tried."""
        if site.run_of(ds)["state"] == "failed":
            site.do_again(ds)


class Deployed(Fault):
    """A configuration is deployed that no run can work with; a person takes it back."""

    def plant(self, site: Site, logs: Path, day: date) -> str:
        """Deploy it."""
        site.deploy('[training]\nchallenger_recipe = "no_such_recipe"\n')
        return "a wrong deploy was rolled back"

    def after(self, site: Site, ds: date) -> None:
        """Roll back, and do the day again.

        Raises:
            RuntimeError: The run did not fail, so nothing was tried.
        """
        if site.run_of(ds)["state"] != "failed":
            raise RuntimeError(f"the run of {ds} took a recipe that does not exist")
        site.deploy()
        site.do_again(ds)


FAULTS: dict[str, Fault] = {
    "killed": Killed(),
    "late": Late(),
    "missing": Missing(),
    "locked": Locked(),
    "full": Full(),
    "deployed": Deployed(),
}
"""All kinds, by name."""


def _is_of(process: psutil.Process, site: Site) -> bool:
    """Whether a process works on an installation."""
    try:
        return process.environ().get("UNISCALE_CONFIG") == str(site.folder / "uniscale.toml")
    except psutil.Error:
        return False
