"""A lake under load, on each kind of catalogue: commits queue, readers are never in the way, nothing is lost."""

import itertools
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import duckdb
import pytest

from uniscale.checkout import PROJECT_ROOT
from uniscale.config import load_settings
from uniscale.lake import Lake, LakeLockedError
from uniscale.lake.erasure import erase_deleted_rows

COMMITTER = """
import sys
from uniscale.config import load_settings
from uniscale.lake import Lake
first, last = map(int, sys.argv[1:])
lake = Lake(load_settings())
for number in range(first, last):
    table = "lake.t" if number % 2 else "lake.u"
    lake.commit(lambda con: con.execute(f"insert into {table} values (?)", [number]), str(number))
"""
ALONE = """
import sys
from uniscale.config import load_settings
from uniscale.lake import Lake
with Lake(load_settings()).alone():
    print("alone", flush=True)
    sys.stdin.read()
"""
names = (f"lake{number}" for number in itertools.count())


@pytest.fixture(params=["sqlite", "postgres"])
def lake(request, settings, monkeypatch):
    """A lake with two tables, which processes that are started find as well."""
    if request.param == "postgres":
        database = request.getfixturevalue("postgres")
        monkeypatch.setenv("UNISCALE_LAKE__CATALOG", f"postgres:{database(next(names))}")
    monkeypatch.setenv("PYTHONPATH", str(PROJECT_ROOT))
    monkeypatch.setenv("UNISCALE_LAKE__LOCK_TIMEOUT_SECONDS", "1")
    lake = Lake(load_settings())
    lake.commit(lambda con: con.execute("create table lake.t (a int); create table lake.u (a int)"), "tables")
    return lake


def add(lake, table, number, **options):
    lake.commit(lambda con: con.execute(f"insert into lake.{table} values (?)", [number]), "a row", **options)


def content(lake, table):
    with lake.read() as con:
        return [row[0] for row in con.execute(f"select a from lake.{table} order by a").fetchall()]


@contextmanager
def under_way(lake, rows=100_000):
    """A commit to ``t`` whose transaction is open, with files written, until the block ends."""
    is_open, go_on = threading.Event(), threading.Event()
    failed = []

    def work(con):
        con.execute(f"insert into lake.t select range from range({rows})")
        is_open.set()
        go_on.wait(30)

    def commit():
        try:
            lake.commit(work, "long")
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=commit)
    thread.start()
    assert is_open.wait(30)
    try:
        yield
    finally:
        go_on.set()
        thread.join()
    assert failed == []


def test_small_commits_of_several_processes_all_land(lake):
    spans = [(0, 8), (8, 16), (16, 24), (24, 32)]
    commands = [[sys.executable, "-c", COMMITTER, *map(str, span)] for span in spans]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for command in commands]
    assert [(process.wait(), process.stderr.read()) for process in running] == [(0, "")] * 4
    assert content(lake, "t") == list(range(1, 32, 2))
    assert content(lake, "u") == list(range(0, 32, 2))


def test_a_reader_during_an_open_commit_reads_at_once_what_was_there(lake):
    add(lake, "t", -1)
    with under_way(lake):
        start = time.monotonic()
        assert content(lake, "t") == [-1]
        assert time.monotonic() - start < 5
    assert len(content(lake, "t")) == 100_001


def test_a_writer_waits_for_its_turn_however_long_a_commit_takes(lake):
    with under_way(lake):
        other = threading.Thread(target=add, args=(lake, "u", 1))
        other.start()
        time.sleep(1.5)  # longer than a locked catalogue is retried
        assert other.is_alive()
    other.join()
    assert content(lake, "u") == [1]


def test_a_commit_that_is_being_prepared_keeps_nobody_waiting(lake):
    def prepare(con):
        con.execute("create temp table rows as select range as a from range(3)")
        add(lake, "t", 7)  # as another process would
        assert content(lake, "t") == [7]

    lake.commit(lambda con: con.execute("insert into lake.t select a from temp.rows"), "prepared", prepare=prepare)
    assert content(lake, "t") == [0, 1, 2, 7]


