"""Times as text, in every zone at once, against the standard library."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uniscale.sources.casts import define_macros

REGIONS = (
    *("Europe/Berlin", "Europe/London", "America/New_York", "America/St_Johns", "Asia/Kolkata", "Asia/Shanghai"),
    *("Australia/Lord_Howe", "Antarctica/Troll", "Pacific/Auckland", "Pacific/Kiritimati"),
)
CHANGES = (datetime(2026, 3, 29, 1), datetime(2026, 10, 25, 1), datetime(2025, 11, 2, 1), datetime(2026, 4, 5, 2))
"""Around these, clocks of some of the regions change."""


def _region(clocks, name):
    """UTC time, or None if the clocks skip it or show it twice: then the two readings of the library differ."""
    one, other = (clocks.replace(tzinfo=ZoneInfo(name), fold=fold) for fold in (0, 1))
    return one.astimezone(UTC).replace(tzinfo=None) if one.utcoffset() == other.utcoffset() else None


def _offset(clocks, minutes):
    return clocks.replace(tzinfo=timezone(timedelta(minutes=minutes))).astimezone(UTC).replace(tzinfo=None)


def _offset_texts(minutes):
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    texts = [f"{sign}{hours:02}:{rest:02}", f"{sign}{hours:02}{rest:02}", f" GMT{sign}{hours:02}{rest:02}"]
    return texts if rest else [*texts, f"{sign}{hours:02}", f" UTC{sign}{hours}"]


CLOCKS = st.one_of(
    st.datetimes(datetime(1995, 1, 1), datetime(2035, 1, 1)),
    st.builds(lambda at, minutes: at + timedelta(minutes=minutes), st.sampled_from(CHANGES), st.integers(-900, 900)),
)
SHAPES = st.sampled_from(("%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M:%S"))


@st.composite
def times(draw):
    """A text, and the UTC time that it means."""
    shape = draw(SHAPES)
    told = draw(CLOCKS).strftime(shape)
    clocks = datetime.strptime(told, shape)
    kind = draw(st.sampled_from(("naive", "utc", "offset", "region", "unknown")))
    if kind == "naive":
        return told, clocks
    if kind == "utc":
        return told + draw(st.sampled_from(("Z", " UTC", "+00:00", " GMT"))), clocks
    if kind == "offset":
        minutes = draw(st.integers(-14 * 4, 14 * 4)) * 15
        return told + draw(st.sampled_from(_offset_texts(minutes))), _offset(clocks, minutes)
    if kind == "region":
        name = draw(st.sampled_from(REGIONS))
        return f"{told} {name}", _region(clocks, name)
    return told + draw(st.sampled_from((" CST", " BST", " Mars/Olympus", "+15:00", " +1:7"))), None


@pytest.fixture(scope="module")
def con():
    with duckdb.connect() as opened:
        opened.execute("set timezone = 'Asia/Tokyo'")
        define_macros(opened)
        opened.execute("create table texts (place integer, t varchar)")
        yield opened


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(times(), min_size=20, max_size=60))
def test_each_row_means_what_it_says_whatever_stands_before_it(con, rows):
    con.execute("delete from texts")
    con.execute("insert into texts select unnest(range(?)), unnest(?)", [len(rows), [text for text, _ in rows]])
    found = con.execute("select t, utc_time(t) from texts order by place").fetchall()
    assert found == rows
