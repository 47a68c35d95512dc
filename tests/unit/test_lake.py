"""The lake: commits are whole, the past stays readable, a locked catalogue is retried with a bound."""

import json
import subprocess
import sys
from contextlib import contextmanager
from datetime import date
from functools import partial

import duckdb
import pytest
from typer.testing import CliRunner

from uniscale.cli.main import app
from uniscale.contracts.all_tables import TABLES
from uniscale.contracts.outcomes import DECISIONS, STEPS
from uniscale.lake import Lake, LakeLockedError
from uniscale.lake.erasure import erase_deleted_rows
from uniscale.lake.lake import table_has
from uniscale.lake.partitions import mark_built, stale_days

DAY = date(2026, 1, 5)


def decision(ds: str, reason: str) -> str:
    return (
        f"select date '{ds}' as ds, 'kept' as decision, '{reason}' as reason, '{{}}' as evidence, "
        "'1' as champion_version, '2' as challenger_version, 1 as snapshot_id"
    )


def write(lake: Lake, ds: str, reason: str) -> int:
    return lake.commit(lambda con: Lake.replace(con, DECISIONS, f"ds = date '{ds}'", decision(ds, reason)), "test")


def reasons(lake: Lake, snapshot_id: int | None = None) -> list[str]:
    with lake.read(snapshot_id) as con:
        return [row[0] for row in con.execute(f"select reason from {DECISIONS.qualified} order by ds").fetchall()]


def test_every_contract_table_can_be_created_twice(lake):
    for _ in range(2):
        lake.commit(lambda con: [Lake.create(con, table) for table in TABLES], "create")
    with lake.read() as con:
        assert all(table_has(con, table) for table in TABLES)


def test_a_join_along_time_is_no_nested_loop_however_few_rows_are_expected(lake):
    write(lake, "2026-01-05", "a")
    join = "from (values (1, 2)) as l(k, t) asof join (values (1, 1)) as r(k, t) on l.k = r.k and l.t >= r.t"
    with lake.read() as con:
        plan = con.cursor().execute(f"explain {join}").fetchall()[0][1]
    assert "ASOF_JOIN" in plan
    assert "NESTED_LOOP" not in plan


def test_a_table_of_an_earlier_version_is_refused_with_what_it_lacks(lake):
    write(lake, "2026-01-05", "a")
    lake.commit(lambda con: con.execute(f"alter table lake.{DECISIONS.qualified} drop column evidence"), "older")
    with pytest.raises(ValueError, match=r"earlier version and lacks evidence; name another home"):
        write(lake, "2026-01-06", "b")
    assert reasons(lake) == ["a"]


def test_replacing_a_day_leaves_the_other_days(lake):
    assert write(lake, "2026-01-05", "a") == 1
    write(lake, "2026-01-06", "b")
    write(lake, "2026-01-05", "c")
    assert reasons(lake) == ["c", "b"]


def test_a_snapshot_shows_the_past(lake):
    write(lake, "2026-01-05", "before")
    snapshot = lake.snapshot_id()
    write(lake, "2026-01-05", "after")
    assert reasons(lake, snapshot) == ["before"]
    assert reasons(lake) == ["after"]


def test_a_failing_commit_leaves_no_trace(lake):
    write(lake, "2026-01-05", "kept")
    before = lake.snapshot_id()

    def work(con):
        Lake.replace(con, DECISIONS, "ds = date '2026-01-05'", decision("2026-01-05", "lost"))
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        lake.commit(work, "fails")
    assert reasons(lake) == ["kept"]
    assert lake.snapshot_id() == before


def test_a_reader_cannot_write(lake):
    write(lake, "2026-01-05", "a")
    with lake.read() as con, pytest.raises(Exception, match="read-only"):
        con.execute(f"delete from {DECISIONS.qualified}")


def test_reading_a_lake_that_is_not_there_says_what_to_do(lake):
    with pytest.raises(FileNotFoundError, match="uniscale ingest"), lake.read():
        pass


