"""Hold incoming rows against the contract: good ones stay in ``checked``, bad ones go to ``rejected``.

Both are temporary tables of the connection, on disk when they outgrow memory. ``checked`` holds every row that could
be read, with a NULL ``reasons`` if it satisfies the rules by itself; ``rejected`` holds one row per bad row and reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import duckdb

from uniscale.contracts.schema import Table
from uniscale.sources.bad_file import refuse_bad_file
from uniscale.sources.casts import ACCEPTED, WORDS, base_type, cast
from uniscale.sources.contradictions import GOOD, reject_contradictions
from uniscale.sources.csv_files import malformed_json
from uniscale.sources.incoming import BadFileError, Incoming, quoted
from uniscale.sources.reading import check_columns
from uniscale.sources.rules import EVENT_TIME, Rule, row_rules

_TABLES = ("checked", "rejected")
_STATED = """
    select file, row_number, ds, stated.column_name, stated.reason, row_json
    from (select file, row_number, ds, unnest(reasons) as stated, row_json from temp.checked where reasons is not null)
"""


def read_group(con: duckdb.DuckDBPyConnection, group: Sequence[Incoming]) -> None:
    """Read all files of one table and day into ``checked``; rows that break a rule by themselves are rejected.

    Raises:
        BadFileError: A file has the wrong columns or types.
    """
    _create(con, group[0].table)
    for incoming in group:
        _read_file(con, incoming)
    con.execute(f"insert into temp.rejected {_STATED}")


def put_aside(con: duckdb.DuckDBPyConnection, number: int) -> None:
    """Keep ``checked`` and ``rejected`` of a group under its number, until its turn to be landed."""
    for name in _TABLES:
        con.execute(f"alter table temp.{name} rename to {name}_{number}")


def take_up(con: duckdb.DuckDBPyConnection, number: int) -> None:
    """Make the tables of a group ``checked`` and ``rejected`` again."""
    for name in _TABLES:
        con.execute(f"alter table temp.{name}_{number} rename to {name}")


def compare_group(con: duckdb.DuckDBPyConnection, group: Sequence[Incoming]) -> None:
    """Reject rows that contradict other rows: of the group itself, or of what has been landed.

    Call it when the rows that the group replaces are deleted and the requests are landed.

    Raises:
        BadFileError: Too many rows of a file were rejected for one and the same reason.
    """
    reject_contradictions(con, group[0])
    for incoming in group:
        refuse_bad_file(con, incoming)


def content_days(con: duckdb.DuckDBPyConnection, table: Table) -> list[date]:
    """The days that the good rows of ``checked`` belong to."""
    source = f"({GOOD})"
    if table.name == "candidates":
        source = f"(select q.ds from ({GOOD}) good join lake.raw.requests q using (request_id))"
    rows = con.execute(f"select distinct ds from {source} where ds is not null order by ds").fetchall()
    return [row[0] for row in rows]


def drop_group(con: duckdb.DuckDBPyConnection) -> None:
    """Drop ``checked`` and ``rejected``."""
    for name in _TABLES:
        con.execute(f"drop table temp.{name}")


def _create(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    columns = ", ".join(f'"{c.name}" {c.type}' for c in table.columns if c.name != "ds")
    con.execute(
        f"create temp table checked (file varchar, row_number bigint, ds date, {columns}, "
        "reasons struct(column_name varchar, reason varchar)[], row_json varchar)"
    )
    con.execute(
        "create temp table rejected (file varchar, row_number bigint, ds date, column_name varchar, reason varchar, "
        "row_json varchar)"
    )


def _read_file(con: duckdb.DuckDBPyConnection, incoming: Incoming) -> None:
    described = con.execute(f"describe {incoming.select}").fetchall()
    types = {row[0]: row[1] for row in described if row[0] != "row_number"}
    check_columns(incoming.table, incoming.file, tuple(types))
    types = _accepted_types(con, incoming, types)
    try:
        con.execute(f"insert into temp.checked {_judged(incoming, types)}")
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:  # the statement touches nothing but this file
        problem = f"cannot be read to its end ({str(error).splitlines()[0]})"
        raise BadFileError(incoming.file, problem, "The file is damaged: send it again") from error
    for bad in incoming.malformed:
        values = [incoming.file, bad.row_number, incoming.day, "", bad.reason, malformed_json(bad)]
        con.execute("insert into temp.rejected values (?, ?, ?, ?, ?, ?)", values)


def _accepted_types(con: duckdb.DuckDBPyConnection, incoming: Incoming, types: dict[str, str]) -> dict[str, str]:
    """The types of the source; a column without any value counts as absent."""
    accepted = dict(types)
    for column in incoming.table.columns:
        source = types.get(column.name)
        if source is None or base_type(source) in ACCEPTED[column.type]:
            continue
        found = con.execute(
            f'select row_number, cast("{column.name}" as varchar) from ({incoming.select}) '
            f'where "{column.name}" is not null limit 3'
        ).fetchall()
        if found:
            rows = ", ".join(f"row {row}: {value!r}" for row, value in found)
            raise BadFileError(
                incoming.file,
                f"column {column.name} has type {source}, which is not {WORDS[column.type]} ({rows})",
                f"Write column {column.name} as {column.type} and ingest again",
            )
        del accepted[column.name]
    return accepted


def _judged(incoming: Incoming, types: dict[str, str]) -> str:
    """SQL: typed columns, reasons and, for bad rows, the row as it came."""
    table = incoming.table
    typed, names = [], [c.name for c in table.columns if c.name != "ds"]
    for column in table.columns:
        if column.name == "ds":
            continue
        if column.name in types:
            read = cast(column, types[column.name])
            typed += [f'{read.value} as "{column.name}"', f'{read.failed} as "failed_{column.name}"']
        else:
            typed += [f'cast(null as {column.type}) as "{column.name}"', f'false as "failed_{column.name}"']
    raw = ", ".join(f'"{name}" := "{name}"' for name in types)
    rules = row_rules(table, incoming.day, incoming.domains)
    return f"""
        with typed as (
            select row_number, struct_pack({raw}) as raw, {", ".join(typed)} from ({incoming.select})
        ),
        judged as (
            select *, coalesce({" or ".join(f"coalesce({rule.condition}, false)" for rule in rules)}, false) as is_bad
            from typed
        )
        select
            {quoted(incoming.file)} as file,
            row_number,
            {_day_sql(incoming)} as ds,
            {", ".join(f'"{name}"' for name in names)},
            case when is_bad then {_reasons(rules)} end as reasons,
            case when is_bad then cast(to_json(raw) as varchar) end as row_json
        from judged
    """


def _day_sql(incoming: Incoming) -> str:
    if incoming.day is not None:
        return f"date '{incoming.day}'"
    column = EVENT_TIME.get(incoming.table.name)
    return "cast(null as date)" if column is None else f"case when isfinite({column}) then cast({column} as date) end"


def _reasons(rules: Sequence[Rule]) -> str:
    stated = ", ".join(
        f"case when {rule.condition} then {{'column_name': {quoted(rule.column)}, 'reason': {quoted(rule.reason)}}} end"
        for rule in rules
    )
    return f"list_filter([{stated}], lambda r: r is not null)"
