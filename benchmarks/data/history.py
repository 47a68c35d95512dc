"""The same day with a short and with a long log behind it: ``python -m benchmarks.data.history``.

A shop whose days are alike is landed up to a day, and that day's marts, samples and frames are built. Then the next day
is landed, and what is measured are these steps for it; of the first one also the hashing of the raw days. Every length
of the log is measured in an installation of its own. Writes a record (JSON and Markdown) into ``benchmarks/records``.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.record import begin, store
from uniscale.config import Settings
from uniscale.config.settings import WindowSettings
from uniscale.contracts.events import ACTIONS_TABLE, CANDIDATES, ITEMS, REQUESTS, USERS
from uniscale.es3.build import build_samples
from uniscale.features.training_frames.build import build_frames
from uniscale.lake import Lake
from uniscale.lake.contents import read_contents
from uniscale.warehouse.build import build_marts
from uniscale.warehouse.tables import create_tables

DS = date(2026, 6, 30)
TRAIN_DAYS = 2
STEPS = {"marts": build_marts, "samples": build_samples, "frames": build_frames}
ROWS_OF_LIST, USERS_PER_REQUEST, ITEMS_PER_REQUEST = 10, 0.5, 0.2


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--history", nargs="+", type=int, default=[10, 31, 100], help="Days of log before the run's days."
    )
    parser.add_argument("--requests", type=int, default=10_000, help="Requests a day; ten candidates each.")
    arguments = parser.parse_args()
    record = begin("benchmarks.data.history")
    for days in arguments.history:
        with tempfile.TemporaryDirectory(prefix="uniscale-bench-") as folder:
            record["sizes"][str(days)] = measure(Path(folder), days, arguments.requests)
    page = markdown(record, arguments.requests)
    store("history", record, page)
    print(page)


def measure(folder: Path, history_days: int, num_requests: int) -> dict[str, Any]:
    """Seconds of the steps of a day with so many days of log before those of its run."""
    settings = Settings(home=folder / "home", window=WindowSettings(train_days=TRAIN_DAYS))
    lake = Lake(settings)
    first = DS - timedelta(days=TRAIN_DAYS + history_days - 1)
    create_tables(lake)
    land(lake, first, DS, first, num_requests)
    for step in STEPS.values():
        step(settings, lake, DS - timedelta(days=1))
    land(lake, DS + timedelta(days=1), DS + timedelta(days=1), first, num_requests)
    found: dict[str, Any] = {"load": os.getloadavg()[0]}
    with timed(found, "hashing"):
        read_contents(lake, DS + timedelta(days=1))
    reports = {}
    for name, step in STEPS.items():
        with timed(found, name):
            reports[name] = step(settings, lake, DS)
    with lake.read() as con:
        stored = con.execute("select count(*) from lake.raw.candidates").fetchone()
    marts = reports["marts"]
    return {
        **found,
        "candidates": stored[0] if stored else 0,
        "days_built": marts["days_built"],
        "models": marts["models"],
    }


@contextmanager
def timed(found: dict[str, Any], name: str) -> Iterator[None]:
    """Note the seconds and the processor seconds of a block, those of its child processes included."""
    start, used = time.perf_counter(), processor_seconds()
    yield
    found[name] = {"seconds": time.perf_counter() - start, "processor_seconds": processor_seconds() - used}


def processor_seconds() -> float:
    """Of this process and its children that have ended."""
    parts = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(part.ru_utime + part.ru_stime for part in parts)


def land(lake: Lake, first: date, last: date, opened: date, num_requests: int) -> None:
    """Land the logs of some days; users and items are known from the day the shop opened."""
    days = f"(select cast(unnest(range(date '{first}', date '{last}' + 1, interval 1 day)) as date) as ds)"
    at = "cast(ds as timestamp) + to_seconds(cast(hash(ds, n) % 80000 as bigint))"
    user = f"'u' || hash(ds, n, 1) % {int(num_requests * USERS_PER_REQUEST)}"
    num_items = int(num_requests * ITEMS_PER_REQUEST)
    requests = (
        f"select ds, 'r' || ds || '-' || n as request_id, {user} as user_id, 'search' as domain, "
        f"'query ' || hash(ds, n, 2) % 100 as query_text, {at} as requested_at, null as attributes, n "
        f"from {days}, (select unnest(range({num_requests})) as n)"
    )
    item = f"'i' || (hash(request_id) + place * 7) % {num_items}"
    lists = f"(select *, {item} as item_id from ({requests}), (select unnest(range({ROWS_OF_LIST})) as place))"
    queries = {
        REQUESTS: requests,
        CANDIDATES: f"select ds, request_id, item_id, place < 8 as is_exposed, case when place < 8 then place + 1 end "
        f"as position, 1.0 / (place + 1) as logged_score, null as propensity from {lists}",
        ACTIONS_TABLE: "select ds, 'a' || request_id || place as action_id, user_id, item_id, "
        "case place when 0 then 'click' else 'purchase' end as action, requested_at + interval 5 minute as acted_at, "
        "requested_at + interval 5 minute as recorded_at, case place when 0 then 'search' else 'shop' end as domain, "
        f"case place when 0 then request_id end as request_id, 1 as quantity, 9.5 as unit_price from {lists} "
        "where place < 2",
    }
    known = f"date '{opened}' as ds, timestamp '{opened}' as valid_from, timestamp '{opened}' as recorded_at"
    if first == opened:
        queries[USERS] = (
            f"select 'u' || n as user_id, {known}, null as attributes "
            f"from (select unnest(range({int(num_requests * USERS_PER_REQUEST)})) as n)"
        )
        queries[ITEMS] = (
            f"select 'i' || n as item_id, {known}, 'title ' || n as title, 'c' || n % 20 as category_id, "
            "'b' || n % 9 as brand_id, 's' as shop_id, n / 10 as price, null as attributes "
            f"from (select unnest(range({num_items})) as n)"
        )

    def work(con: duckdb.DuckDBPyConnection) -> None:
        for table, query in queries.items():
            Lake.replace(con, table, "false", query)

    lake.commit(work, f"logs of {first} to {last}")


def markdown(record: dict[str, Any], num_requests: int) -> str:
    """The record as a page."""
    measured = ("hashing", *STEPS)
    lines = [
        f"# The same day by age of the log, {record['date']}",
        "",
        f"`{record['command'].strip()}`, code {record['code_version']}, {record['hardware']}. {num_requests:,} "
        f"requests a day, ten candidates and two actions each; {TRAIN_DAYS} training days, 1 test day. Processor "
        "seconds of each step of a day after those of the day before, dbt included; hashing: of the raw days, alone, "
        "before it. A ratio is to the shortest log.",
        "",
        f"| days of log before | candidate rows | {' | '.join(measured)} | all steps | ratio "
        "| wall, s | ratio | load |",
        f"|{'---|' * (len(measured) + 7)}",
    ]
    least: tuple[float, float] | None = None
    for days, found in record["sizes"].items():
        used, waited = (sum(found[step][unit] for step in STEPS) for unit in ("processor_seconds", "seconds"))
        least = least or (used, waited)
        cells = [f"{found[name]['processor_seconds']:.2f}" for name in measured]
        lines.append(
            f"| {days} | {found['candidates']:,} | {' | '.join(cells)} | {used:.1f} | {used / least[0]:.2f} "
            f"| {waited:.1f} | {waited / least[1]:.2f} | {found['load']:.1f} |"
        )
    first, last = (list(record["sizes"].values())[place]["models"] for place in (0, -1))
    grown = sorted(first, key=lambda name: first[name] - last[name])[:8]
    lines += [
        "",
        "Models that grew most, seconds by days of log:",
        "",
        "| model | shortest | longest |",
        "|---|---|---|",
    ]
    lines += [f"| {name} | {first[name]:.2f} | {last[name]:.2f} |" for name in grown]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
