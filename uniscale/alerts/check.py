"""What the rules find on a day, as rows of ``monitor.checks``, and the alerts that follow from those of all days."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import duckdb

from uniscale.alerts.look import Look, NotMadeError, Signal
from uniscale.alerts.signals import SIGNALS
from uniscale.config import Settings
from uniscale.config.alert_rules import Rule
from uniscale.config.thresholds import load_thresholds
from uniscale.contracts.alerts import ALERTS, CHECKS
from uniscale.contracts.schema import Table
from uniscale.lake import Lake
from uniscale.lake.lake import table_has

_GONE = "the rule is no more"
_log = logging.getLogger(__name__)

_EPISODES = f"""
    with
    -- A day on which a rule could not tell neither ends an alert nor goes on with it.
    known as (
        select distinct rule, ds, dense_rank() over (partition by rule order by ds) as nth
        from lake.{CHECKS.qualified} where state <> 'unknown'
    ),
    fired as (
        select *, nth - row_number() over (partition by rule, subject order by ds) as episode
        from lake.{CHECKS.qualified} join known using (rule, ds) where state = 'firing'
    ),
    episodes as (
        select
            rule, subject, arg_max(severity, ds) as severity, min(ds) as opened_ds, max(ds) as last_ds,
            max(nth) + 1 as next_nth, count(*) as num_days, arg_min(value, ds) as first_value,
            arg_max(value, ds) as last_value, arg_max(detail, ds) as detail
        from fired group by rule, subject, episode
    )
    select episodes.* exclude (next_nth), known.ds as closed_ds
    from episodes left join known on episodes.rule = known.rule and known.nth = next_nth
    order by rule, subject, opened_ds
"""


def find(look: Look, rules: Sequence[Rule], signals: Mapping[str, Signal] = SIGNALS) -> list[dict[str, Any]]:
    """What every rule finds on a day.

    A rule that fails is unknown, is logged, and keeps no other from being looked at.

    Returns:
        Rows of ``monitor.checks``.
    """
    return [row for rule in rules for row in _found(look, rule, signals[rule.signal])]


def store(lake: Lake, ds: date, found: Sequence[Mapping[str, Any]]) -> None:
    """Replace what was found on a day, and have the alerts follow from all days, in one commit.

    A rule that is no more is quiet from now on, so that its alerts end.
    """

    def work(con: duckdb.DuckDBPyConnection) -> None:
        Lake.create(con, CHECKS)
        con.execute(f"delete from lake.{CHECKS.qualified} where ds = ?", [ds])
        insert(con, CHECKS, found)
        con.execute(
            f"insert into lake.{CHECKS.qualified} select ?, rule, '', 'quiet', any_value(severity), null, "
            f"'{_GONE}' from lake.{CHECKS.qualified} where not list_contains(?, rule) group by rule",
            [ds, sorted({row["rule"] for row in found})],
        )
        Lake.replace(con, ALERTS, "true", _EPISODES)

    lake.commit(work, f"alerts of {ds}")


def check_day(settings: Settings, lake: Lake, ds: date, rules: Sequence[Rule]) -> list[dict[str, Any]]:
    """Look at a day by every rule and store what was found; what is found again is not stored again.

    Returns:
        Rows of ``monitor.checks``.

    Raises:
        FileNotFoundError: There is no lake.
    """
    with lake.read() as con:
        found = find(Look(settings=settings, con=con, ds=ds, limits=load_thresholds()), rules)
        if _is_stored(con, ds, found):
            return found
    store(lake, ds, found)
    return found


def _is_stored(con: duckdb.DuckDBPyConnection, ds: date, found: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the lake holds these findings of the day, and of each rule that is no more that it is."""
    if not table_has(con, CHECKS) or not table_has(con, ALERTS):
        return False
    names, rules = CHECKS.column_names, {row["rule"] for row in found}
    place, detail = names.index("rule"), names.index("detail")
    rows = con.execute(f"select {', '.join(names)} from lake.{CHECKS.qualified} where ds = ?", [ds]).fetchall()
    held = [row for row in rows if row[detail] != _GONE]
    ended = {row[place] for row in rows if row[detail] == _GONE}
    every = {rule for (rule,) in con.execute(f"select distinct rule from lake.{CHECKS.qualified}").fetchall()}
    wanted = [tuple(row[name] for name in names) for row in found]
    return sorted(held, key=repr) == sorted(wanted, key=repr) and ended == every - rules


def insert(con: duckdb.DuckDBPyConnection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert a few rows, each a mapping by column."""
    if rows:
        marks = ", ".join(f"({', '.join('?' for _ in table.columns)})" for _ in rows)
        values = [row[name] for row in rows for name in table.column_names]
        con.execute(f"insert into lake.{table.qualified} ({', '.join(table.column_names)}) values {marks}", values)


def _found(look: Look, rule: Rule, signal: Signal) -> list[dict[str, Any]]:
    same = {"ds": look.ds, "rule": rule.name, "severity": rule.severity}
    try:
        firings = signal.find(look, rule.of)
    except NotMadeError as error:
        return [{**same, "subject": "", "state": "unknown", "value": None, "detail": str(error)}]
    except Exception as error:
        _log.exception("rule %s of %s could not be looked at", rule.name, look.ds)
        detail = f"{type(error).__name__}: {error}"
        return [{**same, "subject": "", "state": "unknown", "value": None, "detail": detail}]
    if not firings:
        return [{**same, "subject": "", "state": "quiet", "value": None, "detail": "nothing"}]
    return [
        {**same, "subject": one.subject, "state": "firing", "value": one.value, "detail": one.detail} for one in firings
    ]
