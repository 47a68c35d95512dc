"""Entity rows, whatever the types they come in, as a relation that asks: keys as the text they are, times as moments.

Identifiers are text in the lake. A key that is text, a category of text, a whole number or a UUID is compared as its
text; one of another type is refused, because its text depends on who writes it (7 as a fraction is 7.0).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from uniscale.features.offline.versions import Asked, ViewSpec, columns, quote
from uniscale.sources.casts import ACCEPTED, base_type
from uniscale.sources.times import WITHOUT_NAMES, define_times

PLACE = "__place"
"""Column of the entity rows that numbers them, from 0 on."""

MOMENT = "__asked_at"
"""Column of `Asked.relation` with the time of the question (naive UTC)."""

ENTITIES = "__entities"
"""The entity rows as they came, and their places."""

_READ = "__entities_read"
_WRITTEN = "__written"


def entity_rows(given: pd.DataFrame | pa.Table | str) -> pa.Table | str:
    """Entity rows as the join takes them: a frame becomes an Arrow table.

    Raises:
        ValueError: They are none of these, or a column of the frame mixes types.
    """
    if isinstance(given, pd.DataFrame):
        return _from_frame(given)
    if not isinstance(given, pa.Table | str):
        raise ValueError(f"entity rows are a {type(given).__name__}; give a pandas frame, an Arrow table or SQL")
    return given


def _from_frame(frame: pd.DataFrame) -> pa.Table:
    """The frame as an Arrow table; of days and times in one column, Arrow would make days."""
    try:
        table: pa.Table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    except (pa.ArrowException, OverflowError, UnicodeError) as error:
        told = " ".join(str(part) for part in error.args) if isinstance(error, pa.ArrowException) else str(error)
        raise ValueError(f"entity rows cannot be read; every column must hold values of one type: {told}") from error
    for field in table.schema:
        if pa.types.is_date32(field.type):
            timed = [value for value in frame[field.name] if isinstance(value, datetime) and not pd.isna(value)]
            if timed:
                raise ValueError(
                    f"column {field.name} of the entity rows mixes days with times such as {timed[0]}; make them all "
                    f"times, in pandas by pd.to_datetime(frame[{field.name!r}], utc=True)"
                )
    return table


@contextmanager
def asking(
    con: duckdb.DuckDBPyConnection, entities: pa.Table | str, timestamp: str, views: Sequence[ViewSpec]
) -> Iterator[Asked]:
    """What the entity rows ask of the views; the rows are `ENTITIES` of the connection meanwhile.

    `Asked.relation` has ``PLACE``, ``MOMENT`` and the keys of the views, as text, under the names the rows give them.
    Times written as text are read once; everything else is read where it is needed, which costs nothing.

    Raises:
        ValueError: A key is missing or is no text; a time is none; a column has the name of a feature.
    """
    with _numbered(con, entities) as types:
        _check_columns(list(types), views)
        for view in views:
            _check_key_types(con, view)
        keys = sorted({key for view in views for key in view.keys})
        read = [PLACE, f"{_moment(con, timestamp, types[timestamp])} as {MOMENT}"]
        read += [f"{_text(con, key, types[key])} as {quote(key)}" for key in keys]
        written = _is_text(types[timestamp])
        if written:
            read.append(f"{_as_text(timestamp)} as {_WRITTEN}")
        relation = f"(select {', '.join(read)} from {ENTITIES})"
        try:
            if written:
                con.execute(f"create temp table {_READ} as {relation}")
                relation = _READ
                _refuse_unreadable(con, timestamp)
            bounds = con.execute(f"select count(*), min({MOMENT}), max({MOMENT}) from {relation}").fetchone()
            assert bounds is not None
            yield Asked(relation=relation, num_rows=bounds[0], first=bounds[1], last=bounds[2])
        finally:
            if written:
                con.execute(f"drop table if exists {_READ}")


@contextmanager
def _numbered(con: duckdb.DuckDBPyConnection, entities: pa.Table | str) -> Iterator[Mapping[str, str]]:
    """The entity rows as a relation of the connection, with their places; gives the types of their own columns."""
    if isinstance(entities, str):
        con.execute(f"create temp table {ENTITIES} as select row_number() over () - 1 as {PLACE}, * from ({entities})")
    else:
        con.register(ENTITIES, entities.append_column(PLACE, pa.array(np.arange(entities.num_rows))))
    try:
        described = con.execute(f"describe select * exclude ({PLACE}) from {ENTITIES}").fetchall()
        yield {str(row[0]): str(row[1]) for row in described}
    finally:
        if isinstance(entities, str):
            con.execute(f"drop table {ENTITIES}")
        else:
            con.unregister(ENTITIES)


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


def _check_key_types(con: duckdb.DuckDBPyConnection, view: ViewSpec) -> None:
    described = con.execute(f"describe select {columns(list(view.keys.values()))} from {view.table}").fetchall()
    for name, sql_type, *_ in described:
        if sql_type != "VARCHAR":
            raise ValueError(
                f"key {name} of view {view.name} is {sql_type} in {view.table}; identifiers are text: make it "
                "VARCHAR where the table is written"
            )


def _is_text(sql_type: str) -> bool:
    return base_type(sql_type) in {"VARCHAR", "JSON", "ENUM"}


def _moment(con: duckdb.DuckDBPyConnection, column: str, sql_type: str) -> str:
    """SQL of the moment of the question as naive UTC, whatever its zone; a date is its midnight.

    A cast of a time would ask the calendar of the session's zone about every row, which takes longer than the join.
    """
    if sql_type.startswith("TIMESTAMP"):
        return f"make_timestamp(epoch_us({quote(column)}))"
    if sql_type == "DATE":
        return f"cast({quote(column)} as timestamp)"
    if _is_text(sql_type):
        define_times(con)
        return f"utc_time({_as_text(column)}, zone_names := false)"
    _refuse_values(con, column, sql_type, f"give times, or text: {WITHOUT_NAMES}")
    return "cast(null as timestamp)"


def _text(con: duckdb.DuckDBPyConnection, column: str, sql_type: str) -> str:
    """SQL of a key as the text it is."""
    if sql_type == "VARCHAR":
        return quote(column)
    if base_type(sql_type) not in ACCEPTED["VARCHAR"]:
        _refuse_values(
            con,
            column,
            sql_type,
            "identifiers are text: give the text, or whole numbers (in pandas a column of whole numbers with missing "
            "values holds fractions: make it astype('Int64'))",
        )
    return _as_text(column)


def _as_text(column: str) -> str:
    return f"cast({quote(column)} as varchar)"


def _refuse_values(con: duckdb.DuckDBPyConnection, column: str, sql_type: str, remedy: str) -> None:
    """Refuse a column of a type that cannot be read, unless all its values are missing: those have any type.

    A condition would be handed on to Arrow, which cannot compare every type.
    """
    first = f"arg_min({_as_text(column)}, {PLACE}), min(case when {quote(column)} is not null then {PLACE} end)"
    value, place = con.execute(f"select {first} from {ENTITIES}").fetchall()[0]
    if place is not None:
        raise ValueError(f"column {column} of the entity rows is {sql_type} (row {place}: {value}); {remedy}")


def _refuse_unreadable(con: duckdb.DuckDBPyConnection, column: str) -> None:
    wrong = f"from {_READ} where {_WRITTEN} is not null and {MOMENT} is null"
    count, place, text = con.execute(f"select count(*), min({PLACE}), arg_min({_WRITTEN}, {PLACE}) {wrong}").fetchall()[
        0
    ]
    if count:
        raise ValueError(
            f"column {column} of the entity rows has {count} texts that are no time (row {place}: {text!r}); "
            f"{WITHOUT_NAMES}"
        )
