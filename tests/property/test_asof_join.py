"""The ASOF join against a brute-force reading of its definition, on data full of ties, gaps and late corrections."""

from datetime import datetime, timedelta

import duckdb
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from uniscale.features.asof import ViewSpec, join_views, newest

START = datetime(2026, 1, 1)
moments = st.integers(0, 8).map(lambda hours: START + timedelta(hours=hours))
keys = st.one_of(st.none(), st.sampled_from(["a", "b", "c"]))
versions = st.lists(
    st.tuples(keys, moments, st.one_of(st.none(), moments), st.one_of(st.none(), st.integers(0, 3))), max_size=25
)
entities = st.lists(st.tuples(keys, moments), max_size=12)
ttls = st.one_of(st.none(), st.integers(1, 5).map(lambda hours: timedelta(hours=hours)))


def view(ttl, table="versions"):
    return ViewSpec(
        name="v",
        table=table,
        keys={"entity": "key"},
        features={"answer": "feature"},
        timestamp="feature_at",
        created="recorded_at",
        ttl=ttl,
    )


def connect(version_rows, entity_rows=()):
    con = duckdb.connect(config={"threads": 1})
    con.execute("create table versions (key varchar, feature_at timestamp, recorded_at timestamp, feature integer)")
    if version_rows:
        con.executemany("insert into versions values (?, ?, ?, ?)", [list(row) for row in version_rows])
    con.execute("create table entities (entity varchar, asked_at timestamp, place integer)")
    if entity_rows:
        con.executemany(
            "insert into entities values (?, ?, ?)", [[*row, place] for place, row in enumerate(entity_rows)]
        )
    return con


def brute_force(rows, key, asked_at, ttl, knows):
    """The newest version that held and was known, corrections before what they correct, then the largest value."""
    usable = [
        (feature_at, recorded_at or datetime.min, -1 if value is None else value)
        for name, feature_at, recorded_at, value in rows
        if key is not None
        and name == key
        and feature_at <= asked_at
        and (not knows or (recorded_at is not None and recorded_at <= asked_at))
        and (ttl is None or asked_at <= feature_at + ttl)
    ]
    value = max(usable, default=(None, None, -1))[2]
    return None if value == -1 else value


@settings(max_examples=150, deadline=None)
@given(versions, entities, ttls, st.booleans())
def test_the_join_gives_the_newest_version_that_held_and_was_known(version_rows, entity_rows, ttl, knows):
    con = connect(version_rows, entity_rows)
    join_views(con, "from entities", "asked_at", [view(ttl)], "joined", honour_knowledge_time=knows)
    got = con.execute("select entity, asked_at, place, answer from joined").fetchall()

    assert got == [
        (key, asked_at, place, brute_force(version_rows, key, asked_at, ttl, knows))
        for place, (key, asked_at) in enumerate(entity_rows)
    ]


@settings(max_examples=50, deadline=None)
@given(versions, moments, moments, st.booleans())
def test_the_newest_versions_are_what_the_join_finds_at_the_end_of_the_range(version_rows, one, other, knows):
    start, end = min(one, other), max(one, other)
    con = connect(version_rows, [(key, end) for key in "abc"])
    query = newest(view(None), start, end, honour_knowledge_time=knows, latest_only=True)
    got = {row[0]: row[1] for row in con.execute(query).fetchall() if row[0] is not None}
    ttl = end - start
    expected = {key: brute_force(version_rows, key, end, ttl, knows) for key in "abc"}

    assert {key: got.get(key) for key in "abc"} == expected


def test_a_late_record_of_an_old_version_never_replaces_a_newer_one():
    hour = timedelta(hours=1)
    con = connect(
        [("a", START, START + 5 * hour, 1), ("a", START + 2 * hour, START + 2 * hour, 2)], [("a", START + 6 * hour)]
    )
    join_views(con, "from entities", "asked_at", [view(None)], "joined", honour_knowledge_time=True)

    assert con.execute("select answer from joined").fetchall() == [(2,)]


def test_several_views_join_to_the_same_rows_without_multiplying_them():
    con = connect([("a", START, START, 1), ("a", START, START, 1)], [("a", START), ("a", START), (None, START)])
    other = ViewSpec(
        name="w",
        table="versions",
        keys={"entity": "key"},
        features={"other": "feature", "since": "feature_at"},
        timestamp="feature_at",
        created=None,
        ttl=None,
    )
    join_views(con, "from entities", "asked_at", [view(None), other], "joined", honour_knowledge_time=True)

    assert con.execute("select place, answer, other, since from joined").fetchall() == [
        (0, 1, 1, START),
        (1, 1, 1, START),
        (2, None, None, None),
    ]


def test_times_with_a_zone_are_read_as_utc():
    con = connect([("a", START, START, 1)])
    con.execute("set timezone = 'UTC'")
    hour = timedelta(hours=1)
    # 00:30 in a zone one hour ahead of UTC is before the version holds, 01:30 is after
    stamps = [START + hour / 2, START + 3 * hour / 2]
    frame = pd.DataFrame({"entity": ["a", "a"], "asked_at": [pd.Timestamp(s, tz="Etc/GMT-1") for s in stamps]})
    con.register("frame", frame)
    join_views(con, "from frame", "asked_at", [view(None)], "joined", honour_knowledge_time=True)

    assert con.execute("select answer from joined").fetchall() == [(None,), (1,)]
