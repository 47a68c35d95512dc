"""Point-in-time retrieval as DuckDB ASOF joins: for each entity row the newest feature version known at its time.

Two clocks decide. A version *holds* from its event time and *could be known* from its knowledge time, so it is visible
from the later of the two. Among the visible versions the one with the newest event time answers; a correction of the
same event time replaces the version it corrects. One ASOF join per feature view: several in one query take many times
the memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

ROW = "__row"


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewSpec:
    """One feature view as the join sees it.

    Attributes:
        name: View name, for messages and temporary tables.
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


def quote(name: str) -> str:
    """An identifier in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def columns(names: Sequence[str], prefix: str = "") -> str:
    """Quoted, comma-separated, optionally with a table alias in front."""
    return ", ".join(f"{prefix}{quote(name)}" for name in names)


def join_views(
    con: duckdb.DuckDBPyConnection,
    entities: str,
    timestamp: str,
    views: Sequence[ViewSpec],
    out: str,
    *,
    honour_knowledge_time: bool,
) -> None:
    """Create the temporary table ``out``: the entity rows in their order, with the features of all views.

    Args:
        con: Connection that sees ``entities`` and the views' tables.
        entities: SQL query of the entity rows.
        timestamp: Column of ``entities`` that holds the time of the question (UTC).
        views: What to join; a version of a view that is missing, too new or too old gives NULLs.
        out: Name of the temporary table; replaced if it exists.
        honour_knowledge_time: Whether a version counts only from its knowledge time on.

    Raises:
        ValueError: The entity rows lack a key column of a view.
    """
    numbered = f"{out}__entities"
    con.execute(f"create or replace temp table {numbered} as select row_number() over () as {ROW}, * from ({entities})")
    given = [row[0] for row in con.execute(f"describe {numbered}").fetchall()][1:]
    for view in views:
        missing = sorted(set(view.keys) - set(given))
        if missing:
            raise ValueError(f"entity rows lack {missing}, the keys of view {view.name}; they have {given}")
    bounds = con.execute(f"select min(t), max(t) from (select {_time(timestamp)} as t from {numbered})").fetchone()
    assert bounds is not None
    joined = []
    for number, view in enumerate(views):
        joined.append(f"{out}__view{number}")
        query = _asof(view, numbered, timestamp, bounds, honour_knowledge_time)
        con.execute(f"create or replace temp table {joined[-1]} as {query}")
    features = [f"v{number}.{quote(name)}" for number, view in enumerate(views) for name in view.features]
    joins = " ".join(f"join {table} as v{number} using ({ROW})" for number, table in enumerate(joined))
    con.execute(
        f"create or replace temp table {out} as "
        f"select {', '.join([columns(given, 'e.'), *features])} from {numbered} as e {joins} order by e.{ROW}"
    )
    for table in (numbered, *joined):
        con.execute(f"drop table {table}")


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
        order = _newest_first(clocks, list(view.features.values()))
        query += f" qualify row_number() over (partition by {columns(keys)} order by {order}) = 1"
    return query


def _asof(
    view: ViewSpec, entities: str, timestamp: str, bounds: tuple[datetime | None, ...], honour_knowledge_time: bool
) -> str:
    """The join of one view; only keys and times that the entity rows ask for are read."""
    first, last = bounds
    keys = list(view.keys.values())
    key_list = columns(keys)
    event = quote(view.timestamp)
    knows = honour_knowledge_time and view.created is not None
    visible = f"greatest({event}, {quote(view.created)})" if knows and view.created else event
    conditions = [f"{visible} <= {_literal(last)}"]
    if knows and view.created:
        conditions.append(f"{quote(view.created)} is not null")
    if view.ttl is not None and first is not None:
        conditions.append(f"{event} >= {_literal(first - view.ttl)}")
    asked = ", ".join(f"{quote(entity)} as {quote(key)}" for entity, key in view.keys.items())
    clocks = [view.timestamp, *([view.created] if view.created else [])]
    kept = list(dict.fromkeys([*keys, view.timestamp, *view.features.values()]))
    on_keys = " and ".join(f"e.{quote(entity)} = v.{quote(key)}" for entity, key in view.keys.items())
    alive = "true" if view.ttl is None else f"e.t <= v.{event} + {_interval(view.ttl)}"
    features = [
        f"case when {alive} then v.{quote(source)} end as {quote(name)}" for name, source in view.features.items()
    ]
    return f"""
        with asked as (select distinct {asked} from {entities}),
        one_per_moment as (
            select {columns(kept)}, {visible} as visible_at
            from {view.table} semi join asked using ({key_list})
            where {" and ".join(conditions)}
            qualify row_number() over (
                partition by {key_list}, visible_at order by {_newest_first(clocks, list(view.features.values()))}
            ) = 1
        ),
        never_older as (
            -- a version that was recorded after a newer one had become visible never answers
            select *
            from one_per_moment
            qualify {event} >= coalesce(
                max({event}) over (
                    partition by {key_list} order by visible_at rows between unbounded preceding and 1 preceding
                ),
                {event}
            )
        ),
        entity_times as (select *, {_time(timestamp)} as t from {entities})
        select {", ".join([f"e.{ROW}", *features])}
        from entity_times as e asof left join never_older as v on {on_keys} and e.t >= v.visible_at
    """


def _newest_first(clocks: Sequence[str], features: Sequence[str]) -> str:
    """Order by both clocks, then by value: rows that tie on both clocks give the same answer on every run."""
    return ", ".join(f"{quote(name)} desc nulls last" for name in (*clocks, *features))


def _time(column: str) -> str:
    """A time stamp with or without zone as naive UTC (the session's zone is UTC)."""
    return f"cast({quote(column)} as timestamp)"


def _literal(moment: datetime | None) -> str:
    return "null::timestamp" if moment is None else f"timestamp '{moment.isoformat(sep=' ')}'"


def _interval(length: timedelta) -> str:
    return f"to_microseconds({length // timedelta(microseconds=1)})"
