"""The ASOF join against a brute-force reading of its definition, on data full of ties, gaps and late corrections."""

from datetime import datetime, timedelta
from unittest.mock import patch

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uniscale.features.offline import versions as feature_versions
from uniscale.features.offline.asof import join_to_arrow, join_to_table
from uniscale.features.offline.entities import entity_rows
from uniscale.features.offline.versions import Asked, ViewSpec, newest, visible

START = datetime(2026, 1, 1)
HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)
ENTITY_COLUMNS = ("entity", "category", "asked_at", "place")

# Moments on the hour, one microsecond before and one after: a time to live in hours is met exactly and just missed.
moments = st.builds(lambda hours, ticks: START + hours * HOUR + ticks * TICK, st.integers(0, 6), st.integers(-1, 1))
names = st.one_of(st.none(), st.sampled_from("abc"))
categories = st.one_of(st.none(), st.sampled_from("xy"))
values = st.one_of(st.none(), st.integers(0, 3))
nullable_moments = st.one_of(st.none(), moments)
versions = st.lists(st.tuples(names, categories, nullable_moments, nullable_moments, values), max_size=25)
questions = st.lists(st.tuples(names, categories, nullable_moments), max_size=12)
ttls = st.one_of(st.none(), st.integers(1, 5).map(lambda hours: hours * HOUR))


def on_time(rows):
    """The same versions, known when they start to hold, one per key and moment."""
    kept = {row[:3]: (*row[:3], row[2], row[4]) for row in rows}
    return list(kept.values())


def view(ttl, *, keys=("entity",), name="answer", created="recorded_at"):
    return ViewSpec(
        name=f"view_of_{name}",
        table="versions",
        keys={key: f"key_{key}" for key in keys},
        features={name: "feature", f"{name}_since": "feature_at"},
        timestamp="feature_at",
        created=created,
        ttl=ttl,
    )


def connect(version_rows=()):
    con = duckdb.connect(config={"threads": 1})
    con.execute("set timezone = 'UTC'")
    con.execute(
        "create table versions "
        "(key_entity varchar, key_category varchar, feature_at timestamp, recorded_at timestamp, feature integer)"
    )
    if version_rows:
        con.executemany("insert into versions values (?, ?, ?, ?, ?)", [list(row) for row in version_rows])
    return con


def as_arrow(rows, zone=None):
    types = (pa.string(), pa.string(), pa.timestamp("us", tz=zone), pa.int64())
    numbered = [(*row, place) for place, row in enumerate(rows)]
    if zone:
        numbered = [(*row[:2], row[2] and pd.Timestamp(row[2], tz="UTC").to_pydatetime(), row[3]) for row in numbered]
    columns = [pa.array([row[i] for row in numbered], sql_type) for i, sql_type in enumerate(types)]
    return pa.table(dict(zip(ENTITY_COLUMNS, columns, strict=True)))


def as_pandas(rows):
    return as_arrow(rows).to_pandas()


def as_pandas_in_another_zone(rows):
    return as_arrow(rows, "Asia/Kolkata").to_pandas()


def as_arrow_in_another_zone(rows):
    return as_arrow(rows, "America/New_York")


FORMS = (as_arrow, as_arrow_in_another_zone, as_pandas, as_pandas_in_another_zone, "sql")


def entities_in(form, con, rows):
    """The entity rows as the caller may give them, made ready as the store does it."""
    if form == "sql":
        con.register("questions", as_arrow(rows))
        return entity_rows("select * from questions")
    return entity_rows(form(rows))


def brute_force(rows, key, asked_at, ttl, knows):
    """The newest version that held and was known, corrections before what they correct, then the largest value."""
    usable = [
        (feature_at, recorded_at or datetime.min, -1 if value is None else value)
        for *version_key, feature_at, recorded_at, value in rows
        if None not in key
        and tuple(version_key[: len(key)]) == key
        and asked_at is not None
        and feature_at is not None
        and feature_at <= asked_at
        and (not knows or (recorded_at is not None and recorded_at <= asked_at))
        and (ttl is None or asked_at <= feature_at + ttl)
    ]
    since, _, value = max(usable, default=(None, None, -1))
    return None if value == -1 else value, since


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(versions, versions.map(on_time)),
    questions,
    st.tuples(ttls, ttls),
    st.booleans(),
    st.tuples(st.sampled_from(FORMS), st.sampled_from([0.0, float("inf")])),
)
def test_the_join_gives_the_newest_version_that_held_and_was_known(version_rows, entity_list, ttl, knows, how):
    form, semi_join_below = how
    con = connect(version_rows)
    entities = entities_in(form, con, entity_list)
    views = [view(ttl[0]), view(ttl[1], keys=("entity", "category"), name="other")]
    with patch.object(feature_versions, "_SEMI_JOIN_BELOW", semi_join_below):
        arrow = join_to_arrow(con, entities, "asked_at", views, honour_knowledge_time=knows)
        join_to_table(con, entities, "asked_at", views, "joined", honour_knowledge_time=knows)
    features = ["place", "answer", "answer_since", "other", "other_since"]
    expected = [
        (
            place,
            *brute_force(version_rows, (name,), asked_at, ttl[0], knows),
            *brute_force(version_rows, (name, category), asked_at, ttl[1], knows),
        )
        for place, (name, category, asked_at) in enumerate(entity_list)
    ]

    assert arrow.column_names == [*ENTITY_COLUMNS, *features[1:]]
    assert [tuple(row.values()) for row in arrow.select(features).to_pylist()] == expected
    assert con.sql(f"select {', '.join(features)} from joined").fetchall() == expected
    assert arrow.column("entity").to_pylist() == [row[0] for row in entity_list]


