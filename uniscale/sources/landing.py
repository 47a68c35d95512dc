"""The first step of a day: land the logs that are new or changed, and say clearly when the day cannot be run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import duckdb

from uniscale.config import Settings
from uniscale.config.calendar import first_training_day, train_days
from uniscale.contracts.events import EVENT_TABLES, QUARANTINE, REQUESTS
from uniscale.contracts.outcomes import PARTITIONS
from uniscale.lake.lake import Lake, table_has
from uniscale.lake.partitions import stale_days
from uniscale.sources.event_files import EventFile, event_files
from uniscale.sources.fingerprints import EVENTS, day_keys
from uniscale.sources.ingest import ingest_files


def fingerprint(settings: Settings, ds: date) -> dict[str, str]:
    """What the run of ``ds`` reads: fingerprint by day, up to the last evaluation day.

    With ``source.events_dir`` it is that of the files there, else that of what has been landed.
    """
    if settings.source.events_dir is not None:
        keys = day_keys(settings, _files(settings, _last_day(settings, ds)))
        return {str(day): key for day, key in keys.items() if day is not None}
    lake = Lake(settings)
    if not lake.exists():
        return {}
    with lake.read() as con:
        if not table_has(con, PARTITIONS):
            return {}
        rows = con.execute(
            f"select ds, build_key from lake.{PARTITIONS.qualified} where table_name = ? and ds <= ? order by ds",
            [EVENTS, _last_day(settings, ds)],
        ).fetchall()
    return {str(day): key for day, key in rows}


def land_day(settings: Settings, lake: Lake, ds: date, *, force: bool = False) -> dict[str, Any]:
    """Land what the run of ``ds`` needs and has not got, all in one commit, and count what it will read.

    Args:
        settings: The installation.
        lake: Its lake.
        ds: Day of the run.
        force: Land again also what is landed, as far as its files are there.

    Returns:
        ``rows`` by table, ``quarantined`` rows and ``days`` with requests, each over the days of the run, and
        ``landed_days``: days landed now, and ``forgotten``: rows of them left out because their user was forgotten.

    Raises:
        ValueError: There are no target-domain requests to train on or to judge on; or a file is bad, and then the
            lake stays as it was.
    """
    landed = _land_changed(settings, lake, _last_day(settings, ds), force=force)
    if not lake.exists():
        raise ValueError(_NO_EVENTS.format(ds=ds))
    with lake.read() as con:
        _refuse_without_requests(con, settings, _spans(settings, ds))
        return {**_counts(con, settings, ds), **landed}


def refuse_unrunnable(settings: Settings, lake: Lake, ds: date) -> None:
    """Refuse a run that `land_day` would refuse, as far as the lake and the names of the waiting files tell.

    It takes a fraction of a second and changes nothing, so that nobody waits for a scheduler to hear it.

    Raises:
        ValueError: There are no target-domain requests to train on or to judge on, and no files that may hold some.
    """
    folder = settings.source.events_dir
    waiting = [] if folder is None else _files(settings, _last_day(settings, ds))
    days = {file.day for file in waiting if file.table is REQUESTS and file.day is not None}
    spans = {
        kind: (start, end)
        for kind, (start, end) in _spans(settings, ds).items()
        if not any(start <= day <= end for day in days)
    }
    if not spans:
        return
    if lake.exists():
        with lake.read() as con:
            _refuse_without_requests(con, settings, spans)
    elif folder is None:
        raise ValueError(_NO_EVENTS.format(ds=ds))
    else:
        kind, (start, end) = next(iter(spans.items()))
        held = f"requests of {min(days)}..{max(days)}" if days else f"no requests up to {_last_day(settings, ds)}"
        raise ValueError(
            f"no requests on the {kind} days {start}..{end}: source.events_dir={folder} holds {held}; choose another "
            "day, or wait for its logs"
        )


def land_until(settings: Settings, lake: Lake, last: date) -> dict[str, int]:
    """Land the logs up to a day that are new or changed, all in one commit.

    Returns:
        ``landed_days`` and ``forgotten``, as `land_day` gives them.

    Raises:
        ValueError: The lake holds no request of the day afterwards: its logs have not come; or a file is bad, and then
            the lake stays as it was.
    """
    landed = _land_changed(settings, lake, last)
    has_requests = False
    if lake.exists():
        with lake.read() as con:
            has_requests = table_has(con, REQUESTS, last)
    if not has_requests:
        raise ValueError(
            f"no request of {last} has been landed: wait for its logs in source.events_dir, or land them (uniscale "
            "ingest events DIR)"
        )
    return landed


_NOTHING = {"landed_days": 0, "forgotten": 0}
_NO_EVENTS = "there are no events to run {ds} on; land them first: uniscale ingest events DIR"


def _land_changed(settings: Settings, lake: Lake, last: date, *, force: bool = False) -> dict[str, int]:
    if settings.source.events_dir is None:
        return _NOTHING
    files = _files(settings, last)
    wanted = {day: key for day, key in day_keys(settings, files).items() if day is not None}
    stale: list[date] = sorted(wanted)
    if lake.exists() and not force:
        with lake.read() as con:
            stale = stale_days(con, EVENTS, wanted)
    if not stale:
        return _NOTHING
    report = ingest_files(settings, lake, [file for file in files if file.day in set(stale)])
    return {"landed_days": len(stale), "forgotten": report.num_forgotten}


def _files(settings: Settings, last: date) -> list[EventFile]:
    folder = settings.source.events_dir
    assert folder is not None
    files = event_files(folder)
    whole = [file.name for file in files if file.day is None]
    if whole:
        raise ValueError(
            f"source.events_dir={folder} must hold TABLE/ds=YYYY-MM-DD folders, but {whole[0]} holds all days; "
            f"land it once with: uniscale ingest events {folder}, and leave source.events_dir unset"
        )
    return [file for file in files if file.day is not None and file.day <= last]


def _last_day(settings: Settings, ds: date) -> date:
    return ds + timedelta(days=settings.window.eval_days)


def _spans(settings: Settings, ds: date) -> dict[str, tuple[date, date]]:
    """First and last day of what the run of ``ds`` trains and is judged on."""
    trained = train_days(settings, ds)
    return {
        "training": (trained[0], trained[-1]),
        "evaluation": (ds + timedelta(days=1), _last_day(settings, ds)),
    }


def _refuse_without_requests(
    con: duckdb.DuckDBPyConnection, settings: Settings, spans: Mapping[str, tuple[date, date]]
) -> None:
    for kind, (start, end) in spans.items():
        if table_has(con, REQUESTS):
            found = con.execute(
                f"select 1 from lake.{REQUESTS.qualified} where ds between ? and ? and domain = ? limit 1",
                [start, end, settings.target_domain],
            ).fetchone()
            if found is not None:
                continue
        raise ValueError(
            f"no {settings.target_domain} requests on the {kind} days {start}..{end}: {_advice(con, settings)}"
        )


def _advice(con: duckdb.DuckDBPyConnection, settings: Settings) -> str:
    held: tuple[Any, ...] | None = None
    if table_has(con, REQUESTS):
        held = con.execute(
            f"select min(ds), max(ds) from lake.{REQUESTS.qualified} where domain = ?", [settings.target_domain]
        ).fetchone()
    land = "land them (uniscale ingest events DIR, or new folders in source.events_dir)"
    if held is None or held[0] is None:
        return f"{land}; the lake holds no {settings.target_domain} request at all (target_domain in uniscale.toml)"
    return f"{land} or choose another day; the lake holds {settings.target_domain} requests of {held[0]}..{held[1]}"


def _counts(con: duckdb.DuckDBPyConnection, settings: Settings, ds: date) -> dict[str, Any]:
    span = [first_training_day(settings, ds), _last_day(settings, ds)]
    rows = {table.name: _count(con, f"count(*) from lake.{table.qualified}", span) for table in EVENT_TABLES}
    quarantined = f"count(distinct (table_name, file, row_number)) from lake.{QUARANTINE.qualified}"
    undated = "ds is null or"  # a row that is too broken to say its day counts on every day
    return {
        "rows": rows,
        "quarantined": _count(con, quarantined, span, undated),
        "days": _count(con, f"count(distinct ds) from lake.{REQUESTS.qualified}", span),
    }


def _count(con: duckdb.DuckDBPyConnection, what: str, span: list[date], also: str = "") -> int:
    row = con.execute(f"select {what} where {also} ds between ? and ?", span).fetchone()
    assert row is not None
    return int(row[0])
