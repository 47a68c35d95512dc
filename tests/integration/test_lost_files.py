"""A lake that lost a Parquet file is repaired by the commands that doctor names, on each kind of catalogue."""

import itertools
import json
import os
import random
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from tests.support_lineage import run_steps, small_log
from tests.support_sources import DAY_1, DAY_2, lake_rows, write_logs
from uniscale.checkout import PROJECT_ROOT
from uniscale.cli.main import app
from uniscale.config import load_settings
from uniscale.contracts.all_tables import TABLES
from uniscale.contracts.events import EVENT_TABLES, QUARANTINE, REQUESTS
from uniscale.contracts.forgotten import FORGOTTEN
from uniscale.contracts.outcomes import OUTCOME_TABLES, PARTITIONS, PREDICTIONS, STEPS
from uniscale.lake import Lake
from uniscale.lake.files import files_of
from uniscale.lake.lake import table_has
from uniscale.lake.lost import LostPart, find_lost, take_out
from uniscale.lake.stored import num_rows_by_day
from uniscale.pipeline.repair import can_be_made_again
from uniscale.sources.ingest import ingest_events

SIXTH = date(2026, 1, 6)
names = (f"lost{number}" for number in itertools.count())


@pytest.fixture(params=["sqlite", "postgres"])
def lake(request, settings, monkeypatch):
    """An empty lake on each kind of catalogue."""
    if request.param == "postgres":
        database = request.getfixturevalue("postgres")
        monkeypatch.setenv("UNISCALE_LAKE__CATALOG", f"postgres:{database(next(names))}")
    return Lake(load_settings())


@pytest.fixture
def landed(lake, tmp_path):
    """The lake with two days of logs in files."""
    ingest_events(load_settings(), lake, write_logs(tmp_path / "logs", "csv"))
    lake.maintain(30)
    return lake


def run(*words):
    return CliRunner().invoke(app, list(words))


