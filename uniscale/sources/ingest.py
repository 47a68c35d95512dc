"""Land checked rows: everything of one ingest becomes visible in one commit, or nothing does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from itertools import groupby
from pathlib import Path

import duckdb

from uniscale.config import Settings
from uniscale.contracts.events import ACTIONS_TABLE, EVENT_TABLES, QUARANTINE, REQUESTS
from uniscale.contracts.literals import quoted
from uniscale.contracts.schema import Table
from uniscale.lake.lake import Lake
from uniscale.sources.bad_file import found_values
from uniscale.sources.casts import define_macros
from uniscale.sources.checking import compare_group, drop_group, put_aside, read_group, take_up
from uniscale.sources.contradictions import GOOD
from uniscale.sources.event_files import EventFile, event_files
from uniscale.sources.every_record import count_read, require_all_accounted
from uniscale.sources.fingerprints import day_keys
from uniscale.sources.forgotten import leave_out
from uniscale.sources.gaps import WITHOUT_REQUESTS, count_gaps
from uniscale.sources.incoming import BadFileError, Incoming
from uniscale.sources.landed import mark_landed
from uniscale.sources.reading import open_file
from uniscale.sources.replacing import delete_days, replaced
from uniscale.sources.report import IngestReport, Quarantined

Prepare = Callable[[duckdb.DuckDBPyConnection], Sequence[Incoming]]


def ingest_events(
    settings: Settings, lake: Lake, folder: Path, first: date | None = None, last: date | None = None
) -> IngestReport:
    """Land a folder of contract logs.

    Args:
        settings: Declares the domains.
        lake: Where to land.
        folder: Holds TABLE/ds=YYYY-MM-DD/* or one TABLE.parquet (.csv, .csv.gz) per table.
        first: Land no day before this one.
        last: Land no day after this one.

    Raises:
        BadFileError: A file cannot be landed; the lake stays as it was.
        ValueError: The folder's layout is not that of contract logs.
    """
    return ingest_files(settings, lake, event_files(folder, first, last))


def ingest_files(settings: Settings, lake: Lake, files: Sequence[EventFile]) -> IngestReport:
    """Land these files of contract logs in one commit."""
    _refuse_half_days(files)
    keys = day_keys(settings, files)
    start = settings.source.positions_from

    def prepare(con: duckdb.DuckDBPyConnection) -> Sequence[Incoming]:
        return [open_file(con, file, settings.domains) for file in files]

    return ingest_prepared(lake, "events", prepare, keys, positions_from=start)


def ingest_prepared(
    lake: Lake,
    source: str,
    prepare: Prepare,
    keys: Mapping[date | None, str],
    *,
    hints: tuple[str, ...] = (),
    positions_from: int = 1,
) -> IngestReport:
    """Check and land what ``prepare`` finds, in one commit.

    The files are read before the commit, so that nobody waits for that; no step and no other ingest is at work
    meanwhile.

    Args:
        lake: Where to land.
        source: Name of the source, for the quarantine and the snapshot's message.
        prepare: Opens the sources on the connection it is given; may run again after a lost race for the catalogue.
        keys: Fingerprint of the source files by day; under None for files that hold all days.
        hints: Lines for the report.
        positions_from: What the source calls the top of a list, 0 or 1.
    """
    groups: list[list[Incoming]] = []
    records: list[int] = []

    def read(con: duckdb.DuckDBPyConnection) -> None:
        groups.clear()
        records.clear()
        define_macros(con)
        for number, group in enumerate(_groups(prepare(con))):
            read_group(con, group, positions_from)
            records.append(count_read(con, group))
            put_aside(con, number)
            groups.append(group)

    def work(con: duckdb.DuckDBPyConnection) -> IngestReport:
        report = IngestReport(source=source, hints=hints)
        _clear_days(con, groups)
        days: dict[str, set[date]] = {table.name: set() for table in EVENT_TABLES}
        for number, group in enumerate(groups):
            take_up(con, number)
            num_forgotten = leave_out(con, group[0].table)
            report.num_forgotten += num_forgotten
            days[group[0].table.name] |= replaced(con, group, days[REQUESTS.name])
            compare_group(con, group, positions_from)
            num_landed, num_rejected = _land_group(con, source, group, report)
            require_all_accounted(group, records[number], num_landed, num_rejected + num_forgotten)
            drop_group(con)
        report.days = sorted(set().union(*days.values()))
        report.gaps |= count_gaps(con, report.days)
        if not _has_requests(con):
            report.hints += (WITHOUT_REQUESTS,)
        mark_landed(con, source, {day: keys.get(day) or keys[None] for day in report.days})
        return report

    return lake.commit(work, f"ingest {source}", prepare=read)


def _refuse_half_days(files: Sequence[EventFile]) -> None:
    """Requests replaced without their candidates would leave the candidates of requests that no longer exist."""
    days = {name: {f.day for f in files if f.table.name == name} for name in ("requests", "candidates")}
    alone = sorted(str(day or "all days") for day in days["requests"] - days["candidates"])
    if alone and None not in days["candidates"]:
        raise BadFileError(
            "requests",
            f"{alone[0]} has requests but no candidates file",
            "Land both together; a day without candidates needs a candidates file with a header and no rows",
        )


def _groups(incoming: Sequence[Incoming]) -> list[list[Incoming]]:
    """Files by table (requests before candidates, which need them), then day."""
    order = {table.name: index for index, table in enumerate(EVENT_TABLES)}

    def place(one: Incoming) -> tuple[int, date]:
        return order[one.table.name], one.day or date.max

    return [list(group) for _, group in groupby(sorted(incoming, key=place), key=place)]


def _clear_days(con: duckdb.DuckDBPyConnection, groups: Iterable[Sequence[Incoming]]) -> None:
    """Delete the days to be replaced first, so that a row is never held against its own former self."""
    for table in (*EVENT_TABLES, QUARANTINE):
        Lake.create(con, table)
    for table in EVENT_TABLES:
        days = {g[0].day for g in groups if g[0].table is table}
        delete_days(con, table, sorted(day for day in days if day is not None))


def _land_group(
    con: duckdb.DuckDBPyConnection, source: str, group: Sequence[Incoming], report: IngestReport
) -> tuple[int, int]:
    """Land what has been checked of one table and day; returns how many rows were landed and how many rejected."""
    table, day = group[0].table, group[0].day
    num_landed = Lake.replace(con, table, "false", _landed(table, day))
    report.rows[table.name] += num_landed
    num_rejected = _quarantine(con, source, group, report)
    if table is ACTIONS_TABLE:
        below = con.execute("select count(*) from temp.checked where quantity < 0").fetchone()
        report.gaps["actions_below_zero"] += below[0] if below else 0
    return num_landed, num_rejected


def _has_requests(con: duckdb.DuckDBPyConnection) -> bool:
    return con.execute(f"select 1 from lake.{REQUESTS.qualified} limit 1").fetchone() is not None


def _landed(table: Table, day: date | None) -> str:
    if table.name == "candidates" and day is None:
        return f"select good.* replace (q.ds as ds) from ({GOOD}) good join lake.raw.requests q using (request_id)"
    return f"from ({GOOD})"


def _quarantine(con: duckdb.DuckDBPyConnection, source: str, group: Sequence[Incoming], report: IngestReport) -> int:
    """Keep the rejected rows of a group; returns how many there are."""
    name = group[0].table.name
    rejected = f"select *, {quoted(source)} as source, {quoted(name)} as table_name from temp.rejected"
    files = ", ".join(quoted(one.file) for one in group)
    where = f"source = {quoted(source)} and table_name = {quoted(name)} and file in ({files})"
    Lake.replace(con, QUARANTINE, where, rejected)
    reasons = con.execute(
        "select column_name, reason, count(*) from temp.rejected group by all order by all"
    ).fetchall()
    found = found_values(con)
    report.add(
        [Quarantined(table=name, column=c, reason=r, rows=n, found=found.get((c, r), {})) for c, r, n in reasons]
    )
    rows = con.execute("select count(distinct (file, row_number)) from temp.rejected").fetchone()
    assert rows is not None
    report.num_quarantined += rows[0]
    return int(rows[0])
