"""The step ``samples``: the entire-space samples (ES3) of a run's training days.

A. `sql/unexposed.sql` draws candidates that were not shown, B. `sql/labels.sql` gives them the labels that other
channels show, C. `sql/outside.sql`, `queries.sql` and `negatives.sql` turn other channels' clicks into search
requests, and `sql/records.sql` writes one record per request. `docs/es3.md` has the equations and the reasons.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import duckdb

from uniscale.config import Settings
from uniscale.contracts.days import Day
from uniscale.contracts.events import EVENT_TABLES
from uniscale.contracts.marts import FCT_ATTRIBUTIONS, FCT_EXPOSURES, MART_TABLES
from uniscale.contracts.samples import SAMPLES
from uniscale.es3.leak import measure_leak
from uniscale.es3.plan import Plan, build_keys, plan_run
from uniscale.es3.report import count_samples
from uniscale.es3.statements import run_files, run_sql, sql_text
from uniscale.lake import Lake
from uniscale.lake.lake import table_has
from uniscale.lake.partitions import mark_built, stale_days

STAGES = ("macros", "unexposed", "labels", "outside", "queries", "negatives")
"""SQL files of a day, in order."""

_TABLES = (*EVENT_TABLES, *MART_TABLES, SAMPLES)


def build_samples(settings: Settings, lake: Lake, ds: date) -> dict[str, Any]:
    """Bring the samples of the run's training days up to date, one day and one commit at a time.

    Args:
        settings: The installation.
        lake: Its lake; holds the marts of the run's training days.
        ds: Last training day.

    Returns:
        Over all training days: rows ``exposed``, ``unexposed`` and ``attributed`` of real requests, ``synthetic`` rows,
        ``requests``, ``click_positives``, ``purchase_positives``, ``multipliers`` (by stage, against exposed rows with
        native labels), ``searchified`` (synthetic requests by tier), ``outside_clicks`` (clicked rows of other
        domains), and ``leak`` (AUC of text match alone). Of the days built now: ``days_built``, ``rows_per_second`` and
        ``dropped`` (outside clicks without a synthetic request, by reason).

    Raises:
        ValueError: The marts hold labels of another moment or policy than this run needs.
    """
    plan = plan_run(settings, ds)
    _create_tables(lake)
    # One snapshot for all days; the days committed meanwhile are not read.
    with lake.read(lake.snapshot_id()) as con:
        wanted = build_keys(con, plan)
        stale = stale_days(con, SAMPLES.qualified, wanted)
        start = time.monotonic()
        num_rows, dropped = 0, Counter[str]()
        for day in plan.days:
            if day.ds in stale:
                _check_marts(con, plan, day)
                compute_day(con, plan, day)
                num_rows += _commit_day(settings, lake, con, day, wanted[day.ds])
                dropped.update(_dropped(con))
        seconds = time.monotonic() - start
    with lake.read() as con:
        return {
            **count_samples(con, plan),
            "leak": measure_leak(con, plan),
            "days_built": len(stale),
            "rows_per_second": round(num_rows / seconds) if stale else None,
            "dropped": dict(dropped),
        }


def compute_day(con: duckdb.DuckDBPyConnection, plan: Plan, day: Day) -> None:
    """Compute the samples of one day into the temporary table ``records``, with the columns of `SAMPLES`.

    Args:
        con: A connection with the raw tables and marts below the catalogue ``lake``.
        plan: The run.
        day: One of its training days.
    """
    values = plan.values(day)
    run_files(con, STAGES, values)
    columns = ", ".join(f'"{column.name}" {column.type}' for column in SAMPLES.columns)
    con.execute(f"create or replace temp table records ({columns})")
    run_sql(con, f"insert into records by name {sql_text('records')}", values)


def _create_tables(lake: Lake) -> None:
    if lake.exists():
        with lake.read() as con:
            if all(table_has(con, table) for table in _TABLES):
                return

    def work(con: duckdb.DuckDBPyConnection) -> None:
        for table in _TABLES:
            Lake.create(con, table)

    lake.commit(work, "tables of the samples")


def _commit_day(settings: Settings, lake: Lake, con: duckdb.DuckDBPyConnection, day: Day, build_key: str) -> int:
    """Replace one day by the table ``records`` in one commit; returns its item rows."""
    with _spill_file(settings, day) as file:
        con.execute(f"copy records to '{file}' (format parquet)")

        def work(writer: duckdb.DuckDBPyConnection) -> None:
            Lake.replace(writer, SAMPLES, f"ds = date '{day.ds}'", f"from read_parquet('{file}')")
            mark_built(writer, SAMPLES.qualified, {day.ds: build_key})

        lake.commit(work, f"samples of {day.ds}")
    row = con.execute("select coalesce(sum(len(item_ids)), 0) from records").fetchone()
    assert row is not None
    return int(row[0])


@contextmanager
def _spill_file(settings: Settings, day: Day) -> Iterator[Path]:
    """A temporary Parquet file: the day is computed before the lake's catalogue is locked for the commit."""
    folder = settings.home / "spill"
    folder.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=folder, prefix=f"samples-{day.ds}-", suffix=".parquet") as file:
        yield Path(file.name)


def _check_marts(con: duckdb.DuckDBPyConnection, plan: Plan, day: Day) -> None:
    for table in (FCT_EXPOSURES, FCT_ATTRIBUTIONS):
        row = con.execute(
            f"select label_as_of from lake.{table.qualified} where ds = ? and label_as_of <> ? limit 1",
            [day.ds, day.label_as_of],
        ).fetchone()
        if row is not None:
            raise ValueError(
                f"{table.qualified} of {day.ds} holds labels as known at {row[0]}, the run of {plan.ds} needs them as "
                f"known at {day.label_as_of}; run: uniscale step marts {plan.ds}"
            )
    row = con.execute(
        f"select policy_version from lake.{FCT_ATTRIBUTIONS.qualified} where ds = ? and policy_version <> ? limit 1",
        [day.ds, plan.policy.version],
    ).fetchone()
    if row is not None:
        raise ValueError(
            f"{FCT_ATTRIBUTIONS.qualified} of {day.ds} follows policy {row[0]!r}, this run follows "
            f"{plan.policy.version!r}; run: uniscale step marts {plan.ds}"
        )


def _dropped(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Outside clicks of the day in no synthetic request, by the first reason that holds."""
    rows = con.execute(
        """
        select
            case
                when not clicks.is_positive then 'used_by_attribution'
                when clicks.category_id is null then 'no_category'
                when group_queries.sample_id is null then 'no_query'
                else 'no_negative'
            end as reason,
            count(*)
        from outside_rows as clicks
        left join outside_groups using (request_id, category_id)
        left join group_queries using (sample_id)
        where clicks.is_clicked and not coalesce(
            clicks.is_positive and sample_id in (select sample_id from synthetic_rows), false
        )
        group by reason
        """
    ).fetchall()
    return dict(rows)
