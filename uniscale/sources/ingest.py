"""Land checked rows: everything of one ingest becomes visible in one commit, or nothing does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from itertools import groupby
from pathlib import Path

import duckdb

from uniscale.config import Settings
from uniscale.contracts.events import EVENT_TABLES, QUARANTINE
from uniscale.contracts.schema import Table
from uniscale.lake.lake import Lake
from uniscale.sources.checking import compare_group, content_days, drop_group, read_group
from uniscale.sources.contradictions import GOOD
from uniscale.sources.fingerprints import day_keys
from uniscale.sources.forgotten import leave_out
from uniscale.sources.incoming import BadFileError, Incoming, quoted
from uniscale.sources.landed import mark_landed
from uniscale.sources.layout import EventFile, event_files
from uniscale.sources.reading import open_file
from uniscale.sources.report import IngestReport, Quarantined, count_gaps

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

    def prepare(con: duckdb.DuckDBPyConnection) -> Sequence[Incoming]:
        return [open_file(con, file, settings.domains) for file in files]

    return ingest_prepared(lake, "events", prepare, keys)


def ingest_prepared(
    lake: Lake, source: str, prepare: Prepare, keys: Mapping[date | None, str], hints: tuple[str, ...] = ()
) -> IngestReport:
    """Check and land what ``prepare`` finds, in one commit.

    Args:
        lake: Where to land.
        source: Name of the source, for the quarantine and the snapshot's message.
        prepare: Opens the sources on the connection it is given; may run again after a lost race for the catalogue.
        keys: Fingerprint of the source files by day; under None for files that hold all days.
        hints: Lines for the report.
    """

    def work(con: duckdb.DuckDBPyConnection) -> IngestReport:
        report = IngestReport(source=source, hints=hints)
        groups = _groups(prepare(con))
        _clear_days(con, groups)
        days: set[date] = set()
        for group in groups:
            days |= _land_group(con, source, group, report)
        report.days = sorted(days)
        count_gaps(con, report)
        mark_landed(con, source, {day: keys.get(day) or keys[None] for day in days})
        return report

    return lake.commit(work, f"ingest {source}")


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
        _delete_days(con, table, sorted(day for day in days if day is not None))


def _delete_days(con: duckdb.DuckDBPyConnection, table: Table, days: Sequence[date]) -> None:
    if not days:
        return
    listed = ", ".join(f"date '{day}'" for day in days)
    con.execute(f"delete from lake.{table.qualified} where ds in ({listed})")
    con.execute(f"delete from lake.{QUARANTINE.qualified} where table_name = ? and ds in ({listed})", [table.name])


def _land_group(
    con: duckdb.DuckDBPyConnection, source: str, group: Sequence[Incoming], report: IngestReport
) -> set[date]:
    """Check and land all files of one table and day; returns the days that were replaced."""
    table, day = group[0].table, group[0].day
    read_group(con, group)
    report.num_forgotten += leave_out(con, table)
    if day is None:
        _delete_days(con, table, content_days(con, table))
    compare_group(con, group)
    report.rows[table.name] += Lake.replace(con, table, "false", _landed(table, day))
    _quarantine(con, source, group, report)
    days = {day} if day is not None else set(content_days(con, table))
    drop_group(con)
    return days


def _landed(table: Table, day: date | None) -> str:
    if table.name == "candidates" and day is None:
        return f"select good.* replace (q.ds as ds) from ({GOOD}) good join lake.raw.requests q using (request_id)"
    return f"from ({GOOD})"


def _quarantine(con: duckdb.DuckDBPyConnection, source: str, group: Sequence[Incoming], report: IngestReport) -> None:
    name = group[0].table.name
    rejected = f"select *, {quoted(source)} as source, {quoted(name)} as table_name from temp.rejected"
    # Rows without a day are found again by their file.
    where = f"source = {quoted(source)} and table_name = {quoted(name)} and ds is null and file in " + (
        "(" + ", ".join(quoted(one.file) for one in group) + ")"
    )
    Lake.replace(con, QUARANTINE, where, rejected)
    reasons = con.execute(
        "select column_name, reason, count(*) from temp.rejected group by all order by all"
    ).fetchall()
    report.add([Quarantined(table=name, column=c, reason=r, rows=n) for c, r, n in reasons])
    rows = con.execute("select count(distinct (file, row_number)) from temp.rejected").fetchone()
    report.num_quarantined += rows[0] if rows else 0
