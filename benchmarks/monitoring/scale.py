"""Seconds and memory of profiling a wide day: ``python -m benchmarks.monitoring.scale``.

A day of three domains with as many numbers as a large ranker has, in a lake of its own, through the same scan.
"""

from __future__ import annotations

import argparse
import resource
import time
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.record import begin, store
from monitoring.profiling.scan import Rows, profiles
from uniscale.config import Settings
from uniscale.lake import Lake

DS = date(2026, 1, 7)
DOMAINS = ("search", "feed", "shop")
LIMITS = {"seconds": 60, "gib": 4}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="Rows of the day.")
    parser.add_argument("--numbers", type=int, default=180, help="Numbers of a row.")
    parser.add_argument("--categories", type=int, default=20, help="Categories of a row.")
    parser.add_argument("--dry", action="store_true", help="Store no record.")
    words = parser.parse_args()
    columns = {f"n{i}": "number" for i in range(words.numbers)} | {f"c{i}": "category" for i in range(words.categories)}
    with TemporaryDirectory() as folder:
        lake = Lake(Settings(home=Path(folder)))
        _write(lake, words.rows, columns)
        with lake.read() as con:
            start, processor = time.perf_counter(), time.process_time()
            found = profiles(con, Rows(stage="training", sql="from lake.wide", columns=columns))
            seconds, processor = time.perf_counter() - start, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    record = {
        **begin("benchmarks.monitoring.scale"),
        "rows": words.rows,
        "columns": len(columns),
        "domains": len(DOMAINS),
        "profiles": len(found),
        "seconds": round(seconds, 1),
        "processor_seconds": round(processor, 1),
        "peak_gib": round(peak, 2),
    }
    text = _page(record)
    print(text)
    if not words.dry:
        store("profiling", record, text)


def _write(lake: Lake, rows: int, columns: dict[str, str]) -> None:
    """Normal numbers, one in ten missing; categories of 1,000 values."""
    values = {
        "number": "if(hash(range, '{0}') % 10 = 0, null, ln(1 + hash(range, '{0}', 'v') % 1000000))::float as {0}",
        "category": "'v' || (hash(range, '{0}') % 1000) as {0}",
    }
    made = ", ".join(values[kind].format(name) for name, kind in columns.items())
    domain = f"{list(DOMAINS)}[1 + range % {len(DOMAINS)}] as domain"
    query = f"""
        select
            date '{DS}' as ds, {domain}, 'native' as provenance, 0 as query_tier, range // 10 as group_id,
            1.0 as weight, null::timestamp as label_as_of, {made}
        from range({rows})
    """
    lake.commit(lambda con: con.execute(f"create table lake.wide as {query}"), "a wide day")


def _page(record: dict[str, object]) -> str:
    head = ("rows", "columns", "domains", "seconds", "processor_seconds", "peak_gib")
    lines = [
        "# Profiling a wide day",
        "",
        f"`{record['command']}`, {record['date']}, code {record['code_version']}, {record['hardware']}. The machine",
        "was shared with other work, so the seconds are an upper bound.",
        "",
        "| rows | columns | domains | seconds | processor seconds | peak memory, GiB |",
        "|---|---|---|---|---|---|",
        f"| {' | '.join(f'{record[name]:,}' for name in head)} |",
        "",
        f"Allowed: {LIMITS['seconds']} s and {LIMITS['gib']} GiB.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
