"""Hold incoming rows against the contract: good ones stay in ``checked``, bad ones go to ``rejected``.

Both are temporary tables of the connection, on disk when they outgrow memory. ``checked`` holds every row that could
be read, with a NULL ``reasons`` if it satisfies the rules by itself; ``rejected`` holds one row per bad row and reason.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from uniscale.contracts.schema import Column, Table
from uniscale.sources.bad_file import FROM_EPOCH, refuse_bad_file
from uniscale.sources.casts import WORDS, is_accepted
from uniscale.sources.contradictions import reject_contradictions
from uniscale.sources.csv_files import malformed_json
from uniscale.sources.incoming import BadFileError, Incoming, first_line
from uniscale.sources.judging import judged
from uniscale.sources.positions import refuse_other_start
from uniscale.sources.reading import check_columns

_TABLES = ("checked", "rejected")
_STATED = """
    select file, row_number, ds, stated.column_name, stated.reason, stated.found, row_json
    from (select file, row_number, ds, unnest(reasons) as stated, row_json from temp.checked where reasons is not null)
"""


def read_group(con: duckdb.DuckDBPyConnection, group: Sequence[Incoming], positions_from: int = 1) -> None:
    """Read all files of one table and day into ``checked``; rows that break a rule by themselves are rejected.

    Args:
        con: Knows the macros of `uniscale.sources.casts`.
        group: The files.
        positions_from: What they call the top of a list, 0 or 1.

    Raises:
        BadFileError: A file has the wrong columns or types.
    """
    _create(con, group[0].table)
    for incoming in group:
        _read_file(con, incoming, positions_from)
    con.execute(f"insert into temp.rejected {_STATED}")


def put_aside(con: duckdb.DuckDBPyConnection, number: int) -> None:
    """Keep ``checked`` and ``rejected`` of a group under its number, until its turn to be landed."""
    for name in _TABLES:
        con.execute(f"alter table temp.{name} rename to {name}_{number}")


def take_up(con: duckdb.DuckDBPyConnection, number: int) -> None:
    """Make the tables of a group ``checked`` and ``rejected`` again."""
    for name in _TABLES:
        con.execute(f"alter table temp.{name}_{number} rename to {name}")


def compare_group(con: duckdb.DuckDBPyConnection, group: Sequence[Incoming], positions_from: int = 1) -> None:
    """Reject rows that contradict other rows: of the group itself, or of what has been landed.

    Call it when the rows that the group replaces are deleted and the requests are landed.

    Raises:
        BadFileError: Too many rows of a file were rejected for one and the same reason, or its positions count from
            elsewhere than ``positions_from``.
    """
    if group[0].table.name == "candidates":
        refuse_other_start(con, group, positions_from)
    reject_contradictions(con, group[0])
    for incoming in group:
        refuse_bad_file(con, incoming)


def drop_group(con: duckdb.DuckDBPyConnection) -> None:
    """Drop ``checked`` and ``rejected``."""
    for name in _TABLES:
        con.execute(f"drop table temp.{name}")


def _create(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    columns = ", ".join(f'"{c.name}" {c.type}' for c in table.columns if c.name != "ds")
    con.execute(
        f"create temp table checked (file varchar, row_number bigint, ds date, {columns}, "
        "reasons struct(column_name varchar, reason varchar, found varchar)[], row_json varchar)"
    )
    con.execute(
        "create temp table rejected (file varchar, row_number bigint, ds date, column_name varchar, reason varchar, "
        "found varchar, row_json varchar)"
    )


def _read_file(con: duckdb.DuckDBPyConnection, incoming: Incoming, positions_from: int) -> None:
    described = con.execute(f"describe {incoming.select}").fetchall()
    types = {row[0]: row[1] for row in described if row[0] != "row_number"}
    check_columns(incoming.table, incoming.file, tuple(types))
    types = _accepted_types(con, incoming, types)
    try:
        con.execute(f"insert into temp.checked {judged(incoming, types, positions_from)}")
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:  # the statement touches nothing but this file
        problem = f"cannot be read to its end ({first_line(error)})"
        raise BadFileError(incoming.file, problem, "The file is damaged: send it again") from error
    for bad in incoming.malformed:
        values = [incoming.file, bad.row_number, incoming.day, "", bad.reason, None, malformed_json(bad)]
        con.execute("insert into temp.rejected values (?, ?, ?, ?, ?, ?, ?)", values)


def _accepted_types(con: duckdb.DuckDBPyConnection, incoming: Incoming, types: dict[str, str]) -> dict[str, str]:
    """The types of the source; a column without any value counts as absent."""
    accepted = dict(types)
    for column in incoming.table.columns:
        source = types.get(column.name)
        if source is None or is_accepted(column, source):
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
                f"Write column {column.name} as {column.type} and ingest again{_unit_hint(con, column, found)}",
            )
        del accepted[column.name]
    return accepted


def _unit_hint(con: duckdb.DuckDBPyConnection, column: Column, found: Sequence[tuple[int, str]]) -> str:
    """What to do about numbers in a column of times, if they are of one unit."""
    if column.type != "TIMESTAMP":
        return ""
    rows = con.execute("select distinct epoch_unit(try_cast(unnest(?) as double))", [[v for _, v in found]]).fetchall()
    units = {row[0] for row in rows if row[0] is not None}
    return "".join(f"; the values seem to be {unit} since 1970: {FROM_EPOCH[unit]}" for unit in units)
