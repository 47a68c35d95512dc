"""Answer a person's SQL: one SELECT on a read-only lake, without a way to other files, hosts or settings."""

from __future__ import annotations

import json
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
    """Run one SELECT (also FROM, WITH, VALUES, DESCRIBE, SHOW, SUMMARIZE) on the lake; its rows can be fetched.

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
    try:
        statements = con.extract_statements(query)
    except duckdb.Error as error:
        raise QueryRefusedError(str(error)) from error
    kinds = [statement.type.name for statement in statements]
    if len(kinds) != 1:
        raise QueryRefusedError(
            f"give one SELECT; this text has {len(kinds)} statements ({', '.join(kinds) or 'none'})"
        )
    if kinds[0] != "SELECT":
        raise QueryRefusedError(
            f"{kinds[0]} is not run here: the lake is read only. Write a SELECT (or FROM, WITH, DESCRIBE, SUMMARIZE)"
        )
    told = con.execute("select json_serialize_sql(?::varchar)", [query]).fetchone()
    assert told is not None
    tree = json.loads(told[0])
    if tree["error"]:
        raise QueryRefusedError(f"this is not a plain SELECT ({tree['error_message']})")
    for node in _nodes(tree):
        _refuse_reaching_out(node)


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