def document(*words):
    done = run(*words, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def findings():
    done = run("doctor", "--json")
    found = {finding["what"]: finding for finding in json.loads(done.stdout)}
    assert done.exit_code == (0 if all(finding["ok"] for finding in found.values()) else 1)
    return found


def lose(lake, table, ds=None):
    """Delete a file that holds a day of a table; returns its path."""
    with lake.read() as con:
        held = [file for file in files_of(lake, con) if file.is_current and file.num_rows]
    path = next(file.path for file in held if file.table == table and (ds is None or str(file.day) == str(ds)))
    Path(path).unlink()
    return path


def test_a_day_of_the_log_is_taken_out_and_landed_again(landed, settings, tmp_path):
    before = lake_rows(landed)
    path = lose(landed, "raw.candidates", DAY_2)
    found = findings()
    assert not found["lake"]["ok"] and "1 are lost (1 of raw.candidates)" in found["lake"]["found"]
    told = found[f"raw.candidates of {DAY_2}"]
    assert told["found"] == f"{path} is not there"
    assert told["remedy"] == f"uniscale unland {DAY_2}, then land the day again: uniscale ingest events PATH"

    shown = CliRunner().invoke(app, ["unland", DAY_2], input="n\n")
    assert (shown.exit_code, f"lost: {path} is not there" in shown.stderr) == (1, True)
    gone = document("unland", DAY_2, "--yes")
    assert gone["rows"] == {"raw.requests": 1, "raw.candidates": 2, "raw.actions": 1}
    assert gone["lost_files"] == [path]
    assert lake_rows(landed) == {name: [row for row in rows if str(row[0]) != DAY_2] for name, rows in before.items()}
    ingest_events(load_settings(), landed, tmp_path / "logs")
    assert lake_rows(landed) == before
    assert findings()["lake"]["ok"]


def test_another_lost_day_is_not_in_the_way_and_stays_lost(landed, tmp_path):
    before = lake_rows(landed)
    lose(landed, "raw.candidates", DAY_1)
    lose(landed, "raw.candidates", DAY_2)
    document("unland", DAY_2, "--yes")
    assert {what for what, finding in findings().items() if not finding["ok"]} == {
        "lake",
        f"raw.candidates of {DAY_1}",
    }
    document("unland", DAY_1, "--yes")
    ingest_events(load_settings(), landed, tmp_path / "logs")
    assert lake_rows(landed) == before
    assert findings()["lake"]["ok"]


def test_maintenance_passes_over_what_was_taken_out_and_drops_it_with_its_past(landed, settings, tmp_path):
    lose(landed, "raw.candidates", DAY_2)
    document("unland", DAY_2, "--yes")
    ingest_events(load_settings(), landed, tmp_path / "logs")
    before = lake_rows(landed)

    assert run("maintain").exit_code == 0
    found = findings()["lake"]
    assert found["ok"] and "all can be read but 1 of the past, which were taken out" in found["found"]
    assert run("maintain", "--keep-days", "0").exit_code == 0
    assert findings()["lake"]["found"].endswith("all can be read")
    assert lake_rows(landed) == before


def twins(con):
    """Two tables of the same three days, in files and, of the second day, in the catalogue too."""
    con.execute("create schema lake.raw")
    for name in ("one", "other"):
        con.execute(f"create table lake.raw.{name} (ds date, x integer)")
        con.execute(f"alter table lake.raw.{name} set partitioned by (ds)")
        con.execute(f"insert into lake.raw.{name} select date '2026-01-01' + i::int % 3, i from range(300) r(i)")


def recorded(con, name):
    """What the catalogue says of a table and of the newest snapshot, but for numbers that are given once."""
    meta = "__ducklake_metadata_lake"
    ((table_id,),) = con.execute(f"select table_id from {meta}.ducklake_table where table_name = ?", [name]).fetchall()
    found = [
        con.execute(f"select {what} from {meta}.{table} where {which} order by all").fetchall()
        for what, table, which in (
            ("row_id_start, record_count, end_snapshot is null", "ducklake_data_file", f"table_id = {table_id}"),
            ("delete_count, end_snapshot is null", "ducklake_delete_file", f"table_id = {table_id}"),
            ("record_count, next_row_id, file_size_bytes", "ducklake_table_stats", f"table_id = {table_id}"),
            ("schema_version, next_catalog_id, next_file_id", "ducklake_snapshot", "true qualify row_number() over "
             "(order by snapshot_id desc) = 1"),
        )
    ]  # fmt: skip
    ((changes,),) = con.execute(
        "select changes from ducklake_snapshots('lake') order by snapshot_id desc limit 1"
    ).fetchall()
    return found, changes == {"tables_deleted_from": [str(table_id)]}


def test_taking_out_is_recorded_as_ducklake_records_that_all_rows_of_a_file_were_deleted(lake):
    lake.commit(twins, "twins")
    lake.commit(lambda con: con.execute("delete from lake.raw.one where ds = date '2026-01-02'"), "by DuckLake")
    with lake.read() as con:
        expected, is_deletion = recorded(con, "one")
    assert is_deletion

    lose(lake, "raw.other", "2026-01-02")
    with lake.read() as con:
        take_out(lake, find_lost(lake, con))
    with lake.read() as con:
        assert recorded(con, "other") == (expected, True)
        ((committed_at, message),) = con.execute(
            "select snapshot_time, commit_message from ducklake_snapshots('lake') order by snapshot_id desc limit 1"
        ).fetchall()
    assert message == "lost: raw.other of 2026-01-02"
    assert committed_at.tzinfo is not None


def test_rows_of_a_day_are_told_by_the_catalogue_as_a_query_counts_them(lake):
    draw = random.Random(3)
    columns = ("ds", "request_id", "user_id", "domain", "requested_at")
    names = itertools.count()

    def change(con):
        day = f"date '2026-01-0{draw.randint(1, 4)}'"
        number = draw.choice([1, 5, 200])
        kind = draw.choice(["insert", "insert", "delete", "empty"])
        if kind == "insert":
            Lake.create(con, REQUESTS)
            con.execute(
                f"insert into lake.raw.requests ({', '.join(columns)}) "
                f"select {day}, '{next(names)}-' || i, 'u', 'd', {day} from range({number}) r(i)"
            )
        elif table_has(con, REQUESTS):
            some = "true" if kind == "empty" else f"hash(request_id) % {draw.choice([2, 50])} = 0"
            con.execute(f"delete from lake.raw.requests where ds = {day} and {some}")

    seen = set()
    for turn in range(24):
        lake.commit(change, "a change")
        if turn % 9 == 8:
            lake.maintain(30)
        with lake.read() as con:
            if not table_has(con, REQUESTS):
                continue
            counted = con.execute("select ds, count(*) from lake.raw.requests group by ds").fetchall()
            assert num_rows_by_day(con, REQUESTS) == dict(counted), f"turn {turn}"
            seen |= set(counted)
    assert len(seen) > 10


def test_of_a_lost_day_nothing_stays_and_of_other_days_everything(lake):
    lake.commit(twins, "twins")
    add = "insert into lake.raw.one select date '2026-01-02', i from range(300, {}) r(i)"
    lake.commit(lambda con: con.execute(add.format(600)), "a second file")
    lake.commit(lambda con: con.execute("delete from lake.raw.one where x % 2 = 0 and x < 250"), "deletes in a file")
    lake.commit(lambda con: con.execute("delete from lake.raw.one where x = 301"), "a delete in the catalogue")
    lake.commit(lambda con: con.execute(add.format(302)), "rows in the catalogue")
    before = rows_but(lake, "2026-01-02")
    assert len(before) > 100

    lose(lake, "raw.one", "2026-01-02")
    with lake.read() as con:
        (part,) = find_lost(lake, con)
    take_out(lake, [part])
    snapshot = lake.snapshot_id()
    with lake.read() as con:
        assert con.execute("select count(*) from lake.raw.one where ds = date '2026-01-02'").fetchall() == [(0,)]
        assert find_lost(lake, con) == []
    assert rows_but(lake, "2026-01-02") == before
    take_out(lake, [part])
    assert lake.snapshot_id() == snapshot, "what was taken out already stays as it is"
    lake.maintain(30)
    lake.maintain(0)
    assert rows_but(lake, "2026-01-02") == before


def rows_but(lake, ds):
    with lake.read() as con:
        return con.execute(f"from lake.raw.one where ds != date '{ds}' order by all").fetchall()


def test_a_lost_file_of_deletes_takes_its_day_with_it(lake):
    lake.commit(twins, "twins")
    lake.commit(lambda con: con.execute("delete from lake.raw.one where x % 2 = 0"), "deletes in files")
    with lake.read() as con:
        path = next(
            file.path for file in files_of(lake, con) if "delete" in file.path and str(file.day) == "2026-01-03"
        )
    Path(path).unlink()
    with lake.read() as con:
        (part,) = find_lost(lake, con)
        assert (part.name, part.faults[0].file.path) == ("raw.one of 2026-01-03", path)
    take_out(lake, [part])
    with lake.read() as con:
        days = con.execute("select distinct ds::varchar from lake.raw.one order by all").fetchall()
    assert days == [("2026-01-01",), ("2026-01-02",)]


KILLED = """
import os, signal, sys
from uniscale.checkout import PROJECT_ROOT
from uniscale.cli.main import app
from uniscale.lake import lost
end_part = lost._end_part
def killed(con, part, snapshot_id):
    if part.table == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
    return end_part(con, part, snapshot_id)
lost._end_part = killed
app(["unland", sys.argv[1], "--yes"])
"""


@pytest.mark.parametrize("last", ["raw.candidates", "raw.requests"], ids=["before it ends any", "halfway"])
def test_killed_before_it_ends_the_same_command_finishes_the_work(landed, last, tmp_path):
    before = lake_rows(landed)
    lose(landed, "raw.candidates", DAY_2)
    lose(landed, "raw.requests", DAY_2)
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
    done = subprocess.run([sys.executable, "-c", KILLED, DAY_2, last], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    with landed.read() as con:
        assert [part.name for part in find_lost(landed, con)] == [
            f"raw.candidates of {DAY_2}",
            f"raw.requests of {DAY_2}",
        ]
    told = run("sql", f"select count(request_id) from raw.requests where ds = '{DAY_2}'")
    assert told.exit_code == 1 and "uniscale doctor says" in told.stderr, "nobody reads a part of the day"
    assert findings()[f"raw.candidates of {DAY_2}"]["remedy"].startswith(f"uniscale unland {DAY_2}")

    assert document("unland", DAY_2, "--yes")["rows"] == {"raw.requests": 1, "raw.candidates": 2}
    ingest_events(load_settings(), landed, tmp_path / "logs")
    assert lake_rows(landed) == before
    assert findings()["lake"]["ok"]


def test_nothing_is_taken_out_while_the_disk_may_be_away(landed, monkeypatch, tmp_path):
    lose(landed, "raw.candidates", DAY_2)
    before = landed.snapshot_id()
    data = Path(landed.data_path)
    data.rename(tmp_path / "unmounted")
    for words in (("unland", DAY_2, "--yes"), ("repair", "--yes")):
        done = run(*words)
        assert done.exit_code == 1 and "is its disk mounted?" in done.stderr
    assert "is its disk mounted?" in findings()["lake"]["remedy"]

    def fail(path):
        raise OSError(5, "Input/output error")

    (tmp_path / "unmounted").rename(data)
    monkeypatch.setattr(parquet, "read_metadata", fail)
    done = run("unland", DAY_1, "--yes")
    assert done.exit_code == 1 and "Input/output error; it may be there all the same" in done.stderr
    assert landed.snapshot_id() == before


def content(lake):
    """Every row of every table that a run makes or reads, but for the books."""
    with lake.read() as con:
        return {
            table.qualified: sorted(map(repr, con.execute(f"from lake.{table.qualified}").fetchall()))
            for table in TABLES
            if table not in OUTCOME_TABLES and table_has(con, table)
        }


@pytest.fixture
def built(installation):
    """An installation that has run the steps of a day, all of it in files."""
    settings, lake = installation
    lake.maintain(30)
    return settings, lake


@pytest.mark.parametrize(
    ("step", "tables"),
    [
        ("marts", ("marts.fct_attributions", "features.item_features")),
        ("samples", ("es3.sequences", "es3.outside_clicks")),
        ("frames", ("ml.frames",)),
    ],
    ids=["marts", "samples", "frames"],
)
def test_days_of_derived_tables_are_taken_out_and_their_step_makes_them_again(built, step, tables):
    _, lake = built
    before = content(lake)
    for table in tables:
        lose(lake, table)
    told = [finding for finding in findings().values() if finding["what"].startswith(tuple(f"{t} of " for t in tables))]
    assert [finding["remedy"] for finding in told] == ["uniscale repair"] * len(tables)

    answer = document("repair", "--yes")
    assert (sorted(answer["taken_out"]), answer["left"]) == (sorted(finding["what"] for finding in told), [])
    assert findings()["lake"]["ok"]
    left = content(lake)
    assert {name for name in before if left[name] != before[name]} == set(tables)
    assert all(set(left[table]) < set(before[table]) for table in tables)
    done = run_steps("land", "marts", "samples", "frames")
    assert done == {name: name == step for name in done}
    assert content(lake) == before
    assert run_steps("marts", "samples", "frames") == {"marts": False, "samples": False, "frames": False}


def test_what_is_not_lost_or_comes_from_the_log_stays(built):
    _, lake = built
    before = content(lake)
    snapshot = lake.snapshot_id()
    assert document("repair", "--yes") == {"taken_out": [], "left": []}
    lose(lake, "raw.candidates", SIXTH)
    done = run("repair", "--yes", "--json")
    assert (done.exit_code, json.loads(done.stdout)) == (1, {"taken_out": [], "left": ["raw.candidates of 2026-01-06"]})
    done = run("repair")
    assert (done.exit_code, "uniscale doctor says what to do" in done.stderr) == (1, True)
    assert lake.snapshot_id() == snapshot
    lose(lake, "marts.fct_exposures", SIXTH)
    assert CliRunner().invoke(app, ["repair"], input="n\n").exit_code == 1
    assert lake.snapshot_id() == snapshot
    assert run("repair", "--json").exit_code == 2

    document("unland", SIXTH.isoformat(), "--yes")
    assert findings()["lake"]["ok"]
    small_log().land(lake)
    run_steps("land", "marts", "samples", "frames")
    assert content(lake) == before


def test_lost_notes_and_rejected_rows_are_let_go_before_days_can_be(built):
    _, lake = built
    for table in (PARTITIONS, STEPS, PREDICTIONS, QUARANTINE):
        lose(lake, table.qualified)
    done = run("unland", SIXTH.isoformat(), "--yes")
    assert done.exit_code == 1 and "run first: uniscale repair" in done.stderr
    assert {finding["remedy"] for what, finding in findings().items() if not finding["ok"] and what != "lake"} == {
        "uniscale repair"
    }

    assert len(document("repair", "--yes")["taken_out"]) == 4
    assert findings()["lake"]["ok"]
    before = content(lake)
    assert all(run_steps("land", "marts", "samples", "frames").values())
    assert content(lake) == before


def test_the_list_of_forgotten_users_comes_back_from_a_backup_only(built):
    _, lake = built
    lake.commit(lambda con: Lake.create(con, FORGOTTEN), "nobody is forgotten")
    add = f"insert into lake.{FORGOTTEN.qualified} select i::varchar, now(), null, 1, [] from range(300) r(i)"
    lake.commit(lambda con: con.execute(add), "forgotten users")
    lose(lake, FORGOTTEN.qualified)
    found = findings()[FORGOTTEN.qualified]
    assert "UNISCALE_HOME" in found["remedy"] and "backup" in findings()["lake"]["remedy"]
    done = run("repair", "--yes", "--json")
    assert (done.exit_code, json.loads(done.stdout)["left"]) == (1, [FORGOTTEN.qualified])


def test_of_every_table_it_is_known_how_it_comes_back():
    unknown = {table for table in TABLES if not can_be_made_again(LostPart(table=table.qualified, day=None, faults=()))}
    assert unknown == {*EVENT_TABLES, FORGOTTEN}
