"""From the type a source has to the type the contract wants, in SQL, without a silent change of value."""

from __future__ import annotations

from dataclasses import dataclass

from uniscale.contracts.schema import Column

_TEXT = {"VARCHAR", "JSON"}
_WHOLE = {
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"),
    *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"),
}
_FRACTION = {"FLOAT", "DOUBLE", "DECIMAL"}
_TIME = {"DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"}

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Cast:
    """How a column is read.

    Attributes:
        value: SQL of the value in the contract's type, NULL if missing or not readable.
        failed: SQL condition: there is a value and it cannot be read.
    """

    value: str
    failed: str


def base_type(sql_type: str) -> str:
    """``DECIMAL(10,2)`` -> ``DECIMAL``; names of times with a zone stay whole."""
    return sql_type.split("(", 1)[0].strip().strip('"').upper()


def cast(column: Column, sql_type: str) -> Cast:
    """How to read a source column of ``sql_type``, which must be in `ACCEPTED`, as the contract's column."""
    name, source = f'"{column.name}"', base_type(sql_type)
    if column.type == "VARCHAR":
        return Cast(value=f"nullif(cast({name} as varchar), '')", failed="false")
    value = _value(column.type, name, source)
    if column.type.startswith("MAP"):
        value = f"map_from_entries(list_filter(map_entries({value}), lambda e: e.value is not null))"
    missing = f"{name} is null or {name} = ''" if source in _TEXT else f"{name} is null"
    return Cast(value=value, failed=f"not ({missing}) and {value} is null")


def _value(target: str, name: str, source: str) -> str:
    text = source in _TEXT
    if target == "TIMESTAMP":
        # Text without an offset is UTC, text with one is converted: the session's zone is UTC.
        return f"cast(try_cast({name} as timestamptz) as timestamp)" if text else f"cast({name} as timestamp)"
    if target == "INTEGER":
        number = f"try_cast({name} as double)"
        return f"case when {number} = floor({number}) then try_cast({number} as integer) end"
    if target == "BOOLEAN" and source in _WHOLE:
        return f"case {name} when 0 then false when 1 then true end"
    if target.startswith("MAP") and text:
        return f"case when json_valid({name}) then try_cast(try_cast({name} as json) as {target}) end"
    return f"try_cast({name} as {target})"
