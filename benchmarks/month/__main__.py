"""Do all days of a month end right whatever happens? ``python -m benchmarks.month --folder FOLDER``.

A small shop is simulated. One installation runs its days undisturbed (`uniscale backfill`). The other runs them under
Airflow's own scheduler on a compressed clock: the days are one backfill of every daily DAG, each run waits for its
logs, and the logs of the next day come when the day before is over. On some days something goes wrong (`faults`). At
the end every run must have succeeded, and every table of both lakes must hold the same rows.

Cut off at any time, the same command goes on. Where it is stands in ``FOLDER/progress.json``. The full disk needs a
small file system of its own for FOLDER, for example ``mount -t tmpfs -o size=3g tmpfs FOLDER``; else it is left out,
and the record says so. Writes the record ``month``; exit code 1 if anything differs.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from benchmarks import record
from benchmarks.month.faults import FAULTS, Fault
from benchmarks.month.site import Site
from uniscale.contracts.days import every_day
from uniscale.lake import Lake
from uniscale.lineage.content import whole_content
from uniscale.whole_files import write_whole

START = date(2026, 1, 5)
TRAIN_DAYS = 2


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--folder", type=Path, required=True, help="Keeps both installations; goes on where it stopped."
    )
    parser.add_argument("--days", type=int, default=30, help="Days that are retrained.")
    parser.add_argument("--faults", nargs="*", default=list(FAULTS), choices=list(FAULTS), help="What goes wrong.")
    parser.add_argument("--searches", type=int, default=200, help="Searches a day.")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    first = START + timedelta(days=TRAIN_DAYS - 1)
    days = every_day(first, first + timedelta(days=arguments.days - 1))
    planted = plan(arguments.faults, days)
    found = run(folder, days, planted, arguments.searches)
    kept = {**record.begin("benchmarks.month"), **found}
    kept["command"] = kept["command"].replace(str(arguments.folder), "FOLDER")
    del kept["sizes"]
    record.store("month", kept, page(kept))
    print(page(kept))
    sys.exit(1 if kept["differing"] or kept["unfinished"] else 0)


def plan(names: list[str], days: list[date]) -> dict[date, Fault]:
    """Which fault comes on which day: evenly over the month, none on the first day."""
    if len(names) >= len(days):
        raise ValueError(f"{len(names)} faults need at least {len(names) + 1} days, not {len(days)}; give more --days")
    gap = (len(days) - 1) / max(1, len(names))
    return {days[1 + int(number * gap)]: FAULTS[name] for number, name in enumerate(names)}


def run(folder: Path, days: list[date], planted: dict[date, Fault], searches: int) -> dict[str, Any]:
    """Run both months, and compare them."""
    folder.mkdir(parents=True, exist_ok=True)
    logs = folder / "logs"
    last = days[-1] + timedelta(days=1)
    calm = Site(folder / "calm", TRAIN_DAYS)
    if not (logs / "truth").is_dir():
        span = str((last - START).days + 1)
        words = ("--days", span, "--size", "xs", "--seed", "7", "--start", START.isoformat())
        calm.run("simulate", *words, "--set", f"searches_per_day={searches}", "--out", str(logs))
    rough = Site(folder / "rough", TRAIN_DAYS)
    progress = Progress(folder / "progress.json")
    with rough.scheduler():
        if not progress.is_planned:
            rough.plan(days[0], days[-1])
            progress.planned()
        for day in every_day(START, last):
            run_day(rough, logs, day, days=days, fault=planted.get(day), progress=progress)
        rough.settle(days[-1])
        unfinished = rough.unfinished()
    for day in every_day(START, last):  # what the disturbed one had in the end, empty files included
        calm.bring(rough.events, day)
    calm.run("backfill", days[0].isoformat(), days[-1].isoformat())
    ours, theirs = content(rough), content(calm)
    differing = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
    return {
        "days": len(days),
        "faults": progress.told,
        "tables": len(theirs),
        "differing": differing,
        "unfinished": unfinished,
        "incidents": rough.incidents(),
        "seconds": round(progress.seconds),
    }


def run_day(site: Site, logs: Path, day: date, *, days: list[date], fault: Fault | None, progress: Progress) -> None:
    """Let the logs of a day come, with what goes wrong, and wait until the runs that read them are over."""
    if progress.is_done(day):
        return
    start = time.monotonic()
    told = fault.plant(site, logs, day) if fault else None
    if told is None or fault is None or not fault.brings_logs:
        site.bring(logs / "events", day, leave_out=site.withheld(day))
    site.bring_late(logs / "events", day)
    judged = day - timedelta(days=1)
    if judged in days and not site.is_waiting():
        if fault is not None and told is not None:
            fault.during(site, judged)
        site.wait_for(judged)
        if fault is not None and told is not None:
            fault.after(site, judged)
    progress.done(day, told and f"{day}: {told}", time.monotonic() - start)


class Progress:
    """What has been done, on the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        self._days: list[str] = known.get("days", [])
        self.told: list[str] = known.get("told", [])
        self.seconds: float = known.get("seconds", 0.0)
        self.is_planned: bool = known.get("planned", False)

    def is_done(self, day: date) -> bool:
        """Whether a day was over before."""
        return day.isoformat() in self._days

    def planned(self) -> None:
        """The scheduler knows what to run."""
        self.is_planned = True
        self._write()

    def done(self, day: date, told: str | None, seconds: float) -> None:
        """A day is over."""
        self._days.append(day.isoformat())
        self.told += [told] if told else []
        self.seconds += seconds
        self._write()
        print(f"{day} is over after {seconds:.0f} s{f' ({told})' if told else ''}", file=sys.stderr, flush=True)

    def _write(self) -> None:
        known = {"planned": self.is_planned, "days": self._days, "told": self.told, "seconds": self.seconds}
        write_whole(self._path, json.dumps(known))


def content(site: Site) -> dict[str, Any]:
    """Rows and hash of every table."""
    with Lake(site.settings).read() as con:
        return whole_content(con)


def page(kept: dict[str, Any]) -> str:
    """The record for people."""
    faults = "\n".join(f"- {told}" for told in kept["faults"]) or "- none"
    same = "All hold the same rows" if not kept["differing"] else f"These differ: {', '.join(kept['differing'])}"
    ended = "Every run succeeded" if not kept["unfinished"] else f"Not right: {', '.join(kept['unfinished'])}"
    return (
        f"# A month under the scheduler\n\n`{kept['command']}`, {kept['hardware']}, code {kept['code_version']}, "
        f"{kept['date']}.\n\n{kept['days']} days in {kept['seconds']:,} s. What went wrong:\n\n{faults}\n\n"
        f"{ended}. {kept['tables']} tables were held against an undisturbed month. {same}. "
        f"{len(kept['incidents'])} incidents were told.\n"
    )


if __name__ == "__main__":
    main()
