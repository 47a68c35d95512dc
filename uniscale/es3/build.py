"""The step ``samples``: the entire-space samples (ES3) of a run's training days.

A. `sql/2_unexposed.sql` draws candidates that were not shown, B. `sql/3_labels.sql` gives them the labels that other
channels show, C. `sql/4_outside.sql`, `queries.py` and `sql/6_negatives.sql` turn other channels' clicks into search
requests, and `sql/9_records.sql` writes one record per request next to the users' sequences (`sequences.py`).
`docs/es3.md` has the equations and the reasons.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import duckdb

from uniscale.config import Settings
from uniscale.contracts.events import EVENT_TABLES
from uniscale.contracts.literals import in_days, quoted, quoted_file
from uniscale.contracts.marts import FCT_ATTRIBUTIONS, FCT_EXPOSURES, MART_TABLES
from uniscale.contracts.products import tables_read
from uniscale.contracts.samples import OUTSIDE_CLICKS, SAMPLES
from uniscale.contracts.sequences import SEQUENCE_LENGTHS, SEQUENCES
from uniscale.es3.days import compute_day, days_to_searchify, prepare, prepare_items
from uniscale.es3.lift import measure_lift
from uniscale.es3.maturity import label_factors, measure_growth
from uniscale.es3.plan import Plan, plan_run
from uniscale.es3.products import BEHAVIOUR, ES3_SAMPLES
from uniscale.es3.quality import measure_queries
from uniscale.es3.report import count_samples
from uniscale.es3.sequences import build_sequences
from uniscale.lake import Lake
from uniscale.lake.contents import Contents, read_contents
from uniscale.lake.keys import build_keys
from uniscale.lake.partitions import built_tables, mark_tables, stale_in_any
from uniscale.lake.spill import spill_folder
from uniscale.lake.tables import create_missing, make_outdated_again

COMMIT_ROWS = 200_000
"""Item rows after which the days computed so far are committed; a day is never split."""

_TABLES = (*EVENT_TABLES, *MART_TABLES, SEQUENCES, SEQUENCE_LENGTHS, SAMPLES, OUTSIDE_CLICKS)


def build_samples(settings: Settings, lake: Lake, ds: date, *, force: bool = False) -> dict[str, Any]:
    """Bring the samples of the run's training days up to date; killed half-way, the same call goes on.

    Args:
        settings: The installation.
        lake: Its lake; holds the marts of the run's training days.
        ds: Last training day.
        force: Build also the days that are up to date.

    Returns:
        Over all training days: rows ``exposed``, ``unexposed`` and ``attributed`` of real requests, ``synthetic`` rows,
        ``requests``, ``positives`` (by task), ``multipliers`` (by stage,
        against exposed rows with native labels), ``searchified`` (synthetic requests by tier), ``shape`` (of real and
        synthetic requests, see `count_samples`), ``outside_clicks`` (all of them, by what became of them, see
        `uniscale.contracts.samples.FATES`), ``growth`` (of attributed labels with the age of their day, by action),
        ``young_days`` and, of the last day, ``lift`` (see `uniscale.es3.lift`) and ``queries`` (synthetic queries
        compared with held-out real ones). Of the days built now: ``days_built`` and ``rows_per_second``.

    Raises:
        ValueError: The marts hold labels of another moment or policy than this run needs.
    """
    plan = plan_run(settings, ds)
    create_missing(lake, _TABLES, "tables of the samples")
    make_outdated_again(lake, (SEQUENCES, SEQUENCE_LENGTHS, SAMPLES))
    start = time.monotonic()
    contents = read_contents(lake, plan.last_eval_ds, tables_read(BEHAVIOUR, ES3_SAMPLES))
    build_sequences(settings, lake, plan, contents, force=force)
    # One snapshot for all days: what is committed meanwhile is not read.
    with lake.read(lake.snapshot_id()) as con:
        growth = measure_growth(con, plan)
        factors = label_factors(plan, growth)
        wanted = sample_keys(settings, plan, contents, factors)
        stale = sorted(wanted) if force else stale_in_any(built_tables(con, ES3_SAMPLES.notes), wanted)
        _check_marts(con, plan, stale)
        num_rows = _build_days(settings, lake, con, plan, keys={day: wanted[day] for day in stale}, factors=factors)
    seconds = time.monotonic() - start
    with lake.read() as con:
        prepare_items(con, plan)
        return {
            **count_samples(con, plan),
            "lift": [asdict(lift) for lift in measure_lift(con, plan, plan.days[-1])],
            "growth": {action: asdict(found) for action, found in growth.items()},
            "young_days": plan.policy.maturity.young_days,
            "queries": measure_queries(con, plan, plan.days[-1]),
            "days_built": len(stale),
            "rows_per_second": round(num_rows / seconds) if stale else None,
        }


def sample_keys(
    settings: Settings, plan: Plan, contents: Contents, factors: Mapping[date, Mapping[str, float]]
) -> dict[date, str]:
    """Build key of each training day.

    Args:
        settings: The installation.
        plan: The run.
        contents: What the tables hold that are read.
        factors: What a label of each day is multiplied by (`uniscale.es3.maturity.label_factors`).
    """
    told = {
        day.ds: {
            "label_as_of": day.label_as_of,
            "growth": factors[day.ds],
            "attributed_from": plan.first_attribution_ds(day),
        }
        for day in plan.days
    }
    return build_keys(ES3_SAMPLES, plan, contents, told, settings=settings, policy=plan.policy)


def _check_marts(con: duckdb.DuckDBPyConnection, plan: Plan, stale: list[date]) -> None:
    """Refuse marts that were built for another run or another policy."""
    remedy = f"run: uniscale step marts {plan.ds}"
    wanted = {day.ds: day.label_as_of for day in plan.days}
    for table in (FCT_EXPOSURES, FCT_ATTRIBUTIONS):
        rows = con.execute(
            f"select distinct ds, label_as_of from lake.{table.qualified} where ds between ? and ? order by all",
            [plan.first_ds, plan.last_ds],
        ).fetchall()
        for day, label_as_of in rows:
            if day in stale and label_as_of != wanted[day]:
                raise ValueError(
                    f"{table.qualified} of {day} holds labels as known at {label_as_of}, the run of {plan.ds} needs "
                    f"them as known at {wanted[day]}; {remedy}"
                )
    versions = con.execute(
        f"select distinct ds, policy_version from lake.{FCT_ATTRIBUTIONS.qualified} where ds between ? and ?",
        [plan.first_ds, plan.last_ds],
    ).fetchall()
    for day, version in sorted(versions):
        if day in stale and version != plan.policy.version:
            raise ValueError(
                f"{FCT_ATTRIBUTIONS.qualified} of {day} follows policy {version!r}, this run follows "
                f"{plan.policy.version!r}; {remedy}"
            )


def _build_days(
    settings: Settings,
    lake: Lake,
    con: duckdb.DuckDBPyConnection,
    plan: Plan,
    *,
    keys: Mapping[date, str],
    factors: Mapping[date, Mapping[str, float]],
) -> int:
    """Build the days that have a key; returns their item rows."""
    if not keys:
        return 0
    prepare(con, plan)
    searchify = days_to_searchify(con, plan)
    num_rows, waiting = 0, dict[date, str]()
    for day in plan.days:
        if day.ds not in keys:
            continue
        if day.ds in searchify:
            compute_day(con, plan, day, searchify=searchify[day.ds], growth=factors[day.ds])
        waiting[day.ds] = keys[day.ds]
        if _num_rows(con) >= COMMIT_ROWS:
            num_rows += _commit(settings, lake, con, waiting)
            waiting = {}
    if waiting:
        num_rows += _commit(settings, lake, con, waiting)
    return num_rows


def _commit(settings: Settings, lake: Lake, con: duckdb.DuckDBPyConnection, built: Mapping[date, str]) -> int:
    """Replace the days in one commit by what was computed, which is emptied; returns its item rows."""
    with _spill_file(settings) as records, _spill_file(settings) as fates:
        con.execute(f"copy records to {quoted(records)} (format parquet)")
        con.execute(f"copy outside_fates to {quoted(fates)} (format parquet)")

        def work(writer: duckdb.DuckDBPyConnection) -> None:
            for table, file in ((SAMPLES, records), (OUTSIDE_CLICKS, fates)):
                Lake.replace(writer, table, in_days(built), f"from read_parquet({quoted_file(file)})")
            mark_tables(writer, dict.fromkeys(ES3_SAMPLES.notes, built))

        lake.commit(work, f"samples of {min(built)} to {max(built)}")
    num_rows = _num_rows(con)
    con.execute("truncate records; truncate outside_fates")
    return num_rows


def _num_rows(con: duckdb.DuckDBPyConnection) -> int:
    row = con.execute("select coalesce(sum(len(item_ids)), 0) from records").fetchone()
    assert row is not None
    return int(row[0])


@contextmanager
def _spill_file(settings: Settings) -> Iterator[Path]:
    """A temporary Parquet file: days are computed before the lake's catalogue is locked for the commit."""
    with NamedTemporaryFile(dir=spill_folder(settings.home), prefix="samples-", suffix=".parquet") as file:
        yield Path(file.name)
