"""Text as the features spell it: DuckDB's functions, for training frames and for look-ups alike.

DuckDB, Python and Arrow disagree about some letters and blanks, so nothing but this SQL touches text.
"""

from __future__ import annotations

from functools import lru_cache
from threading import Lock

import duckdb

from uniscale.lake.macros import install_macros

_lock = Lock()


@lru_cache(maxsize=65_536)
def normalised_query(text: str | None) -> str | None:
    """A query as the feature tables spell it: lower case, single spaces; an empty one is none."""
    return None if text is None else _ask(text)[0]


@lru_cache(maxsize=65_536)
def words(text: str | None) -> tuple[str, ...] | None:
    """The words of a text, in their order. DuckDB compiles the pattern for each new text, which takes 2 ms."""
    return None if text is None else _ask(text)[1]


@lru_cache(maxsize=1024)
def _ask(text: str) -> tuple[str | None, tuple[str, ...]]:
    with _lock:
        row = _connection().execute("select normalised_query($text), words($text)", {"text": text}).fetchone()
    assert row is not None
    return row[0], tuple(row[1])


@lru_cache(maxsize=1)
def _connection() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(config={"threads": 1})
    install_macros(con)
    return con
