"""Hashes of raw days: they follow the rows, and are computed again only for days that are stored otherwise."""

from datetime import date, datetime, timedelta
from unittest.mock import patch

import pytest

from tests.support_warehouse import Log, day
from uniscale.contracts.events import ACTIONS_TABLE, EVENT_TABLES
from uniscale.lake import Lake, contents
from uniscale.lake.contents import read_contents

DAYS = [day(number) for number in (5, 6, 7)]
MANY = 40
"""More rows than DuckLake keeps in the catalogue."""


def log_of(days, num_actions=MANY, item="i"):
    log = Log()
    for ds in days:
        for place in range(num_actions):
            at = datetime(ds.year, ds.month, ds.day, 6) + timedelta(seconds=place)
            log.act(f"{ds}{place}", f"u{place % 3}", f"{item}{place}", "click", at)
    return log


@pytest.fixture
def landed(lake):
    """A lake with three days of actions."""
    log_of(DAYS).land(lake)
    return lake


def content(lake):
    """The content, and the days of actions whose rows were read for it."""
    read = []
    hash_days = contents._by_day

    def noting(con, table, days):
        read.extend(days if table is ACTIONS_TABLE else [])
        return hash_days(con, table, days)

    with patch.object(contents, "_by_day", noting):
        found = read_contents(lake, date.max)
    return found.by_table["raw.actions"], sorted(read)


def from_rows(lake):
    """The content as the rows alone tell it."""
    with lake.read() as con:
        days = [row[0] for row in con.execute("select distinct ds from raw.actions").fetchall()]
        return contents._by_day(con, ACTIONS_TABLE, days)


def replace_day(lake, ds, log):
    def work(con):
        con.execute(f"delete from lake.raw.actions where ds = date '{ds}'")

    lake.commit(work, "delete")
    with patch.object(Lake, "replace", _append):
        log.land(lake)


def _append(con, table, where, select, replace=Lake.replace):
    return replace(con, table, "false", select)


def test_rows_are_read_once_and_not_again_while_they_are_stored_as_they_were(landed):
    first, read = content(landed)
    snapshot = landed.snapshot_id()
    again, read_again = content(landed)

    assert read == DAYS
    assert read_again == []
    assert again == first == from_rows(landed)
    assert landed.snapshot_id() == snapshot


def test_only_the_day_that_was_landed_again_is_read_again(landed):
    before, _ = content(landed)
    replace_day(landed, DAYS[1], log_of([DAYS[1]], item="other"))
    after, read = content(landed)

    assert read == [DAYS[1]]
    assert after == from_rows(landed)
    assert {ds for ds in DAYS if before[ds] != after[ds]} == {DAYS[1]}


@pytest.mark.parametrize("where", ["action_id = '2026-01-060'", "user_id = 'u1'", "ds = date '2026-01-06'"])
def test_deleted_rows_change_their_days(landed, where):
    content(landed)
    landed.commit(lambda con: con.execute(f"delete from lake.raw.actions where {where}"), "delete")
    for _ in range(2):
        assert content(landed)[0] == from_rows(landed)


def test_rows_of_a_small_commit_change_their_day(landed):
    before, _ = content(landed)
    with patch.object(Lake, "replace", _append):
        log_of([DAYS[2]], num_actions=1, item="late").land(landed)
    after, read = content(landed)

    assert read == [DAYS[2]]
    assert after == from_rows(landed)
    assert after[DAYS[2]] != before[DAYS[2]]


def test_tidying_the_lake_changes_no_content(landed):
    with patch.object(Lake, "replace", _append):
        log_of([DAYS[2]], num_actions=1, item="late").land(landed)
    landed.commit(lambda con: con.execute("delete from lake.raw.actions where user_id = 'u1'"), "delete")
    before, _ = content(landed)
    landed.maintain(0)

    assert content(landed)[0] == before == from_rows(landed)
    assert content(landed)[1] == []


def test_a_lake_without_rows_has_no_content(lake):
    Log().land(lake)

    assert read_contents(lake, date.max).by_table == {table.qualified: {} for table in EVENT_TABLES}


def test_days_after_the_last_one_are_not_told(landed):
    assert sorted(read_contents(landed, DAYS[1]).by_table["raw.actions"]) == DAYS[:2]
