"""A time as text means one moment, whatever the rows around it are; what means none, or two, is named."""

from datetime import datetime

import duckdb
import pyarrow as pa
import pytest
from support_ubi import mapped, query, write_bulk

from uniscale.features.offline.asof import asking
from uniscale.features.offline.entities import MOMENT
from uniscale.sources.casts import define_macros

TEN = datetime(2026, 1, 5, 10)

READ = {
    "2026-01-05 10:00:00": TEN,
    "2026-01-05T10:00:00": TEN,
    "2026-01-05 10:00": TEN,
    "2026-01-05T10:00:00Z": TEN,
    "2026-01-05t10:00:00z": TEN,
    "2026-01-05 10:00 UTC": TEN,
    "2026-01-05 10:00:00.000 GMT": TEN,
    "2026/01/05 10:00:00,000": TEN,
    " 2026-1-5 10:0:0 ": TEN,
    "2026-01-05 15:30:00+05:30": TEN,
    "2026-01-05 15:30:00+0530": TEN,
    "2026-01-05T15:00+05": TEN,
    "2026-01-05 05:00:00 -05:00": TEN,
    "2026-01-04T22:00:00-12": TEN,
    "2026-01-05 12:00:00 GMT+2": TEN,
    "2026-01-05 12:00:00 UTC+02:00": TEN,
    "2026-01-05T11:00:00+01:00[Europe/Berlin]": TEN,
    "2026-01-05T10:00:00Z[UTC]": TEN,
    "2026-01-05 11:00:00 Europe/Berlin": TEN,
    "2026-01-05 11:00:00 EUROPE/BERLIN": TEN,
    "2026-01-05 05:00:00 America/New_York": TEN,
    "2026-01-05 05:00:00 EST": TEN,
    "2026-01-05 11:00:00 CET": TEN,
    "2026-01-05 08:00:00 Etc/GMT+2": TEN,
    "2026-07-05 12:00:00 Europe/Berlin": datetime(2026, 7, 5, 10),
    "2026-10-25T02:30:00+01:00[Europe/Berlin]": datetime(2026, 10, 25, 1, 30),
    "2026-01-05 10:53:28+00:53:28": TEN,
    "2026-01-05-10:00": TEN,
}
NOT_READ = {
    "noon": "is not a UTC time such as 2026-01-05 10:00:00",
    "05.01.2026 10:00:00": "is not a UTC time such as 2026-01-05 10:00:00",
    "2026-02-30 10:00:00": "is not a UTC time such as 2026-01-05 10:00:00",
    "20260105": "is not a UTC time such as 2026-01-05 10:00:00",
    "2026-01-05 10:00:00 AM": "ends in a zone that is not known",
    "2026-01-05 10:00:00 CST": "ends in a zone that is not known",
    "2026-01-05 10:00:00 CEST": "ends in a zone that is not known",
    "2026-01-05 10:00:00 Europe/Atlantis": "ends in a zone that is not known",
    "2026-01-05 10:00:00+25:00": "ends in a zone that is not known",
    "2026-01-05 10:00:00+053": "ends in a zone that is not known",
    "2026-01-05 10:00:00+530": "ends in a zone that is not known",
    "2026-03-29 02:30:00 Europe/Berlin": "is a time that the clocks of its zone skip or show twice",
    "2026-10-25 02:30:00 Europe/Berlin": "is a time that the clocks of its zone skip or show twice",
    "1767607200": "is a number of seconds since 1970, not a UTC time",
    "1767607200.5": "is a number of seconds since 1970, not a UTC time",
    "1767607200000": "is a number of milliseconds since 1970, not a UTC time",
    "1.7676072E12": "is a number of milliseconds since 1970, not a UTC time",
    "1767607200000000": "is a number of microseconds since 1970, not a UTC time",
    "1767607200000000000": "is a number of nanoseconds since 1970, not a UTC time",
}


@pytest.fixture(scope="module", params=["UTC", "America/New_York"])
def con(request):
    """A session of any zone: none of its own settings may tell in what is read."""
    with duckdb.connect() as opened:
        opened.execute(f"set timezone = '{request.param}'")
        define_macros(opened)
        yield opened


def _read(con, texts):
    query = "select utc_time(t), case when utc_time(t) is null then time_fault(t) end from (select unnest(?) as t)"
    return con.execute(query, [list(texts)]).fetchall()


def test_every_way_to_write_a_time_is_read_or_named(con):
    assert dict(zip(READ, _read(con, READ), strict=True)) == {text: (time, None) for text, time in READ.items()}
    expected = {text: (None, fault) for text, fault in NOT_READ.items()}
    assert dict(zip(NOT_READ, _read(con, NOT_READ), strict=True)) == expected


def test_naive_time_after_a_zone_name_is_utc(con):
    naive = "2026-01-05 10:00:00"
    for named in (*READ, *NOT_READ):
        found = _read(con, [named, naive, "2026-01-05 10:00", named, naive])
        assert [found[place] for place in (1, 2, 4)] == [(TEN, None)] * 3, named


NAMES_A_ZONE = ("Europe/Berlin", "EUROPE/BERLIN", "America/New_York", "EST", "CET", "Etc/GMT+2")
"""Only files of events may name a zone instead of its offset."""


def _without_names(texts):
    return {text: time for text, time in texts.items() if not text.endswith(NAMES_A_ZONE)}


@pytest.mark.parametrize("text", [*READ, *NOT_READ])
def test_entity_rows_read_what_events_read_but_for_names_of_zones(text):
    meant = _without_names(READ).get(text)
    with duckdb.connect() as con:
        con.execute("set timezone = 'America/New_York'")
        rows = pa.table({"event_timestamp": [text]})
        if meant is None:
            with pytest.raises(ValueError, match="1 texts that are no time"), asking(con, rows, "event_timestamp", []):
                pass
            return
        with asking(con, rows, "event_timestamp", []) as asked:
            assert con.execute(f"select {MOMENT} from {asked.relation}").fetchall() == [(meant,)]


def test_search_logs_read_milliseconds_and_what_events_read_but_for_names_of_zones(tmp_path):
    texts = {**dict.fromkeys((*READ, *NOT_READ)), **_without_names(READ)}
    log = write_bulk(tmp_path / "log.ndjson", [query(f"q{k}", at=text) for k, text in enumerate(texts)])

    found = dict(mapped(log).execute("select told_at, happened_at from ubi_queries").fetchall())

    numbers = {text for text in texts if text.isdigit()}
    assert {text: found[text] for text in texts if text not in numbers} == {
        text: time for text, time in texts.items() if text not in numbers
    }
    assert found["1767607200000"] == TEN