@contextmanager
def locked_by_another_process(settings, seconds: float):
    """SQLite's locks are per process, so only another process can hold one against us."""
    code = (
        "import sqlite3, sys, time; con = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "con.execute('begin exclusive'); print('locked', flush=True); time.sleep(float(sys.argv[2]))"
    )
    path = settings.lake_catalog.removeprefix("sqlite:")
    command = [sys.executable, "-c", code, path, str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().strip() == "locked"
        try:
            yield
        finally:
            process.kill()


def test_a_catalogue_locked_for_a_moment_is_retried(lake, settings):
    write(lake, "2026-01-05", "a")
    with locked_by_another_process(settings, seconds=1.5):
        write(lake, "2026-01-05", "b")
        assert reasons(lake) == ["b"]


def test_a_catalogue_locked_for_good_ends_in_a_clear_error(settings):
    settings.lake.lock_timeout_seconds = 1.0
    lake = Lake(settings)
    write(lake, "2026-01-05", "a")
    with (
        locked_by_another_process(settings, seconds=120),
        pytest.raises(LakeLockedError, match="lock_timeout_seconds"),
    ):
        write(lake, "2026-01-05", "b")
    assert reasons(lake) == ["a"]


def test_maintenance_keeps_the_newest_rows_and_drops_old_snapshots(lake):
    for reason in ("a", "b", "c"):
        write(lake, "2026-01-05", reason)
    lake.maintain(keep_days=0)
    assert reasons(lake) == ["c"]
    with lake.read() as con:
        (snapshots,) = con.execute("select count(*) from ducklake_snapshots('lake')").fetchone()
    assert snapshots <= 2


def test_the_command_keeps_rows_and_tells_what_it_dropped(lake):
    for reason in ("a", "b", "c"):
        write(lake, "2026-01-05", reason)
    done = CliRunner().invoke(app, ["maintain", "--keep-days", "0", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["after"]["snapshots"] < told["before"]["snapshots"]
    assert reasons(lake) == ["c"]


def test_maintenance_of_a_lake_that_is_not_there_says_so(settings):
    done = CliRunner().invoke(app, ["maintain"])
    assert done.exit_code == 2
    assert "land events first" in " ".join(done.output.split())


@pytest.mark.parametrize("merged", [False, True])
def test_deleted_rows_are_erased_from_every_file_and_from_the_catalogue(settings, lake, merged):
    def rows(day, name, number):
        return f"insert into raw.t select date '2026-01-{day}', '{name}' from range({number})"

    def run(con, sql):
        con.execute(sql)

    lake.commit(
        lambda con: con.execute(
            "create schema raw; create table raw.t (ds date, name varchar); alter table raw.t set partitioned by (ds)"
        ),
        "table",
    )
    for day, name, number in (("05", "kept", 900), ("05", "aaa-gone", 900), ("06", "zzz-gone", 900), ("06", "kept", 2)):
        lake.commit(partial(run, sql=rows(day, name, number)), "rows")
    lake.commit(lambda con: con.execute(rows("07", "aaa-gone", 2)), "rows small enough for the catalogue")
    if merged:
        lake.maintain(keep_days=30)
    lake.commit(lambda con: con.execute("delete from raw.t where name like '%-gone'"), "delete")
    erase_deleted_rows(lake)
    erase_deleted_rows(lake)

    names = [path for path in settings.home.rglob("*") if path.is_file() and b"-gone" in path.read_bytes()]
    read = [f"from read_parquet('{path}') where name <> 'kept'" for path in settings.home.rglob("*.parquet")]
    assert len(read) > 0
    assert names == [] and not any(duckdb.sql(query).fetchall() for query in read)
    with lake.read() as con:
        assert con.execute("select ds::varchar, count(*) from raw.t group by all order by all").fetchall() == [
            ("2026-01-05", 900),
            ("2026-01-06", 2),
        ]


def test_a_partition_is_stale_until_it_is_marked_with_the_wanted_key(lake):
    other = date(2026, 1, 6)
    lake.commit(lambda con: mark_built(con, "es3.samples", {DAY: "k1"}), "mark")
    with lake.read() as con:
        assert stale_days(con, "es3.samples", {DAY: "k1", other: "k1"}) == [other]
        assert stale_days(con, "es3.samples", {DAY: "k2"}) == [DAY]
        assert stale_days(con, "marts.fct_exposures", {DAY: "k1"}) == [DAY]


def test_an_unknown_catalogue_kind_is_refused(settings):
    settings.lake.__dict__["catalog"] = "mysql:host=x"  # past the settings, which refuse it too
    with pytest.raises(ValueError, match="must start with one of"):
        write(Lake(settings), "2026-01-05", "a")


def test_the_ledger_table_has_a_day_partition():
    assert STEPS.partition == "ds"
