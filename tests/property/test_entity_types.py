"""Entity rows in every type a caller may hold them in, against the moments and texts they mean."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uniscale.features.offline.asof import join_to_arrow, join_to_table
from uniscale.features.offline.entities import asking, entity_rows
from uniscale.features.offline.versions import ViewSpec

START = datetime(2026, 1, 7)
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
NUM_HOURS = 60
TEXTS = ("7", "007", "-7", "7.0", "07", "i7", "é'", "2026-01-07", "00000000-0000-0000-0000-000000000007")
WHOLE = ("7", "-7")
TEXT_TYPES = (pa.string(), pa.large_string(), pa.string_view())
VIEW = ViewSpec(
    name="things",
    table="versions",
    keys={"item_id": "item_id"},
    features={"answer": "title"},
    timestamp="feature_at",
    created=None,
    ttl=timedelta(hours=20),
)

offsets = st.sampled_from([-300, -210, 0, 330, 840]).map(lambda minutes: timezone(timedelta(minutes=minutes)))
seconds = st.integers(-4 * 3600, (NUM_HOURS + 25) * 3600)
moments = st.one_of(st.integers(-4, NUM_HOURS + 25).map(lambda hours: hours * 3600), seconds).map(
    lambda s: START + s * SECOND
)


def titles(key):
    """A version an hour; each says whose and since when it is."""
    return [(key, f"{key} since {START + hour * HOUR}", START + hour * HOUR) for hour in range(NUM_HOURS)]


@pytest.fixture(scope="module")
def con():
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("set timezone = 'America/New_York'")
    columns = zip(*(row for key in TEXTS for row in titles(key)), strict=True)
    connection.register("rows", pa.table(dict(zip(("item_id", "title", "feature_at"), columns, strict=True))))
    connection.execute("create table versions as from rows")
    return connection


def meant(key, moment):
    """The answer in plain Python."""
    if key is None or moment is None or moment < START:
        return None
    hour = min((moment - START) // HOUR, NUM_HOURS - 1)
    return f"{key} since {START + hour * HOUR}" if moment - (START + hour * HOUR) <= VIEW.ttl else None


@st.composite
def written(draw, moment):
    """A text that means the moment."""
    zone = draw(st.one_of(st.none(), offsets))
    local = moment if zone is None else moment.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
    midnight = local == datetime(local.year, local.month, local.day)
    if zone is None and midnight and draw(st.booleans()):
        return f"{local:%Y-%m-%d}"
    clock = f"{local:%H:%M}" if local.second == 0 and draw(st.booleans()) else f"{local:%H:%M:%S}"
    clock += draw(st.sampled_from(["", ".0", ".000000", ".000000999"])) if clock.count(":") == 2 else ""
    offset = "" if zone is None else f"{datetime.now(zone):%z}"
    forms = {"": ["", "Z", " UTC", "+00:00"], "+0000": ["Z", "+00", "-0000"]}
    shown = draw(st.sampled_from(forms.get(offset, [offset, f" {offset}", f"{offset[:3]}:{offset[3:]}"])))
    return f"{local:%Y-%m-%d}{draw(st.sampled_from([' ', 'T']))}{clock}{shown}"


@st.composite
def time_columns(draw, times):
    """The times as a column of some type."""
    kind = draw(st.sampled_from(["text", "category", "mixed zones", "naive", "zoned", "arrow", "arrow text"]))
    if kind in {"text", "category", "arrow text"}:
        texts = [None if time is None else draw(written(time)) for time in times]
        if kind == "arrow text":
            return pa.array(texts, draw(st.sampled_from(TEXT_TYPES)))
        return pd.Series(texts, dtype=object if kind == "text" else "category")
    if kind == "mixed zones":
        aware = [None if time is None else time.replace(tzinfo=UTC).astimezone(draw(offsets)) for time in times]
        as_they_are = [
            value.astimezone(UTC).replace(tzinfo=None) if value and draw(st.booleans()) else value for value in aware
        ]
        return pd.Series(as_they_are, dtype=object)
    if kind == "arrow":
        unit, zone = (
            draw(st.sampled_from(["s", "ms", "us", "ns"])),
            draw(st.sampled_from([None, "Asia/Kolkata", "-05:00"])),
        )
        return pa.array(times, pa.timestamp(unit)).cast(pa.timestamp(unit, zone))
    naive = pd.Series(pd.to_datetime(times)).astype(draw(st.sampled_from(["datetime64[us]", "datetime64[ns]"])))
    return naive if kind == "naive" else naive.dt.tz_localize("UTC").dt.tz_convert("America/New_York")


@st.composite
def key_columns(draw, keys):
    """The keys as a column of some type; whole numbers only where every text is that of one."""
    kinds = ["text", "string", "category", "arrow", "dictionary"]
    if all(key is None or key in WHOLE for key in keys):
        kinds += ["int", "Int64", "category of int", "arrow int"]
    kind = draw(st.sampled_from(kinds))
    if "int" not in kind.lower():
        if kind in {"arrow", "dictionary"}:
            column = pa.array(keys, draw(st.sampled_from(TEXT_TYPES)))
            return column.cast(pa.string()).dictionary_encode() if kind == "dictionary" else column
        return pd.Series(keys, dtype={"text": object}.get(kind, kind))
    numbers = [None if key is None else int(key) for key in keys]
    if kind == "arrow int":
        return pa.array(numbers, draw(st.sampled_from([pa.int8(), pa.int64()])))
    return pd.Series(numbers, dtype={"int": object, "category of int": "category"}.get(kind, kind))


@st.composite
def questions(draw):
    """Entity rows, and the texts and moments they mean."""
    pool = draw(st.sampled_from([TEXTS, WHOLE]))
    rows = draw(st.lists(st.tuples(st.one_of(st.none(), st.sampled_from(pool)), st.one_of(st.none(), moments))))
    keys, times = [row[0] for row in rows], [row[1] for row in rows]
    given = {"item_id": draw(key_columns(keys)), "event_timestamp": draw(time_columns(times))}
    if all(isinstance(column, pd.Series) for column in given.values()):
        return pd.DataFrame(given), rows
    columns = {
        name: pa.Array.from_pandas(column) if isinstance(column, pd.Series) else column
        for name, column in given.items()
    }
    return pa.table(columns), rows


@settings(max_examples=200, deadline=None)
@given(asked=questions(), as_sql=st.booleans())
def test_a_question_means_the_same_in_every_type(con, asked, as_sql):
    given_rows, meanings = asked
    entities = entity_rows(given_rows)
    if as_sql:
        con.register("questions", entities)
        entities = "select * from questions"
    table = join_to_arrow(con, entities, "event_timestamp", [VIEW], honour_knowledge_time=True)

    assert table.column("answer").to_pylist() == [meant(*row) for row in meanings]


def answers(con, keys, times):
    kind = pa.table if isinstance(keys, pa.Array) else pd.DataFrame
    entities = entity_rows(kind({"item_id": keys, "event_timestamp": times}))
    join_to_table(con, entities, "event_timestamp", [VIEW], "answered", honour_knowledge_time=True)
    return [row[0] for row in con.sql("select answer from answered").fetchall()]


def test_a_text_with_an_offset_is_a_moment(con):
    times = ["2026-01-07 12:00:00+05:00", "2026-01-07T12:00:00-0500", "2026-01-07 12:00", "2026-01-08"]

    assert answers(con, ["i7"] * 4, times) == [f"i7 since {START + hour * HOUR}" for hour in (7, 17, 12, 24)]


def test_a_whole_number_answers_for_its_own_digits_only(con):
    assert answers(con, [7, -7, 8], [START] * 3) == [f"7 since {START}", f"-7 since {START}", None]


def test_a_uuid_answers_for_its_text(con):
    assert answers(con, [UUID(int=7)], [START]) == [f"{UUID(int=7)} since {START}"]


@pytest.mark.parametrize("missing", [[None, None], [np.nan, np.nan], [pd.NaT, pd.NaT], [pd.NA, pd.NA]])
def test_a_column_without_any_value_has_any_type(con, missing):
    assert answers(con, missing, [START] * 2) == [None, None]
    assert answers(con, ["i7"] * 2, missing) == [None, None]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ([7.0, None], r"item_id .* DOUBLE \(row 0: 7.0\)"),
        (pd.Categorical([None, 7.5]), r"DOUBLE \(row 1: 7.5\)"),
        ([True, False], "BOOLEAN"),
        ([Decimal(7), None], "DECIMAL"),
        ([b"7", "7"], "BLOB"),
        (pa.array([b"7", b"8"], pa.binary_view()), r"BLOB \(row 0: 7\)"),
        ([date(2026, 1, 7), None], "DATE"),
        ([START, None], "TIMESTAMP"),
        ([["7"], None], r"VARCHAR\[\]"),
    ],
)
def test_a_key_that_is_no_text_is_refused(con, value, told):
    with pytest.raises(ValueError, match=rf"{told}.*identifiers are text: .*Int64"):
        answers(con, value, [START] * 2)


@pytest.mark.parametrize(
    "text",
    [
        *("2026-01-07 12:00:00 America/New_York", "2026-01-07 12:00:00 EST", "2026-01-07+25:00", "2026-02-30", "noon"),
        *(
            "2026-01-07 25:00",
            "2026-01-07 12:00+24:00",
            "2026-01-07 12:00+05:60",
            "2026-01-07 12",
            "",
            "now",
            "1767787200",
        ),
    ],
)
def test_a_text_that_is_no_moment_is_refused_with_its_row(con, text):
    with pytest.raises(ValueError, match=r"event_timestamp .* 1 texts .*\(row 1: .*\+02:00") as refused:
        answers(con, ["i7"] * 3, ["2026-01-07 12:00+05:00", text, "2026-01-07 12:00"])
    assert repr(text) in str(refused.value)


def test_numbers_are_no_times(con):
    with pytest.raises(ValueError, match=r"event_timestamp .* BIGINT \(row 0: 1767787200\); give times, or text"):
        answers(con, ["i7"], [1767787200])


@pytest.mark.parametrize(
    ("keys", "times", "told"),
    [
        ([7, "i7"], [START] * 2, "one type: .*column item_id"),
        (["i7", 7], [START] * 2, "one type: .*column item_id"),
        ([2**70], [START], "one type"),
        (["i7"] * 2, ["2026-01-07", START], "one type: .*column event_timestamp"),
        (["i7"] * 2, [date(2026, 1, 7), START + HOUR], r"event_timestamp .* mixes days with times .*to_datetime"),
    ],
)
def test_a_column_of_mixed_types_is_refused(con, keys, times, told):
    with pytest.raises(ValueError, match=told):
        answers(con, pd.Series(keys, dtype=object), pd.Series(times, dtype=object))


def test_a_view_whose_key_is_no_text_is_refused(con):
    con.execute(
        "create or replace table numbered as select 7 as item_id, 'x' as title, timestamp '2026-01-07' as feature_at"
    )
    view = ViewSpec(**{**{name: getattr(VIEW, name) for name in ViewSpec.__slots__}, "table": "numbered"})
    rows = pa.table({"item_id": ["007"], "event_timestamp": [START]})

    with pytest.raises(ValueError, match=r"key item_id of view things is INTEGER in numbered; identifiers are text"):
        join_to_arrow(con, rows, "event_timestamp", [view], honour_knowledge_time=True)


def test_rows_of_text_keys_and_times_are_read_in_place(con):
    rows = pa.table({"item_id": ["i7"], "event_timestamp": [START]})
    with asking(con, rows, "event_timestamp", [VIEW]) as asked:
        in_place = asked.relation
    with asking(con, rows.set_column(1, "event_timestamp", [["2026-01-07"]]), "event_timestamp", [VIEW]) as asked:
        copied = asked.relation

    assert in_place.startswith("(select ") and "cast" not in in_place
    assert not copied.startswith("(")


def test_nothing_is_left_on_the_connection_after_a_refusal(con):
    for _ in range(2):
        with pytest.raises(ValueError, match="no time"):
            answers(con, ["i7"], ["noon"])

    assert not con.execute("select * from duckdb_tables() where table_name like '\\_\\_%' escape '\\'").fetchall()
