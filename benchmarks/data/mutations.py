"""Does ingest lose a row of a spoilt file?: ``python -m benchmarks.data.mutations --mutants 2000``.

Valid files are spoilt at random (bytes, quotes, encodings, types, line ends, names; CSV, Parquet, gzip) and opened.
Of a file that is accepted, every record that was not touched must land as it was, and the records must add up. A file
that is refused must be refused by an error that names it. Writes a record (JSON and Markdown) into
``benchmarks/records``.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb

from benchmarks.data.mutants import DAY, Mutant, make
from benchmarks.record import begin, store
from uniscale.contracts.events import REQUESTS
from uniscale.sources.casts import define_macros
from uniscale.sources.checking import drop_group, read_group
from uniscale.sources.event_files import EventFile
from uniscale.sources.every_record import count_read
from uniscale.sources.incoming import BadFileError
from uniscale.sources.reading import open_file

HANG_SECONDS = 20.0


@dataclass(slots=True)
class Found:
    """What became of the mutants.

    Attributes:
        outcomes: Mutants by kind and by whether they were read or refused.
        faults: What went wrong, one line each: a lost row, a traceback, a hang.
        lost_rows: Untouched records that did not land although their file was accepted.
        tracebacks: Errors that are not ingest's own.
        hangs: Mutants that took longer than `HANG_SECONDS`.
        slowest: Seconds of the slowest.
    """

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    lost_rows: int = 0
    tracebacks: int = 0
    hangs: int = 0
    slowest: float = 0.0


def search(seeds: range, root: Path) -> Found:
    """Open one mutant for each seed.

    Args:
        seeds: Of the mutants.
        root: Where they are written, one after the other.
    """
    found = Found()
    con = duckdb.connect()
    con.execute("set timezone = 'UTC'; set threads = 1")
    define_macros(con)
    for seed in seeds:
        mutant = make(random.Random(seed))
        path = mutant.write(root)
        start = time.perf_counter()
        try:
            _hold(found, seed, mutant, con, path)
        except BadFileError as error:
            found.outcomes[mutant.kind, "refused"] += 1
            if mutant.must_land or mutant.name not in str(error):
                found.faults.append(f"seed {seed} ({mutant.kind}) refused: {error}")
        except Exception:
            found.tracebacks += 1
            found.faults.append(f"seed {seed} ({mutant.kind}): {traceback.format_exc(limit=-2)}")
        finally:
            path.unlink()
            con.execute("drop table if exists temp.checked; drop table if exists temp.rejected")
        seconds = time.perf_counter() - start
        found.slowest = max(found.slowest, seconds)
        if seconds > HANG_SECONDS:
            found.hangs += 1
            found.faults.append(f"seed {seed} ({mutant.kind}) took {seconds:.0f} s")
    con.close()
    return found


def _hold(found: Found, seed: int, mutant: Mutant, con: duckdb.DuckDBPyConnection, path: Path) -> None:
    file = EventFile(table=REQUESTS, path=path, name=mutant.name, day=date.fromisoformat(DAY))
    group = [open_file(con, file, ("search", "feed"))]
    read_group(con, group)
    num_read = count_read(con, group)
    landed = set(con.execute("select request_id, query_text from temp.checked where reasons is null").fetchall())
    drop_group(con)
    found.outcomes[mutant.kind, "read"] += 1
    lost = [key for key, text in mutant.intact.items() if (key, text) not in landed]
    if lost:
        found.lost_rows += len(lost)
        found.faults.append(f"seed {seed} ({mutant.kind}) lost {lost[:5]} of {len(mutant.intact)}")
    if mutant.num_records is not None and num_read != mutant.num_records:
        found.faults.append(f"seed {seed} ({mutant.kind}) has {mutant.num_records} records, {num_read} were counted")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=2000)
    parser.add_argument("--first-seed", type=int, default=0)
    arguments = parser.parse_args()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="uniscale-bench-") as scratch:
        found = search(range(arguments.first_seed, arguments.first_seed + arguments.mutants), Path(scratch))
    record = begin("benchmarks.data.mutations") | {
        "mutants": arguments.mutants,
        "first_seed": arguments.first_seed,
        "lost_rows": found.lost_rows,
        "tracebacks": found.tracebacks,
        "hangs": found.hangs,
        "other_faults": len(found.faults) - found.tracebacks - found.hangs,
        "slowest_seconds": round(found.slowest, 2),
        "seconds": round(time.perf_counter() - start, 1),
        "outcomes": {f"{kind}, {outcome}": count for (kind, outcome), count in sorted(found.outcomes.items())},
        "faults": found.faults,
    }
    lines = [
        f"# Spoilt files, {record['date']}",
        "",
        f"`{record['command']}` on {record['hardware']}: {record['mutants']:,} mutants in {record['seconds']} s, the "
        f"slowest in {record['slowest_seconds']} s. Rows lost: {found.lost_rows}. Tracebacks: {found.tracebacks}. "
        f"Hangs: {found.hangs}. Other faults: {record['other_faults']}.",
        "",
        "| what was done, and what became of the file | mutants |",
        "|---|---|",
        *(f"| {what} | {count} |" for what, count in record["outcomes"].items()),
    ]
    store("mutations", record, "\n".join(lines) + "\n")
    print("\n".join(lines))
    print("\n".join(found.faults), file=sys.stderr)
    sys.exit(1 if found.faults else 0)


if __name__ == "__main__":
    main()
