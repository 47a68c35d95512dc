"""Daily counts: what became known on a day is counted once, and windows of many days are sums of it."""

import shutil
from datetime import date, timedelta

import pytest

from tests.support_lineage import at_home
from tests.support_warehouse import Log, day, moment, rows
from uniscale.contracts.daily_counts import DAILY_TABLES
from uniscale.contracts.features import FEATURE_TABLES, USER_FRESH_ACTIONS
from uniscale.warehouse.build import build_marts

DS = day(8)
CLICKS = """
    select ds, item_id, event_ds, num_clicks, num_purchases
    from daily.item_domain_counts
    where num_clicks + num_purchases > 0
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Home of an installation that has built the marts of the log; not to be written to."""
    home = tmp_path_factory.mktemp("counts") / "home"
    with pytest.MonkeyPatch.context() as patch:
        settings, lake = at_home(patch, home)
        log().land(lake)
        build_marts(settings, lake, DS)
    return home


@pytest.fixture
def built(made, tmp_path, monkeypatch):
    """Settings and lake of a copy of its own."""
    shutil.copytree(made, tmp_path / "copy")
    return at_home(monkeypatch, tmp_path / "copy")


def log(*, late_click=True):
    """A search of the fifth, clicked on the same day and, at another item, known two days later."""
    events = Log()
    events.user("u", moment("01 00:00"))
    for item_id in "ab":
        events.item(item_id, moment("01 00:00"), category_id=f"category_{item_id}", price=9.0)
    for number in (4, 5, 6, 7, 8, 9):
        events.request(f"r{number}", "u", moment(f"0{number} 10:00"), exposed="ab", query="red shoe")
    answer = {"request_id": "r5", "domain": "search"}
    events.act("first", "u", "a", "click", moment("05 10:01"), **answer)
    events.act("second", "u", "a", "click", moment("05 10:02"), late=timedelta(days=1), **answer)
    events.act("bought", "u", "a", "purchase", moment("05 11:00"), late=timedelta(days=2), **answer)
    if late_click:
        events.act("late", "u", "b", "click", moment("05 10:03"), late=timedelta(days=2), **answer)
    return events


def everything(lake):
    with lake.read() as con:
        tables = (*DAILY_TABLES, *FEATURE_TABLES)
        return {table.name: con.execute(f"from {table.qualified} order by all").fetchall() for table in tables}


def clicks_of(lake, item_id, ds):
    query = f"select item_num_clicks, item_num_purchases from features.item_features where item_id = '{item_id}'"
    return rows(lake, f"{query} and ds = date '{ds}'")


def test_a_row_counts_on_the_day_its_first_click_was_known_and_as_bought_when_that_was(built):
    _, lake = built
    assert sorted(rows(lake, CLICKS)) == [
        (day(5), "a", day(5), 1, 0),
        (day(7), "a", day(5), 0, 1),
        (day(7), "b", day(5), 1, 0),
    ]
    assert [clicks_of(lake, "a", day(number)) for number in (6, 7)] == [[(1, 0)], [(1, 1)]]
    assert [clicks_of(lake, "b", day(number)) for number in (6, 7)] == [[(0, 0)], [(1, 0)]]


def test_the_next_run_counts_the_new_day_alone_and_a_forced_one_all_days(built):
    settings, lake = built
    by_hand = (
        f"insert into lake.daily.item_domain_counts values (date '{day(7)}', 'a', 'search', date '{day(7)}', 0, 9, 0)"
    )
    lake.commit(lambda con: con.execute(by_hand), "to see what is read")

    told = build_marts(settings, lake, DS + timedelta(days=1))
    assert told["days_built"]["counts"] == 1
    assert clicks_of(lake, "a", DS + timedelta(days=1)) == [(10, 1)]

    build_marts(settings, lake, DS + timedelta(days=1), force=True)
    assert clicks_of(lake, "a", DS + timedelta(days=1)) == [(1, 1)]


def test_what_lands_late_in_an_old_day_is_counted_as_in_a_lake_that_had_it_from_the_start(built, tmp_path, monkeypatch):
    _, other = built
    settings, lake = at_home(monkeypatch, tmp_path / "home")
    log(late_click=False).land(lake)
    for ds in (DS - timedelta(days=1), DS):
        build_marts(settings, lake, ds)
    before = everything(lake)
    log().land(lake)
    told = build_marts(settings, lake, DS)

    assert told["days_built"]["counts"] == 2  # the seventh, on which it became known, and the eighth
    assert everything(lake) != before
    first = min(row[0] for row in rows(other, "select ds from features.user_features"))
    windowed = [table for table in FEATURE_TABLES if table is not USER_FRESH_ACTIONS]
    for table in (*DAILY_TABLES, *windowed):
        of_run = f"from {table.qualified} where ds >= date '{first - timedelta(days=30)}' order by all"
        if table in windowed:
            of_run = f"from {table.qualified} where ds between date '{first}' and date '{DS}' order by all"
        assert rows(lake, of_run) == rows(other, of_run), table.name


def test_a_day_that_lost_its_rows_loses_its_counts(built):
    settings, lake = built
    assert rows(lake, f"select count(*) from daily.user_counts where ds = date '{day(7)}'") == [(2,)]
    events = log(late_click=False)
    events.requests = [row for row in events.requests if row["ds"] != day(7)]
    events.candidates = [row for row in events.candidates if row["ds"] != day(7)]
    events.actions = [row for row in events.actions if row["ds"] != day(7)]
    events.land(lake)
    build_marts(settings, lake, DS)

    for table in DAILY_TABLES:
        assert rows(lake, f"select count(*) from {table.qualified} where ds = date '{day(7)}'") == [(0,)], table.name
    assert clicks_of(lake, "a", DS) == [(1, 0)]


def test_counts_that_no_window_reaches_any_more_are_dropped_with_their_notes(built):
    settings, lake = built
    later = date(2026, 2, 8)
    build_marts(settings, lake, later)

    first_read = later - timedelta(days=2 + 30)
    assert rows(lake, "select min(ds) from daily.user_counts") == [(day(6),)]
    noted = "select min(ds), max(ds) from ops.partitions where table_name like 'daily.%'"
    assert rows(lake, noted) == [(first_read - timedelta(days=1), later)]
