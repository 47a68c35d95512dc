"""The one place where values become part of an SQL statement; elsewhere they are parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path


def quoted(value: object) -> str:
    """A path, a name or a setting as an SQL string literal."""
    return "'" + str(value).replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def in_days(days: Iterable[date]) -> str:
    """Condition that ``ds`` is one of the days; never, without any.

    Written out, so that DuckLake does not open the files of other days, which may be lost.
    """
    listed = ", ".join(f"date '{day}'" for day in days)
    return f"ds in ({listed})" if listed else "false"


def quoted_file(folder: Path, pattern: str = "") -> str:
    """A file, or with ``pattern`` files of a folder, as DuckDB's readers take them.

    They read ``*``, ``?`` and ``[`` as wildcards; those of the path itself are put in brackets, where they are letters.

    Args:
        folder: The file; with a pattern its folder.
        pattern: File name with wildcards, for example ``*.parquet``.
    """
    path = re.sub(r"([*?\[])", r"[\1]", str(folder))
    return quoted(f"{path}/{pattern}" if pattern else path)
