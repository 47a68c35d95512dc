"""Values come out of a source as they went in, or are named as unreadable; nothing is bent into shape."""

from datetime import datetime

import duckdb
import pytest

from uniscale.contracts.events import EVENT_TABLES
from uniscale.contracts.schema import Column
from uniscale.sources.casts import ACCEPTED, WORDS, cast, define_macros

TEN = datetime(2026, 1, 5, 10)


@pytest.mark.parametrize(
    ("target", "source", "expected", "failed"),
    [
        ("VARCHAR", "'a'", "a", False),
        ("VARCHAR", "17::bigint", "17", False),
        ("VARCHAR", "''", None, False),
        ("TIMESTAMP", "'2026-01-05T10:00:00'", TEN, False),
        ("TIMESTAMP", "'2026-01-05T12:00:00+02:00'", TEN, False),
        ("TIMESTAMP", "timestamptz '2026-01-05 12:00:00+02'", TEN, False),
        ("TIMESTAMP", "timestamp_ns '2026-01-05 10:00:00'", TEN, False),
        ("TIMESTAMP", "'05.01.2026'", None, True),
        ("TIMESTAMP", "''", None, False),
        ("DOUBLE", "'1e3'", 1000.0, False),
        ("DOUBLE", "2.50::decimal(10, 2)", 2.5, False),
        ("DOUBLE", "'1,5'", None, True),
        ("INTEGER", "'3'", 3, False),
        ("INTEGER", "3.0::double", 3, False),
        ("INTEGER", "3.5::double", None, True),
        ("INTEGER", "'3.5'", None, True),
        ("INTEGER", "3000000000::bigint", None, True),
        ("INTEGER", "null::bigint", None, False),
        ("BOOLEAN", "'true'", True, False),
        ("BOOLEAN", "'0'", False, False),
        ("BOOLEAN", "1::tinyint", True, False),
        ("BOOLEAN", "2::tinyint", None, True),
        ("BOOLEAN", "'maybe'", None, True),
        ("MAP(VARCHAR, VARCHAR)", """'{"a": "b", "c": null}'""", {"a": "b"}, False),
        ("MAP(VARCHAR, VARCHAR)", "map {'a': 1, 'c': null}", {"a": "1"}, False),
        ("MAP(VARCHAR, VARCHAR)", "'[1]'", None, True),
        ("MAP(VARCHAR, VARCHAR)", "'a=b'", None, True),
    ],
)
def test_a_value_is_read_exactly_or_not_at_all(target, source, expected, failed):
    con = duckdb.connect()
    con.execute("set timezone = 'UTC'")
    con.execute(f"create table t as select {source} as x")
    ((_, sql_type, *_),) = con.execute("describe t").fetchall()
    define_macros(con)
    read = cast(Column(name="x", type=target, description="x"), sql_type, "x")
    found = con.execute(f"select {read.value}, not {read.is_missing} and {read.value} is null from t").fetchone()
    assert found == (expected, failed)


def test_every_type_of_the_event_contract_can_be_read_and_named():
    types = {column.type for table in EVENT_TABLES for column in table.columns if column.name != "ds"}
    assert types == set(ACCEPTED) == set(WORDS)
