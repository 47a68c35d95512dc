"""Which rows can be pushed: those that ``uniscale ingest`` would land, and whose time has come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa

from uniscale.contracts.events import ACTIONS_TABLE
from uniscale.contracts.literals import quoted
from uniscale.sources.judging import LONGEST_SHOWN
from uniscale.sources.rules import Rule, row_rules

COLUMNS = ("action_id", "user_id", "item_id", "action", "domain", "acted_at", "recorded_at")
"""What an action has: texts, and two moments (UTC)."""

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far the clock of who records actions, or sends requests, may be ahead of ours."""

Action = dict[str, Any]
Refused = dict[str, Any]
"""A row that is not pushed: ``row``, its number (first is 1), ``action_id`` and ``reason``."""


def judge_actions(actions: pa.Table, domains: Sequence[str], now: datetime) -> tuple[list[Action], list[Refused]]:
    """Actions that can be pushed, and the rows that cannot with the reason.

    Args:
        actions: As `uniscale.features.online.push.push_actions` takes them.
        domains: The declared domains.
        now: The time (UTC).

    Raises:
        ValueError: A column is missing, or a moment is no time stamp.
    """
    rules = list(_rules(tuple(domains), now))
    columns = ", ".join(f'"{name}"' for name in COLUMNS)
    reasons = ", ".join(f"case when {rule.condition} then {_told(rule)} end" for rule in rules)
    unread = ", ".join(f'cast(null as varchar) as "fault_{name}"' for name in COLUMNS)
    with _engine().cursor() as con:
        con.execute("set timezone = 'UTC'")
        con.register("typed", _typed(actions))
        judged = con.execute(
            f"select row_number, {columns}, coalesce(fault, nullif(concat_ws(' and ', {reasons}), '')) as reason "
            f"from (select *, {unread} from typed)"
        ).to_arrow_table()
    accepted, refused = [], []
    for row in judged.to_pylist():
        reason, number = row.pop("reason"), row.pop("row_number")
        if reason is None:
            accepted.append({**row, **{name: row[name].replace(tzinfo=UTC) for name in COLUMNS[5:]}})
        else:
            refused.append({"row": number, "action_id": row["action_id"], "reason": reason})
    return accepted, refused


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    """A database in memory, kept: opening one takes as long as judging a few rows."""
    return duckdb.connect()


def _rules(domains: tuple[str, ...], now: datetime) -> Iterator[Rule]:
    yield from (rule for rule in row_rules(ACTIONS_TABLE, None, domains) if rule.column in COLUMNS)
    latest = (now + CLOCK_TOLERANCE).astimezone(UTC).replace(tzinfo=None)
    yield Rule(column="recorded_at", reason=quoted("is to come"), condition=f"recorded_at > timestamp '{latest}'")


def _told(rule: Rule) -> str:
    """SQL of a sentence about a row that breaks the rule."""
    told = f"{quoted(rule.column + ' ')} || {rule.reason}"
    found = f'left(cast("{rule.column}" as varchar), {LONGEST_SHOWN})'
    return f"{told} || coalesce(': ' || {found}, '')" if rule.is_of_value else told


def _typed(actions: pa.Table) -> pa.Table:
    """Texts without empty ones, moments as naive UTC, and what the reader of a file says of its rows."""
    missing = [name for name in COLUMNS if name not in actions.column_names]
    if missing:
        raise ValueError(f"the actions lack {', '.join(missing)}; an action has {', '.join(COLUMNS)}")
    columns = {}
    for name in COLUMNS[:5]:
        text = actions.column(name).cast(pa.string())
        columns[name] = pa.compute.if_else(pa.compute.equal(text, ""), None, text)
    for name in COLUMNS[5:]:
        kind = actions.schema.field(name).type
        if not pa.types.is_timestamp(kind):
            raise ValueError(f"{name} is {kind}; it must be a time stamp (UTC)")
        columns[name] = actions.column(name).cast(pa.timestamp("us", tz="UTC") if kind.tz else pa.timestamp("us"))
        columns[name] = columns[name].cast(pa.timestamp("us"))
    columns["row_number"] = _column(actions, "row_number", pa.array(range(1, actions.num_rows + 1), pa.int64()))
    columns["fault"] = _column(actions, "fault", pa.nulls(actions.num_rows, pa.string()))
    return pa.table(columns)


def _column(actions: pa.Table, name: str, default: pa.Array) -> pa.Array | pa.ChunkedArray:
    return actions.column(name) if name in actions.column_names else default
