"""Point-in-time retrieval as DuckDB ASOF joins: for each entity row the newest feature version known at its time.

One ASOF join per feature view: several in one query take many times the memory. A join carries the keys, the time and
the place of an entity row and nothing else of it; its answers are put in the order of the places, so that the columns
of the entity rows and of all views stand side by side without another join.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import duckdb
import numpy as np
import pyarrow as pa

from uniscale.features.offline.versions import Asked, ViewSpec, quote, visible

PLACE = "__place"
"""Column of the entity rows that numbers them."""

_ENTITIES = "__entities"


def join_to_arrow(
    con: duckdb.DuckDBPyConnection,
    entities: pa.Table | str,
    timestamp: str,
    views: Sequence[ViewSpec],
    *,
    honour_knowledge_time: bool,
) -> pa.Table:
    """The entity rows in their order, with the features of all views.

    Args:
        con: Connection that sees the tables of the views.
        entities: Entity rows, or an SQL query of them.
        timestamp: Their column of the time of the question (with its zone, or in UTC).
        views: What to join; a version that is missing, too new or too old gives NULLs.
        honour_knowledge_time: Whether a version counts only from its knowledge time on.

    Raises:
        ValueError: The entity rows lack a key column of a view, or have a column with the name of a feature.
    """
    with _answers(con, entities, timestamp, views, honour_knowledge_time) as queries:
        joined: pa.Table = entities
        if isinstance(entities, str):
            joined = con.sql(f"select * exclude ({PLACE}) from {_ENTITIES}").to_arrow_table()
        for query in queries:
            features = con.sql(query).to_arrow_table()
            for name, column in zip(features.column_names, features.columns, strict=True):
                joined = joined.append_column(name, column)
        return joined


def join_to_table(
    con: duckdb.DuckDBPyConnection,
    entities: pa.Table | str,
    timestamp: str,
    views: Sequence[ViewSpec],
    out: str,
    *,
    honour_knowledge_time: bool,
) -> None:
    """Like `join_to_arrow`, into the temporary table ``out``, which is replaced; what does not fit in memory spills."""
    with _answers(con, entities, timestamp, views, honour_knowledge_time) as queries:
        parts = []
        for number, query in enumerate(queries):
            parts.append(f"{out}__view{number}")
            con.execute(f"create or replace temp table {parts[-1]} as {query}")
        side_by_side = " positional join ".join([_ENTITIES, *parts])
        con.execute(f"create or replace temp table {out} as select * exclude ({PLACE}) from {side_by_side}")
        for part in parts:
            con.execute(f"drop table {part}")


@contextmanager
def _answers(
    con: duckdb.DuckDBPyConnection,
    entities: pa.Table | str,
    timestamp: str,
    views: Sequence[ViewSpec],
    honour_knowledge_time: bool,
) -> Iterator[Iterator[str]]:
    """Per view the query of its features, one row per entity row, in order; the entity rows are there meanwhile."""
    with _numbered(con, entities) as types:
        _check_columns(list(types), views)
        # The size of an Arrow table is unknown to the planner: it would loop over a million entity rows.
        con.execute("set asof_loop_join_threshold = 0")
        time = _time(timestamp, types[timestamp])
        bounds = con.execute(f"select count(*), min({time}), max({time}) from {_ENTITIES}").fetchone()
        assert bounds is not None
        asked = Asked(relation=_ENTITIES, num_rows=bounds[0], first=bounds[1], last=bounds[2])
        yield (
            _asof(view, time, *visible(con, view, asked, honour_knowledge_time=honour_knowledge_time)) for view in views
        )


@contextmanager
def _numbered(con: duckdb.DuckDBPyConnection, entities: pa.Table | str) -> Iterator[dict[str, str]]:
    """The entity rows as a relation of the connection, with their places; gives the types of their own columns."""
    if isinstance(entities, str):
        con.execute(f"create temp table {_ENTITIES} as select row_number() over () as {PLACE}, * from ({entities})")
    else:
        con.register(_ENTITIES, entities.append_column(PLACE, pa.array(np.arange(entities.num_rows))))
    try:
        described = con.execute(f"describe select * exclude ({PLACE}) from {_ENTITIES}").fetchall()
        yield {str(row[0]): str(row[1]) for row in described}
    finally:
        if isinstance(entities, str):
            con.execute(f"drop table {_ENTITIES}")
        else:
            con.unregister(_ENTITIES)


def _check_columns(names: Sequence[str], views: Sequence[ViewSpec]) -> None:
    for view in views:
        missing = sorted(set(view.keys) - set(names))
        if missing:
            raise ValueError(f"entity rows lack {missing}, the keys of view {view.name}; they have {list(names)}")
        twice = sorted(set(view.features) & set(names))
        if twice:
            raise ValueError(
                f"entity rows have columns {twice}, which are features of view {view.name}; rename them, or ask for "
                "full feature names"
            )


def _asof(view: ViewSpec, time: str, versions: str, moment: str) -> str:
    """The join of one view. To DuckDB's ASOF join NULL is the latest time: no version may answer it."""
    on_keys = " and ".join(f"e.{quote(entity)} = v.{quote(key)}" for entity, key in view.keys.items())
    alive = "e.t is not null" if view.ttl is None else f"e.t <= v.{quote(view.timestamp)} + {_interval(view.ttl)}"
    features = ", ".join(
        f"case when {alive} then v.{quote(source)} end as {quote(name)}" for name, source in view.features.items()
    )
    return f"""
        with versions as ({versions}), entity_times as (select *, {time} as t from {_ENTITIES})
        select {features}
        from entity_times as e asof left join versions as v on {on_keys} and e.t >= v.{quote(moment)}
        order by e.{PLACE}
    """


def _time(column: str, sql_type: str) -> str:
    """The moment of the question as naive UTC, whatever its zone; text and dates are read as UTC.

    A cast would ask the calendar of the session's zone about every row, which takes longer than the join.
    """
    if sql_type.startswith("TIMESTAMP"):
        return f"make_timestamp(epoch_us({quote(column)}))"
    return f"cast({quote(column)} as timestamp)"


def _interval(length: timedelta) -> str:
    return f"to_microseconds({length // timedelta(microseconds=1)})"
