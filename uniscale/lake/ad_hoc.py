"""Answer a person's SQL: one SELECT on a read-only lake, without a way to other files, hosts or settings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb

from uniscale.lake.lake import Lake

_TABLE_FUNCTIONS = frozenset(
    {
        *("range", "generate_series", "unnest", "repeat_row", "show"),
        *("duckdb_columns", "duckdb_functions", "duckdb_schemas", "duckdb_tables", "duckdb_types"),
        *("pragma_table_info", "pragma_show"),
        *("ducklake_snapshots", "ducklake_table_info", "ducklake_table_changes"),
        *("ducklake_table_insertions", "ducklake_table_deletions"),
        *("snapshots", "table_info", "table_changes", "table_insertions", "table_deletions"),
    }
)
"""Functions in a FROM clause that only compute, or read the lake. Others open files (sqlite_scan, read_csv), hide a
query in a text (query), or change the lake's files even where it is attached read-only (ducklake_cleanup_old_files)."""

_MACHINE_VIEWS = frozenset(
    {
        "duckdb_databases",
        "duckdb_secrets",
        "duckdb_settings",
        "duckdb_logs",
        "duckdb_log_contexts",
        "pragma_database_list",
    }
)
"""Views that tell of the machine: paths, addresses and passwords."""


class QueryRefusedError(ValueError):
    """The query is not one that may be answered, or not SQL that DuckDB can run on this lake."""


@contextmanager
def answer(lake: Lake, query: str, snapshot_id: int | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Run one SELECT (also FROM, WITH, VALUES, PIVOT, DESCRIBE, SHOW, SUMMARIZE), or EXPLAIN it; rows can be fetched.

    The lake is attached read-only, the connection can open no file but the lake's, and its settings are locked.

    Args:
        lake: The lake.
        query: The statement.
        snapshot_id: Lake snapshot to read; None for the newest state.

    Raises:
        QueryRefusedError: It is none, or several, or something else than a SELECT; it calls a function that reaches
            beyond the lake; or DuckDB refuses it, and then the message is DuckDB's.
        FileNotFoundError: There is no lake.
    """
    with lake.read(snapshot_id) as con:
        _refuse_other_than_select(con, query)
        _lock_down(con, lake)
        try:
            con.execute(query)
            yield con
        except (
            duckdb.ProgrammingError,
            duckdb.DataError,
            duckdb.NotSupportedError,
            duckdb.PermissionException,
        ) as error:
            raise QueryRefusedError(str(error)) from error


def _lock_down(con: duckdb.DuckDBPyConnection, lake: Lake) -> None:
    spill = con.execute("select current_setting('temp_directory')").fetchone()
    assert spill is not None
    con.execute("set allowed_directories = ?", [[lake.data_path, spill[0]]])
    con.execute("set enable_external_access = false")
    con.execute("set python_enable_replacements = false")
    con.execute("set lock_configuration = true")


def _refuse_other_than_select(con: duckdb.DuckDBPyConnection, query: str) -> None:
    kinds = _kinds(con, query)
    if kinds == ["EXPLAIN"]:
        query = _EXPLAIN.sub("", query, count=1)
        kinds = _kinds(con, query)
    if kinds == [*[_PIVOTED] * (len(kinds) - 1), "SELECT"] and len(kinds) > 1:
        _refuse_names(con, query)
        return
    kinds = ["CREATE" if kind == _PIVOTED else kind for kind in kinds]
    if len(kinds) != 1:
        raise QueryRefusedError(
            f"give one SELECT; this text has {len(kinds)} statements ({', '.join(kinds) or 'none'})"
        )
    if kinds[0] != "SELECT":
        raise QueryRefusedError(
            f"{kinds[0]} is not run here: the lake is read only. Write a SELECT (or FROM, WITH, PIVOT, DESCRIBE, SHOW, "
            "SUMMARIZE), or EXPLAIN one"
        )
    told = con.execute("select json_serialize_sql(?::varchar)", [query]).fetchone()
    assert told is not None
    tree = json.loads(told[0])
    if tree["error"]:
        raise QueryRefusedError(f"this is not a plain SELECT ({tree['error_message']})")
    for node in _nodes(tree):
        _refuse_reaching_out(node)


_BLANK = r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)*"
_EXPLAIN = re.compile(
    rf"^{_BLANK}explain\b{_BLANK}(?:analy[sz]e\b|\((?=\s*(?:analy[sz]e|format)\b)[\w\s,]*\))?",
    re.IGNORECASE | re.DOTALL,
)
"""EXPLAIN and its options in front of the statement that it explains."""

_PIVOTED = "CREATE of PIVOT"


def _kinds(con: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    """What each statement is.

    A PIVOT that names no values is a SELECT behind a CREATE of a temporary type for them, which stands in no text.
    """
    try:
        statements = con.extract_statements(query)
    except duckdb.Error as error:
        raise QueryRefusedError(str(error)) from error
    kinds = [statement.type.name for statement in statements]
    return [
        _PIVOTED if kind == "CREATE" and statement.query == "" else kind
        for kind, statement in zip(kinds, statements, strict=True)
    ]


def _refuse_names(con: duckdb.DuckDBPyConnection, query: str) -> None:
    """The same refusals by the words of a text that DuckDB does not serialise; a column of such a name suffices."""
    names = con.execute(
        "select distinct lower(function_name) from duckdb_functions() where function_type like '%table%'"
    )
    refused = {name for (name,) in names.fetchall()} - _TABLE_FUNCTIONS
    starts = [offset for offset, _ in duckdb.tokenize(query)]
    for start, end in zip(starts, [*starts[1:], len(query)], strict=True):
        word = re.sub(r"(/\*|--).*", "", query[start:end], flags=re.DOTALL).strip().strip('"').lower()
        if word in refused:
            raise QueryRefusedError(f"{word}() is not called here: a query reads tables of the lake only")
        if word in _MACHINE_VIEWS:
            raise QueryRefusedError(f"{word} is not read here: a query reads tables of the lake only")


def _refuse_reaching_out(node: dict[str, Any]) -> None:
    if node.get("type") == "TABLE_FUNCTION":
        name = node["function"]["function_name"].lower()
        if name not in _TABLE_FUNCTIONS:
            raise QueryRefusedError(f"{name}() is not called here: a query reads tables of the lake only")
    if node.get("type") == "BASE_TABLE" and node["table_name"].lower() in _MACHINE_VIEWS:
        raise QueryRefusedError(f"{node['table_name']} is not read here: a query reads tables of the lake only")


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every node of a serialised statement."""
    todo = [tree]
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            yield value
            todo += value.values()
        elif isinstance(value, list):
            todo += value