@settings(max_examples=50, deadline=None)
@given(versions, moments, moments, st.booleans())
def test_the_newest_versions_are_what_the_join_finds_at_the_end_of_the_range(version_rows, one, other, knows):
    start, end = min(one, other), max(one, other)
    con = connect(version_rows)
    query = newest(view(None), start, end, honour_knowledge_time=knows, latest_only=True)
    got = {row[0]: row[1] for row in con.execute(query).fetchall() if row[0] is not None}
    ttl = end - start
    expected = {key: brute_force(version_rows, (key,), end, ttl, knows)[0] for key in "abc"}

    assert {key: got.get(key) for key in "abc"} == expected


def answers(con, entity_list, *views, knows=True):
    joined = join_to_arrow(con, as_arrow(entity_list), "asked_at", views, honour_knowledge_time=knows)
    return joined.column("answer").to_pylist()


def test_a_late_record_of_an_old_version_never_replaces_a_newer_one():
    con = connect([("a", "x", START, START + 5 * HOUR, 1), ("a", "x", START + 2 * HOUR, START + 2 * HOUR, 2)])

    assert answers(con, [("a", "x", START + 6 * HOUR)], view(None)) == [2]


def test_a_version_answers_at_the_end_of_its_time_to_live_and_not_a_microsecond_later():
    con = connect([("a", "x", START, START, 1)])
    asked = [("a", "x", START + 3 * HOUR), ("a", "x", START + 3 * HOUR + TICK)]

    assert answers(con, asked, view(3 * HOUR)) == [1, None]


def test_without_knowledge_time_a_late_correction_answers_as_if_always_known():
    con = connect([("a", "x", START, START, 1), ("a", "x", START, START + 5 * HOUR, 2)])
    asked = [("a", "x", START + HOUR)]

    assert answers(con, asked, view(None)) == [1]
    assert answers(con, asked, view(None), knows=False) == [2]
    assert answers(con, asked, view(None, created=None)) == [2]


@pytest.mark.parametrize(
    ("rows", "knows", "moment"),
    [
        ([("a", "x", START, START, 1), ("a", "x", START + HOUR, START, 2)], True, "feature_at"),
        ([("a", "x", START, START, 1), ("b", "x", START, START, 1)], True, "feature_at"),
        ([("a", "x", START, START, 1), ("a", "x", START, START, 2)], True, "visible_at"),
        ([("a", "x", START, START + HOUR, 1)], True, "visible_at"),
        ([("a", "x", START, START + HOUR, 1)], False, "feature_at"),
        ([("a", "x", START, START + 9 * HOUR, 1)], True, "feature_at"),  # not known in time for any question
    ],
)
def test_versions_are_put_in_order_only_where_one_is_late_or_ties(rows, knows, moment):
    asked = Asked(relation="questions", num_rows=len(rows), first=START, last=START + 5 * HOUR)

    assert visible(connect(rows), view(None), asked, honour_knowledge_time=knows)[1] == moment


def test_many_entity_rows_are_not_joined_by_a_loop():
    con = connect([("a", "x", START, START, 1)])
    rows = as_arrow([("a", "x", START)])
    join_to_arrow(con, rows, "asked_at", [view(None)], honour_knowledge_time=True)
    con.register("rows", rows)
    plan = con.execute(
        "explain select feature from rows as e asof left join versions as v "
        "on e.entity = v.key_entity and e.asked_at >= v.feature_at"
    ).fetchall()[0][1]

    assert "ASOF_JOIN" in plan


def test_a_feature_with_the_name_of_an_entity_column_is_refused():
    with pytest.raises(ValueError, match=r"\['place'\].*view_of_place.*full feature names"):
        answers(connect(), [("a", "x", START)], view(None, name="place"))


def test_entity_rows_of_another_kind_are_refused():
    with pytest.raises(ValueError, match="list; give a pandas frame, an Arrow table or SQL"):
        entity_rows([{"entity": "a"}])