def test_a_prepared_commit_lets_others_commit_and_is_done_again_if_it_has_to_be(lake):
    tries = []

    def work(con):
        con.execute("insert into temp.rows values (5)")
        con.execute("insert into lake.t select a from temp.rows")
        if not tries:
            add(other, "u", 7)
        tries.append(1)

    other = Lake(load_settings())
    lake.commit(work, "prepared", prepare=lambda con: con.execute("create temp table rows as select 1 as a"))
    assert content(lake, "u") == [7]
    assert content(lake, "t") == [1, 5]
    assert len(tries) == (2 if lake.catalog.startswith("sqlite:") else 1)


def test_maintenance_waits_for_a_prepared_commit(lake):
    events = []
    is_open, go_on = threading.Event(), threading.Event()

    def work(con):
        con.execute("delete from lake.t")
        is_open.set()
        go_on.wait(30)
        events.append("committed")

    def commit():
        lake.commit(work, "prepared", prepare=lambda con: None)

    def maintain():
        lake.maintain(keep_days=0)
        events.append("maintained")

    add(lake, "t", 1)
    threads = [threading.Thread(target=target) for target in (commit, maintain)]
    threads[0].start()
    assert is_open.wait(30)
    threads[1].start()
    time.sleep(0.5)
    go_on.set()
    for thread in threads:
        thread.join()
    assert events == ["committed", "maintained"]
    assert content(lake, "t") == []


def test_retries_count_from_the_first_collision_and_start_from_what_was_prepared(lake):
    tries = []

    def work(con):
        con.execute("alter table temp.rows rename to taken; insert into temp.taken values (9)")
        con.execute("insert into lake.t select a from temp.taken")
        tries.append(1)
        if len(tries) == 1:
            time.sleep(1.2)  # longer than the bound of the retries
            raise duckdb.TransactionException("Transaction conflict")

    lake.commit(work, "once more", prepare=lambda con: con.execute("create temp table rows as select 1 as a"))
    assert len(tries) == 2
    assert content(lake, "t") == [1, 9]


def test_collisions_without_end_are_an_error_that_names_the_setting(lake):
    def work(con):
        raise duckdb.TransactionException("Transaction conflict")

    with pytest.raises(LakeLockedError, match=r"stayed so for 1 s: Transaction conflict.*lock_timeout_seconds"):
        lake.commit(work, "never")


def test_a_commit_inside_a_commit_is_refused_instead_of_waiting_for_itself(lake):
    with pytest.raises(RuntimeError, match="a commit inside a commit"):
        lake.commit(lambda con: add(lake, "u", 1), "outer")
    assert content(lake, "u") == []


def test_files_of_an_open_commit_are_never_taken_for_left_over(lake):
    add(lake, "t", -1)
    with under_way(lake):
        with pytest.raises(LakeLockedError, match=f"process {os.getpid()}"):
            erase_deleted_rows(lake)
        with pytest.raises(LakeLockedError, match=f"process {os.getpid()}"):
            lake.maintain(keep_days=0)
    assert len(content(lake, "t")) == 100_001


def test_left_over_files_are_deleted_once_they_are_a_day_old(lake, settings):
    with lake.read() as con:
        con.execute("select 1")
    folder = settings.home / "lake" / "data" / "main" / "t"
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: folder / f"{name}.parquet" for name in ("young", "old")}
    for file in files.values():
        duckdb.sql("select 1 as a").write_parquet(str(file))
    yesterday = time.time() - 25 * 3600
    os.utime(files["old"], (yesterday, yesterday))
    assert erase_deleted_rows(lake) == 1
    assert [name for name, file in files.items() if file.exists()] == ["young"]


def test_who_works_on_the_lake_keeps_other_processes_out(lake, tmp_path, monkeypatch):
    if lake.catalog.startswith("postgres:"):
        monkeypatch.setenv("UNISCALE_HOME", str(tmp_path / "home-of-another-host"))
    with subprocess.Popen(
        [sys.executable, "-c", ALONE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "alone\n"
        with pytest.raises(RuntimeError, match=f"another step .process {other.pid}"), lake.alone(wait_seconds=0.3):
            pass
        other.kill()
        other.wait()
        with lake.alone(wait_seconds=5):  # the lock goes with its process
            pass
