"""From the type a source has to the type the contract wants, in SQL, without a silent change of value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from uniscale.contracts.literals import quoted
from uniscale.contracts.schema import Column
from uniscale.sources.times import define_times

_TEXT = {"VARCHAR", "JSON"}
_WHOLE = {
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"),
    *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"),
}
_FRACTION = {"FLOAT", "DOUBLE", "DECIMAL"}
_ZONED = "TIMESTAMP WITH TIME ZONE"
_TIME = {"DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", _ZONED}

WORDS = {
    "VARCHAR": "text",
    "TIMESTAMP": "a UTC time such as 2026-01-05 10:00:00",
    "DOUBLE": "a number",
    "INTEGER": "a whole number",
    "BOOLEAN": "true or false",
    "MAP(VARCHAR, VARCHAR)": "a map of names to values (in CSV a JSON object)",
}
"""How messages call a contract type."""

ACCEPTED: dict[str, set[str]] = {
    "VARCHAR": {*_TEXT, *_WHOLE, "UUID", "ENUM"},
    "TIMESTAMP": {*_TEXT, *_TIME},
    "DOUBLE": {*_TEXT, *_WHOLE, *_FRACTION},
    "INTEGER": {*_TEXT, *_WHOLE, *_FRACTION},
    "BOOLEAN": {*_TEXT, *_WHOLE, "BOOLEAN"},
    "MAP(VARCHAR, VARCHAR)": {*_TEXT, "MAP"},
}
"""Source types that can be read as a contract type; anything else is the wrong type for a whole column."""

_MACROS = Path(__file__).with_name("values.sql")


@dataclass(frozen=True, kw_only=True, slots=True)
class Cast:
    """How a column is read, as SQL.

    Attributes:
        value: The value in the contract's type, NULL if missing or not readable.
        is_missing: Condition: there is no value.
        fault: What is wrong with a value that cannot be read, as text; NULL if it is in order.
    """

    value: str
    is_missing: str
    fault: str


def define_macros(con: duckdb.DuckDBPyConnection) -> None:
    """Let a connection run what `cast` gives."""
    define_times(con)
    con.execute(_MACROS.read_text(encoding="utf-8"))


def is_accepted(column: Column, sql_type: str) -> bool:
    """Whether a source column of ``sql_type`` can be read as the contract's column at all."""
    base, _, parameters = sql_type.partition("(")
    is_nested_map = base == "MAP" and any(sign in parameters for sign in ("[", "("))
    return base_type(sql_type) in ACCEPTED[column.type] and not is_nested_map


def base_type(sql_type: str) -> str:
    """``DECIMAL(10,2)`` -> ``DECIMAL``; names of times with a zone stay whole."""
    return sql_type.split("(", 1)[0].strip().strip('"').upper()


def cast(column: Column, sql_type: str, name: str) -> Cast:
    """How to read a source column as the contract's column.

    Args:
        column: The contract's column.
        sql_type: Type of the source column, which `is_accepted`.
        name: SQL that names the source column.
    """
    source = base_type(sql_type)
    text = source in _TEXT
    if source == "JSON":
        name = f"cast({name} as varchar)"
    fault = quoted(f"is not {WORDS[column.type]}")
    if column.type == "VARCHAR":
        value, fault = f"nullif(cast({name} as varchar), '')", "cast(null as varchar)"
    elif column.type == "TIMESTAMP":
        value = _time(name, source)
        fault = f"time_fault({name})" if text else fault
    elif column.type.startswith("MAP"):
        fault = f"{'json' if text else 'map'}_fault({name})"
        read = f"try_cast(cast({name} as json) as {column.type})" if text else f"cast({name} as {column.type})"
        value = f"case when {fault} is null then without_missing({read}) end"
    elif column.type == "INTEGER":
        number = f"try_cast({name} as double)"
        value = f"case when {number} = floor({number}) then try_cast({number} as integer) end"
    elif column.type == "BOOLEAN" and source in _WHOLE:
        value = f"case {name} when 0 then false when 1 then true end"
    else:
        value = f"try_cast({name} as {column.type})"
    is_missing = f"({name} is null or {name} = '')" if text else f"{name} is null"
    return Cast(value=value, is_missing=is_missing, fault=fault)


def _time(name: str, source: str) -> str:
    """A time without a zone is UTC, whatever the zone of the session."""
    if source in _TEXT:
        return f"utc_time({name})"
    return f"timezone('UTC', {name})" if source == _ZONED else f"try_cast({name} as timestamp)"
