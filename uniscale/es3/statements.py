"""Run this package's SQL files with named parameters."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import duckdb
from jinja2 import StrictUndefined, Template

from uniscale.contracts.tasks import LABELS, NATIVE_ONLY


@cache
def sql_text(name: str) -> str:
    """Text of ``sql/NAME.sql``, with what it says of every label written out (Jinja)."""
    text = files("uniscale.es3").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
    template = Template(text, undefined=StrictUndefined, trim_blocks=True)
    return str(template.render(labels=LABELS, native_only=NATIVE_ONLY))


def run_sql(con: duckdb.DuckDBPyConnection, text: str, values: Mapping[str, Any]) -> duckdb.DuckDBPyConnection:
    """Run statements in order, each with those of the ``values`` that it names as ``$name``.

    Returns:
        The connection, with the result of the last statement.

    Raises:
        KeyError: A statement names a parameter that ``values`` does not have.
    """
    for statement in con.extract_statements(text):
        con.execute(statement, {name: values[name] for name in statement.named_parameters})
    return con


def run_files(con: duckdb.DuckDBPyConnection, names: tuple[str, ...], values: Mapping[str, Any]) -> None:
    """Run the SQL files in order; see `run_sql`."""
    for name in names:
        run_sql(con, sql_text(name), values)
