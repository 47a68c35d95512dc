"""The step `marts`: exposures, attributions, query statistics and features of a run, built by dbt."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import duckdb

from uniscale.config import Settings
from uniscale.config.calendar import days_of_run
from uniscale.contracts.carried import CARRIED_TABLES
from uniscale.contracts.features import USER_FRESH_ACTIONS
from uniscale.contracts.marts import FCT_ATTRIBUTIONS, FCT_EXPOSURES
from uniscale.contracts.outcomes import PARTITIONS
from uniscale.contracts.policy import Policy, load_policy
from uniscale.lake import Lake
from uniscale.lake.contents import read_contents
from uniscale.lake.lake import table_has
from uniscale.lake.partitions import built_tables, drop_days_before, mark_built, mark_tables, stale_days
from uniscale.warehouse.busy_users import capped_user_days
from uniscale.warehouse.plan import Group, plan_groups
from uniscale.warehouse.products import last_read
from uniscale.warehouse.project import DbtFailedError, NodeResult, run_dbt
from uniscale.warehouse.tables import create_tables
from uniscale.warehouse.variables import dbt_variables

UNFINISHED = "unfinished"
"""Build key of a day that is being built, or whose build was killed."""
_log = logging.getLogger(__name__)


def build_marts(settings: Settings, lake: Lake, ds: date, *, force: bool = False) -> dict[str, Any]:
    """Build every mart and feature day that the run of ``ds`` needs and that is not up to date.

    Killed half-way, the same call finishes the work with the same rows: the days are marked unfinished before dbt
    starts, and as built after it has ended well.

    Args:
        settings: The installation.
        lake: Its lake.
        ds: Last training day.
        force: Build also the days that are up to date.

    Returns:
        ``exposures`` (rows of the run's days), ``attributed`` (attributions by action and target), and what
        `build_groups` returns.

    Raises:
        DbtFailedError: A model or a test failed; the message names it.
        LakeLockedError: The catalogue stayed locked for longer than the configured bound.
    """
    policy = load_policy(settings.policy)
    create_tables(lake)
    raw = read_contents(lake, last_read(settings, ds + timedelta(days=settings.window.eval_days)))
    with lake.read() as con:
        _warn_of_a_reused_version(con, policy, ds)
        is_noted = not stale_days(con, _noted(policy), {ds: policy.digest})
    if not is_noted:
        lake.commit(lambda con: mark_built(con, _noted(policy), {ds: policy.digest}), f"policy of {ds}")
    built = build_groups(settings, lake, policy, plan_groups(settings, policy, raw, ds), f"marts of {ds}", force=force)
    run = days_of_run(settings, ds, policy)
    return {**_counts(lake, run[0].ds, run[-1].ds), **built}


def build_groups(
    settings: Settings, lake: Lake, policy: Policy, groups: Sequence[Group], message: str, *, force: bool = False
) -> dict[str, Any]:
    """Build the days of some groups that are not up to date.

    Args:
        settings: The installation.
        lake: Its lake, with the tables.
        policy: Its policy.
        groups: What should be there.
        message: What is built, for the lake's history.
        force: Build also the days that are up to date.

    Returns:
        ``days_built`` (by group), ``nodes`` (what became of each model and test, and how many rows the built days of a
        model have, or a test found fault with), and ``capped_user_days``: of the days of the groups,
        how many users had more moments on a day than fresh actions make versions of.

    Raises:
        DbtFailedError: A model or a test failed; the message names it.
        LakeLockedError: The catalogue stayed locked for longer than the configured bound.
    """
    with lake.read() as con:
        built = built_tables(con, {table.qualified for group in groups for table in group.tables})
    stale = {group.name: sorted(group.keys) if force else group.stale(built) for group in groups}
    bases = {group.name: None if force else group.base(built) for group in groups}
    stale |= {group.name: [] for group in groups if group.wanted_by and not stale[group.wanted_by]}
    results: tuple[NodeResult, ...] = ()
    todo = [group for group in groups if stale[group.name]]
    if todo:
        _mark(lake, todo, stale, f"{message} started", unfinished=True)
        arguments, variables = _arguments(todo), _variables(settings, policy, groups, stale, bases)
        results = lake.queued(lambda: run_dbt(settings, lake, arguments, variables), refusal=DbtFailedError)
        _mark(lake, todo, stale, f"{message} built", unfinished=False)
    return {
        "days_built": {group.name: len(stale[group.name]) for group in groups},
        "nodes": _nodes(results, _rows_built(lake, todo, stale)),
        "capped_user_days": capped_user_days(settings, lake, _fresh_days(groups)),
    }


def _nodes(results: Sequence[NodeResult], rows: Mapping[str, int]) -> list[dict[str, Any]]:
    return [
        {
            "name": result.name,
            "kind": result.kind,
            "status": result.status,
            "rows": rows.get(result.name) if result.kind == "model" else result.failures,
            "seconds": round(result.seconds, 3),
        }
        for result in results
    ]


def _rows_built(lake: Lake, groups: Sequence[Group], stale: Mapping[str, list[date]]) -> dict[str, int]:
    """Rows of the days built now, by table."""
    found = {}
    with lake.read() as con:
        for group in groups:
            for table in group.tables:
                query = f"select count(*) from lake.{table.qualified} where ds in (select unnest(?))"
                row = con.execute(query, [stale[group.name]]).fetchone()
                assert row is not None
                found[table.name] = int(row[0])
    return found


def _fresh_days(groups: Sequence[Group]) -> list[date]:
    return [day for group in groups if USER_FRESH_ACTIONS in group.tables for day in group.days]


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
    notes = {
        table.qualified: {day: UNFINISHED if unfinished else group.keys[day] for day in stale[group.name]}
        for group in groups
        for table in group.tables
    }

    def work(con: duckdb.DuckDBPyConnection) -> None:
        mark_tables(con, notes)
        for group in groups:
            if group.keep_from is not None and not unfinished:
                drop_days_before(con, group.tables, group.keep_from)

    lake.commit(work, message)


def _arguments(groups: list[Group]) -> list[str]:
    select = [f"config.days_from:{group.variable}" for group in groups]
    return ["build", "--no-write-json", "--select", *select, "--exclude-resource-type", "unit_test"]


def _variables(
    settings: Settings,
    policy: Policy,
    groups: Sequence[Group],
    stale: Mapping[str, list[date]],
    bases: Mapping[str, date | None],
) -> dict[str, Any]:
    days = {group.variable: [dict(group.days[day]) for day in stale[group.name]] for group in groups}
    for carried in (group for group in groups if group.tables == CARRIED_TABLES):
        base, (carried_ds,) = bases[carried.name], carried.days
        if base is not None:
            days[carried.variable] = [{**day, "base_ds": base} for day in days[carried.variable]]
        days["feature_days"] = [{**day, "carried_ds": carried_ds} for day in days["feature_days"]]
    return dbt_variables(settings, policy, days)


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
