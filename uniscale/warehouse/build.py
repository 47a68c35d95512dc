"""The step `marts`: exposures, attributions, query statistics and features of a run, built by dbt."""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import duckdb

from uniscale.config import Settings
from uniscale.config.calendar import days_of_run
from uniscale.contracts.events import EVENT_TABLES
from uniscale.contracts.features import FEATURE_TABLES, USER_FRESH_ACTIONS
from uniscale.contracts.marts import FCT_ATTRIBUTIONS, FCT_EXPOSURES, MART_TABLES
from uniscale.contracts.outcomes import PARTITIONS
from uniscale.contracts.policy import Policy, load_policy
from uniscale.contracts.schema import Table
from uniscale.lake import Lake, LakeLockedError
from uniscale.lake.lake import table_has
from uniscale.lake.partitions import mark_built, stale_days
from uniscale.warehouse.busy import capped_user_days
from uniscale.warehouse.inputs import read_raw_content
from uniscale.warehouse.plan import Group, last_read, plan_groups
from uniscale.warehouse.project import DbtFailedError, NodeResult, run_dbt
from uniscale.warehouse.variables import dbt_variables

_TABLES = (*EVENT_TABLES, *MART_TABLES, *FEATURE_TABLES)
UNFINISHED = "unfinished"
"""Build key of a day that is being built, or whose build was killed."""
_LOCK_SIGNS = ("database is locked", "failed to commit ducklake transaction", "conflict")
_log = logging.getLogger(__name__)


def build_marts(settings: Settings, lake: Lake, ds: date) -> dict[str, Any]:
    """Build every mart and feature day that the run of ``ds`` needs and that is not up to date.

    Killed half-way, the same call finishes the work with the same rows: the days are marked unfinished before dbt
    starts, and as built after it has ended well.

    Args:
        settings: The installation.
        lake: Its lake.
        ds: Last training day.

    Returns:
        ``exposures`` (rows of the run's days), ``attributed`` (attributions by action and target), and what
        `build_groups` returns.

    Raises:
        DbtFailedError: A model or a test failed; the message names it.
        LakeLockedError: The catalogue stayed locked for longer than the configured bound.
    """
    policy = load_policy(settings.policy)
    create_tables(lake)
    raw = read_raw_content(lake, last_read(settings, ds + timedelta(days=settings.window.eval_days)))
    with lake.read() as con:
        _warn_of_a_reused_version(con, policy, ds)
        is_noted = not stale_days(con, _noted(policy), {ds: policy.digest})
    if not is_noted:
        lake.commit(lambda con: mark_built(con, _noted(policy), {ds: policy.digest}), f"policy of {ds}")
    built = build_groups(settings, lake, policy, plan_groups(settings, policy, raw, ds), f"marts of {ds}")
    run = days_of_run(settings, ds, policy)
    return {**_counts(lake, run[0].ds, run[-1].ds), **built}


def build_groups(
    settings: Settings, lake: Lake, policy: Policy, groups: Sequence[Group], message: str
) -> dict[str, Any]:
    """Build the days of some groups that are not up to date.

    Args:
        settings: The installation.
        lake: Its lake, with the tables.
        policy: Its policy.
        groups: What should be there.
        message: What is built, for the lake's history.

    Returns:
        ``days_built`` (by group), ``models`` (seconds by model), and ``capped_user_days``: of the days of the groups,
        how many users had more moments on a day than fresh actions make versions of.

    Raises:
        DbtFailedError: A model or a test failed; the message names it.
        LakeLockedError: The catalogue stayed locked for longer than the configured bound.
    """
    with lake.read() as con:
        stale = {group.name: group.stale(con) for group in groups}
    results: tuple[NodeResult, ...] = ()
    todo = [group for group in groups if stale[group.name]]
    if todo:
        _mark(lake, todo, stale, f"{message} started", unfinished=True)
        results = _run(settings, lake, _arguments(settings, policy, todo, stale))
        _mark(lake, todo, stale, f"{message} built", unfinished=False)
    return {
        "days_built": {group.name: len(stale[group.name]) for group in groups},
        "models": {result.name: round(result.seconds, 3) for result in results if result.kind == "model"},
        "capped_user_days": capped_user_days(settings, lake, _fresh_days(groups)),
    }


def _fresh_days(groups: Sequence[Group]) -> list[date]:
    return [day for group in groups if USER_FRESH_ACTIONS in group.tables for day in group.days]


