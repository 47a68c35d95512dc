"""Feature versions as SQL: which of them can answer, from when on, and the newest per key.

Two clocks decide. A version *holds* from its event time and *could be known* from its knowledge time, so it is visible
from the later of the two. Among the visible versions the one with the newest event time answers; a correction of the
same event time replaces the version it corrects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

_SEMI_JOIN_BELOW = 0.1
"""Entity rows per version below which it pays to look for the keys that are asked for before the versions are sorted;
above, the look-up costs more than the rows that it leaves out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewSpec:
    """One feature view as the join sees it.

    Attributes:
        name: View name, for messages.
        table: What to select from, for example ``lake.features.user_features``.
        keys: Entity column to key column.
        features: Output column to feature column.
        timestamp: Column of the event time (UTC).
        created: Column of the knowledge time (UTC), or None if the table has none.
        ttl: Age up to which a version answers, inclusive; None for any age.
    """

    name: str
    table: str
    keys: dict[str, str]
    features: dict[str, str]
    timestamp: str
    created: str | None
    ttl: timedelta | None

    @property
    def columns(self) -> list[str]:
        """Columns of the table that a query needs."""
        clocks = [self.timestamp, *([self.created] if self.created else [])]
        return list(dict.fromkeys([*self.keys.values(), *clocks, *self.features.values()]))


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What the entity rows ask for.

    Attributes:
        relation: Where the entity rows are.
        num_rows: How many there are.
        first: Earliest time (naive UTC); None without any time.
        last: Latest time (naive UTC); None without any time.
    """

    relation: str
    num_rows: int
    first: datetime | None
    last: datetime | None


def quote(name: str) -> str:
    """An identifier in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def columns(names: Sequence[str]) -> str:
    """Quoted, comma-separated."""
    return ", ".join(quote(name) for name in names)


def visible(
    con: duckdb.DuckDBPyConnection, view: ViewSpec, asked: Asked, *, honour_knowledge_time: bool
) -> tuple[str, str]:
    """SQL for the versions that can answer, no two of a key from the same moment on, and the column of that moment.

    Nearly always a version is known when it starts to hold, and its key has no other of that time. This is looked up
    first, in the clocks alone; only where it fails are the versions put in order.

    Args:
        con: Connection that sees the versions and the entity rows.
        view: The view.
        asked: The entity rows, which bound what is read.
        honour_knowledge_time: Whether a version counts only from its knowledge time on.
    """
    known = view.created if honour_knowledge_time else None
    versions = f"(select {columns(view.columns)} from {view.table} where {_bounds(view, known, asked)})"
    late = f"coalesce(bool_or({quote(known)} > {quote(view.timestamp)}), false)" if known else "false"
    num_versions, some_late = con.execute(f"select count(*), {late} from {versions}").fetchall()[0]
    if asked.num_rows < _SEMI_JOIN_BELOW * num_versions:
        keys = ", ".join(f"{quote(entity)} as {quote(key)}" for entity, key in view.keys.items())
        wanted = f"(select distinct {keys} from {asked.relation})"
        versions = f"(from {versions} semi join {wanted} using ({columns(list(view.keys.values()))}))"
    if some_late or _some_tie(con, view, versions):
        return _in_order(view, known, versions), "visible_at"
    return f"from {versions}", view.timestamp


def newest(
    view: ViewSpec,
    start: datetime | None,
    end: datetime | None,
    *,
    honour_knowledge_time: bool,
    latest_only: bool,
) -> str:
    """SQL for the versions whose event time lies in [start, end], the newest per key or all of them.

    Args:
        view: The view.
        start: First event time (naive UTC), or None.
        end: Last event time (naive UTC), or None; with knowledge time also the last knowledge time.
        honour_knowledge_time: Leave out versions that became known after ``end``.
        latest_only: One row per key.
    """
    conditions = ["true"]
    if start is not None:
        conditions.append(f"{quote(view.timestamp)} >= {_literal(start)}")
    if end is not None:
        conditions.append(f"{quote(view.timestamp)} <= {_literal(end)}")
        if honour_knowledge_time and view.created:
            conditions.append(f"{quote(view.created)} <= {_literal(end)}")
    keys = list(view.keys.values())
    clocks = [view.timestamp, *([view.created] if view.created else [])]
    selected = [*keys, *view.features.values(), *clocks]
    query = f"select {columns(selected)} from {view.table} where {' and '.join(conditions)}"
    if latest_only:
        order = ", ".join(f"{quote(name)} desc nulls last" for name in (*clocks, *view.features.values()))
        query += f" qualify row_number() over (partition by {columns(keys)} order by {order}) = 1"
    return query


def _bounds(view: ViewSpec, known: str | None, asked: Asked) -> str:
    """Versions with a key that could be visible and alive at the time of some entity row.

    To DuckDB's ASOF join, NULL equals NULL in every key after the first: versions without a key must not reach it.
    """
    clocks = [view.timestamp, *([known] if known else [])]
    conditions = [f"{quote(key)} is not null" for key in view.keys.values()]
    conditions += [f"{quote(clock)} <= {_literal(asked.last)}" for clock in clocks]
    if view.ttl is not None and asked.first is not None:
        conditions.append(f"{quote(view.timestamp)} >= {_literal(asked.first - view.ttl)}")
    return " and ".join(conditions)


def _some_tie(con: duckdb.DuckDBPyConnection, view: ViewSpec, versions: str) -> bool:
    """Whether two versions of a key may have the same time: whether two hashes are equal.

    Sorting the hashes, 8 bytes per version, takes a third of the time of counting them in SQL. Equal hashes of
    different moments would cost the careful path, never a wrong answer.
    """
    moment = columns([*view.keys.values(), view.timestamp])
    hashes = con.sql(f"select hash({moment}) as moment from {versions}").fetchnumpy()["moment"]
    hashes.sort()
    return bool((hashes[1:] == hashes[:-1]).any())


def _in_order(view: ViewSpec, known: str | None, versions: str) -> str:
    """One version per key and moment of becoming visible, without those that a newer one precedes.

    A version that became known after a newer one was visible never answers. Versions that become visible together are
    ordered by both clocks, then by value: rows that tie on both clocks give the same answer on every run.
    """
    event = quote(view.timestamp)
    keys = columns(list(view.keys.values()))
    since = f"greatest({event}, {quote(known)})" if known else event
    clocks = [view.timestamp, *([view.created] if view.created else [])]
    order = ", ".join(["visible_at", *(f"{quote(c)} nulls first" for c in (*clocks, *view.features.values()))])
    window = f"partition by {keys} order by {order}"
    return f"""
        select *, {since} as visible_at
        from {versions}
        qualify
            lead(visible_at) over ({window}) is distinct from visible_at
            and {event} >= coalesce(
                max({event}) over ({window} rows between unbounded preceding and 1 preceding), {event}
            )
    """


def _literal(moment: datetime | None) -> str:
    return "null::timestamp" if moment is None else f"timestamp '{moment.isoformat(sep=' ')}'"
