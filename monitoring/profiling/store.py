"""Profiles in the lake: those of a run's day, and on a young installation those of the training days before it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from monitoring.arrow import arrow_rows
from monitoring.profiling import stages
from monitoring.profiling.logged import logged
from monitoring.profiling.scan import Rows, profiles
from uniscale.config import Settings
from uniscale.config.calendar import eval_days, train_days, wait_days
from uniscale.contracts.literals import in_days
from uniscale.contracts.monitor import PROFILES
from uniscale.contracts.outcomes import SERVED_KINDS
from uniscale.lake import Lake
from uniscale.lake.lake import table_has
from uniscale.serving.served_log import read_served

_DAYS_AT_ONCE = 7


def profile_day(settings: Settings, lake: Lake, ds: date) -> int:
    """Write the profiles of the run of ``ds``, and of each earlier training day that has none; all in one commit.

    A day keeps the profile of its own run, made when its labels were as young as those of the days before were then.

    Returns:
        Number of rows written.
    """
    wait = wait_days(settings)
    with lake.read() as con:
        days = [*_without_profile(con, train_days(settings, ds)[0], ds), ds]
        rows = [
            *(
                row
                for begin in range(0, len(days), _DAYS_AT_ONCE)
                for row in _past(con, days[begin : begin + _DAYS_AT_ONCE], wait)
            ),
            *_tested(con, settings, ds),
        ]
    table = arrow_rows(PROFILES, rows)

    def work(con: duckdb.DuckDBPyConnection) -> int:
        con.register("profiled_rows", table)
        return Lake.replace(con, PROFILES, in_days(days), "profiled_rows")

    return lake.commit(work, f"profiles of {days[0]} to {ds}")


def _without_profile(con: duckdb.DuckDBPyConnection, first: date, ds: date) -> list[date]:
    """Days from the first to the day before ``ds`` that have none."""
    known = set()
    if table_has(con, PROFILES):
        known = {day for (day,) in con.execute(f"select distinct ds from lake.{PROFILES.qualified}").fetchall()}
    before = (first + timedelta(days=number) for number in range((ds - first).days))
    return [day for day in before if day not in known]


def _past(con: duckdb.DuckDBPyConnection, days: list[date], wait: int) -> list[dict[str, Any]]:
    """What was known of the days by their end, in one scan of each stage."""
    return _profiles(
        con,
        [
            *logged(con, days),
            *stages.exposures(con, days),
            *stages.features(con, days),
            *stages.samples(con, days, wait),
            *stages.training(con, days, wait),
        ],
    )


def _tested(con: duckdb.DuckDBPyConnection, settings: Settings, ds: date) -> list[dict[str, Any]]:
    """The test days of a run: their model input, what was served of it, and what was predicted."""
    days = eval_days(settings, ds)
    found = [*stages.tested(con, ds, days), *stages.predictions(con, ds, settings.target_domain)]
    for kind in SERVED_KINDS:
        answers = [table for day in days if (table := read_served(settings, kind, day)) is not None]
        if answers:
            con.register(f"served_{kind}", pa.concat_tables(answers))
            found.append(stages.served(ds, f"served_{kind}", kind))
    return _profiles(con, found)


def _profiles(con: duckdb.DuckDBPyConnection, found: list[Rows]) -> list[dict[str, Any]]:
    return [row for rows in found for row in profiles(con, rows)]