def create_tables(lake: Lake) -> None:
    """Make the tables of the warehouse that do not exist yet, and feature tables of an older contract anew.

    What a feature table held can be built again; the days that a run needs are, since their columns have changed.
    """
    if not _tables_exist(lake):
        lake.commit(lambda con: [Lake.create(con, table) for table in _TABLES], "tables of the warehouse")
    with lake.read() as con:
        outdated = [
            table for table in FEATURE_TABLES if _columns(con, table) != [(c.name, c.type) for c in table.columns]
        ]
    if outdated:
        names = ", ".join(table.qualified for table in outdated)
        _log.warning("%s had other columns; made anew, and built for the days of this run", names)
        lake.commit(lambda con: _make_anew(con, outdated), f"other columns: {names}")


def _columns(con: duckdb.DuckDBPyConnection, table: Table) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in con.execute(f"describe lake.{table.qualified}").fetchall()]


def _make_anew(con: duckdb.DuckDBPyConnection, tables: Sequence[Table]) -> None:
    for table in tables:
        con.execute(f"drop table lake.{table.qualified}")
        Lake.create(con, table)
        if table_has(con, PARTITIONS):
            con.execute(f"delete from lake.{PARTITIONS.qualified} where table_name = ?", [table.qualified])


def _tables_exist(lake: Lake) -> bool:
    if not lake.exists():
        return False
    with lake.read() as con:
        return all(table_has(con, table) for table in _TABLES)


def _warn_of_a_reused_version(con: duckdb.DuckDBPyConnection, policy: Policy, ds: date) -> None:
    """Rows name their policy by its version alone, so a version should stand for one set of values."""
    if not table_has(con, PARTITIONS):
        return
    others = con.execute(
        f"select min(ds), max(ds) from lake.{PARTITIONS.qualified} where table_name = ? and ds != ? and build_key != ?",
        [_noted(policy), ds, policy.digest],
    ).fetchone()
    if others and others[0]:
        _log.warning(
            "policy version %s stood for other values in runs of %s to %s; this run's days are rebuilt, older days "
            "keep their rows under the same version. Change `version` whenever a value changes",
            policy.version,
            *others,
        )


def _noted(policy: Policy) -> str:
    return f"policy/{policy.version}"


def _mark(lake: Lake, groups: list[Group], stale: Mapping[str, list[date]], message: str, *, unfinished: bool) -> None:
    def work(con: duckdb.DuckDBPyConnection) -> None:
        for group in groups:
            notes = {day: UNFINISHED if unfinished else group.keys[day] for day in stale[group.name]}
            for table in group.tables:
                mark_built(con, table.qualified, notes)

    lake.commit(work, message)


def _arguments(settings: Settings, policy: Policy, groups: list[Group], stale: Mapping[str, list[date]]) -> list[str]:
    days = {group.variable: [group.days[day] for day in stale[group.name]] for group in groups}
    select = ["staging", *(f"config.days_from:{group.variable}" for group in groups)]
    return [
        "build",
        *("--select", *select),
        *("--exclude-resource-type", "unit_test"),
        *("--vars", json.dumps(dbt_variables(settings, policy, days))),
    ]


def _run(settings: Settings, lake: Lake, arguments: list[str]) -> tuple[NodeResult, ...]:
    deadline = time.monotonic() + settings.lake.lock_timeout_seconds
    while True:
        try:
            return run_dbt(settings, lake, arguments)
        except DbtFailedError as error:
            if not any(sign in str(error).lower() for sign in _LOCK_SIGNS):
                raise
            if time.monotonic() > deadline:
                raise LakeLockedError(
                    f"the lake's catalogue stayed busy for {settings.lake.lock_timeout_seconds:.0f} s: {error}. "
                    "Another process is writing; wait for it, or raise lake.lock_timeout_seconds"
                ) from error
            _log.warning("the lake's catalogue is busy, dbt starts again: %s", error)
        time.sleep(1 + random.random())


def _counts(lake: Lake, first: date, last: date) -> dict[str, Any]:
    with lake.read() as con:
        exposures = con.execute(
            f"select count(*) from {FCT_EXPOSURES.qualified} where ds between ? and ?", [first, last]
        ).fetchone()
        attributed = con.execute(
            f"select action || ' to ' || target, count(*) from {FCT_ATTRIBUTIONS.qualified} "
            "where ds between ? and ? group by all order by all",
            [first, last],
        ).fetchall()
    assert exposures is not None
    return {"exposures": exposures[0], "attributed": dict(attributed)}
