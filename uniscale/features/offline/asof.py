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
import pyarrow as pa

from uniscale.features.offline.entities import ENTITIES, MOMENT, PLACE, asking
from uniscale.features.offline.versions import ViewSpec, quote, visible


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
        timestamp: Their column of the time of the question: a time or a text (with its zone, or in UTC), or a day.
        views: What to join; a version that is missing, too new or too old gives NULLs.
        honour_knowledge_time: Whether a version counts only from its knowledge time on.

    Raises:
        ValueError: The entity rows lack a key column of a view, have a column with the name of a feature, a key that
            is no text, or a time that is none.
    """
    with _answers(con, entities, timestamp, views, honour_knowledge_time) as queries:
        joined: pa.Table = entities
        if isinstance(entities, str):
            joined = con.sql(f"select * exclude ({PLACE}) from {ENTITIES}").to_arrow_table()
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
        side_by_side = " positional join ".join([ENTITIES, *parts])
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
    with asking(con, entities, timestamp, views) as asked:
        # The size of an Arrow table is unknown to the planner: it would loop over a million entity rows.
        con.execute("set asof_loop_join_threshold = 0")
        yield (
            _asof(view, asked.relation, *visible(con, view, asked, honour_knowledge_time=honour_knowledge_time))
            for view in views
        )


def _asof(view: ViewSpec, entities: str, versions: str, moment: str) -> str:
    """The join of one view. To DuckDB's ASOF join NULL is the latest time: no version may answer it."""
    on_keys = " and ".join(f"e.{quote(entity)} = v.{quote(key)}" for entity, key in view.keys.items())
    alive = (
        f"e.{MOMENT} is not null"
        if view.ttl is None
        else f"e.{MOMENT} <= v.{quote(view.timestamp)} + {_interval(view.ttl)}"
    )
    features = ", ".join(
        f"case when {alive} then v.{quote(source)} end as {quote(name)}" for name, source in view.features.items()
    )
    return f"""
        with versions as ({versions})
        select {features}
        from {entities} as e asof left join versions as v on {on_keys} and e.{MOMENT} >= v.{quote(moment)}
        order by e.{PLACE}
    """


def _interval(length: timedelta) -> str:
    return f"to_microseconds({length // timedelta(microseconds=1)})"
