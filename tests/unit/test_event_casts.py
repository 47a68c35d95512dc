"""Values come out of a source as they went in, or are named as unreadable; nothing is bent into shape."""

from datetime import datetime

import duckdb
import pytest

from uniscale.contracts.events import EVENT_TABLES
from uniscale.contracts.schema import Column
from uniscale.sources.casts import ACCEPTED, WORDS, cast, define_macros, is_accepted

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
        ("TIMESTAMP", "'{}'::json", None, True),
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


TWICE, NAMELESS = "names a fact twice", "has a fact without a name"
NESTED, NO_MAP = "has a list or a map as the value of a fact", f"is not {WORDS['MAP(VARCHAR, VARCHAR)']}"


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("""'{"a": "b", "a": "b"}'""", TWICE),
        (r"""'{"aA": "b", "a\u0041": "c"}'""", TWICE),
        ("""'{"": "b"}'""", NAMELESS),
        ("""'{"a": {"b": "c"}}'""", NESTED),
        ("""' {"a": 1, "b": [1, 2]}'""", NESTED),
        ("""'[{"a": "b"}]'""", NO_MAP),
        ("""'"a"'""", NO_MAP),
        ("""'{"a": "b"'""", NO_MAP),
        ("""'{"a": "[b] {c}", "c d.e": 1, "f": null, "g": ""}'""", None),
        ("map {'a': 1, 'A': 2}", None),
        ("map {'': 'b'}", NAMELESS),
    ],
)
def test_what_is_wrong_with_attributes_is_named(source, fault):
    con = duckdb.connect()
    define_macros(con)
    con.execute(f"create table t as select {source} as x")
    ((_, sql_type, *_),) = con.execute("describe t").fetchall()
    read = cast(Column(name="x", type="MAP(VARCHAR, VARCHAR)", description="x"), sql_type, "x")
    value, told = con.execute(f"select {read.value}, {read.fault} from t").fetchone()
    assert (told, value is None) == (fault, fault is not None)


def test_a_map_of_lists_is_the_wrong_type_for_attributes():
    column = Column(name="attributes", type="MAP(VARCHAR, VARCHAR)", description="x")
    accepted = {
        "MAP(VARCHAR, INTEGER)": True,
        "MAP(VARCHAR, VARCHAR[])": False,
        "MAP(VARCHAR, STRUCT(a INTEGER))": False,
    }
    assert {kind: is_accepted(column, kind) for kind in accepted} == accepted
