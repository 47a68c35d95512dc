"""The rules that SQL of several parts shares, as macros of DuckDB: ``macros.sql``, and nowhere else."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import duckdb

SEARCH_PATH = "lake.main,memory.main"
"""Where a connection to the lake finds tables, and the macros without their schema."""


def install_macros(con: duckdb.DuckDBPyConnection) -> None:
    """Define the macros in ``memory.main``: for all cursors of the connection, whatever they call their own."""
    con.execute(_macros())


@cache
def _macros() -> str:
    return files("uniscale.lake").joinpath("macros.sql").read_text(encoding="utf-8")
