"""`uniscale sql` answers questions about the lake, and can neither change it nor reach beyond it."""

import csv
import io
import json
import sqlite3

import pytest
from support_sources import write_logs
from typer.testing import CliRunner

from uniscale.cli.main import app
from uniscale.config import load_settings
from uniscale.lake import Lake
from uniscale.sources.ingest import ingest_events


@pytest.fixture(scope="module")
def landed(tmp_path_factory):
    """Home of a lake with the small logs, next to files that are nobody's business."""
    folder = tmp_path_factory.mktemp("sql")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("UNISCALE_HOME", str(folder / "home"))
        settings = load_settings()
        lake = Lake(settings)
        ingest_events(settings, lake, write_logs(folder / "logs", "csv"))
        (folder / "secret.csv").write_text("a\n1\n")
        with sqlite3.connect(folder / "secret.db") as database:
            database.execute("create table t (a)")
        before = lake.snapshot_id(), sorted(folder.rglob("*"))
        yield
        assert (lake.snapshot_id(), sorted(folder.rglob("*"))) == before, "a query has changed something"


def ask(*words, text=None):
    return CliRunner().invoke(app, ["sql", *words], input=text)


def test_rows_come_as_json_csv_or_a_table(landed):
    query = "select request_id, query_text, requested_at, attributes from raw.requests order by request_id limit 2"
    found = json.loads(ask(query, "--json").stdout)
    assert found == json.loads(ask(query, "--format", "json").stdout)
    assert found[0] == {
        "request_id": "r1",
        "query_text": "lamp",
        "requested_at": "2026-01-05 10:00:00",
        "attributes": None,
    }
    rows = list(csv.reader(io.StringIO(ask(query, "--format", "csv").stdout)))
    assert rows == [
        ["request_id", "query_text", "requested_at", "attributes"],
        ["r1", "lamp", "2026-01-05 10:00:00", ""],
        ["r2", "", "2026-01-05 23:59:59", ""],
    ]
    assert "lamp" in ask(query).stdout


def test_every_kind_of_value_is_valid_json(landed):
    query = (
        "select 'nan'::double as nan, 1.5::decimal(9, 2) as price, date '2026-01-05' as day, '\\xFF'::blob as bytes, "
        "{'a': [1, null]} as nested, map {'k': 'v'} as map, interval 3 day as span, true as yes, 2::hugeint as big, "
        "1 as twice, 2 as twice"
    )
    (row,) = json.loads(ask(query, "--json").stdout, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert row == {
        "nan": "nan",
        "price": 1.5,
        "day": "2026-01-05",
        "bytes": "ff",
        "nested": {"a": [1, None]},
        "map": {"k": "v"},
        "span": "3 days, 0:00:00",
        "yes": True,
        "big": 2,
        "twice": 1,
        "twice_1": 2,
    }


def test_no_row_is_an_empty_document(landed):
    assert json.loads(ask("from raw.requests where false", "--json").stdout) == []
    assert ask("from raw.requests where false", "--format", "csv").stdout.startswith("ds,request_id,")


def test_a_table_is_cut_with_a_note_and_the_other_formats_are_whole(landed):
    done = ask("from range(200)")
    assert done.stdout.count("│") == 2 * 50
    assert "50 rows; there are more" in done.stderr
    assert len(ask("from range(200)", "--format", "csv").stdout.split()) == 201
    assert len(json.loads(ask("from range(200)", "--json", "--limit", "3").stdout)) == 3


@pytest.mark.parametrize(
    "query",
    [
        "show all tables",
        "describe raw.requests",
        "summarize raw.requests",
        "with few as (from raw.items) select count(*) from few;",
        "values (1)",
        "from lake.snapshots()",
        "from raw.requests at (version => 1)",
        "select unnest([1, 2]) -- with a comment",
        "show raw.requests",
        "explain select * from raw.requests",
        "/* how */\nexplain /* (format text) */ (format json) from raw.requests;",
        "EXPLAIN ANALYZE select count(*) from raw.requests",
        "explain (analyze, format json) from raw.requests",
        "pivot raw.requests on domain in ('search', 'feed') using count(*)",
        "pivot raw.requests on domain using count(*)",
        "with wide as (pivot raw.requests on domain using count(*) group by ds) from wide",
        "unpivot raw.candidates on request_id, item_id",
    ],
)
def test_what_only_reads_the_lake_is_answered(query, landed):
    done = ask(query, "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)


def test_a_query_can_come_from_standard_input(landed):
    assert ask("-", "--format", "csv", text="select\n1 as one").stdout == "one\n1\n"


REFUSED = {
    "insert into raw.items from raw.items": "INSERT is not run here",
    "delete from raw.items": "DELETE is not run here",
    "create temp table t as select 1": "CREATE is not run here",
    "copy (select 1) to 'out.csv'": "COPY is not run here",
    "explain analyze copy (select 1) to 'out.csv'": "COPY is not run here",
    "explain analyze delete from raw.items": "DELETE is not run here",
    "explain (analyze) delete from raw.items": "DELETE is not run here",
    "explain /* */ analyze delete from raw.items": "DELETE is not run here",
    "explain insert into raw.items from raw.items": "INSERT is not run here",
    "explain explain select 1": "syntax error",
    "explain select 1; drop table raw.items": "2 statements (EXPLAIN, DROP)",
    "explain from sqlite_scan('secret.db', 't')": "sqlite_scan() is not called here",
    "pivot (from sqlite_scan('secret.db', 't')) on a using count(*)": "sqlite_scan() is not called here",
    "pivot (from \"SQLITE_scan\" /* */ ('secret.db', 't')) on a using count(*)": "sqlite_scan() is not called here",
    "pivot 'secret.csv' on a using count(*)": "disabled by configuration",
    "pivot duckdb_databases on path using count(*)": "duckdb_databases() is not called here",
    "create table raw.wide as pivot raw.items on item_id using count(*)": "4 statements",
    "pivot raw.items on item_id using count(*); drop table raw.items": "3 statements (CREATE, SELECT, DROP)",
    "create temp table t as select 1; pivot raw.items on item_id using count(*)": "3 statements",
    "attach 'secret.db'": "ATTACH is not run here",
    "install httpfs": "LOAD is not run here",
    "set memory_limit = '1GB'": "SET is not run here",
    "call ducklake_cleanup_old_files('lake', cleanup_all => true)": "CALL is not run here",
    "from ducklake_cleanup_old_files('lake', cleanup_all => true)": "is not called here",
    "pragma database_list": "not a plain SELECT",
    "select 1; drop table raw.items": "2 statements (SELECT, DROP)",
    "": "0 statements (none)",
    "from read_csv('secret.csv')": "read_csv() is not called here",
    "from 'secret.csv'": "disabled by configuration",
    "from read_text('/etc/passwd')": "read_text() is not called here",
    "from glob('*')": "glob() is not called here",
    "from sqlite_scan('secret.db', 't')": "sqlite_scan() is not called here",
    "select (select count(*) from sqlite_scan('secret.db', 't'))": "sqlite_scan() is not called here",
    "with t as (from sqlite_scan('secret.db', 't')) from t": "sqlite_scan() is not called here",
    "describe from sqlite_scan('secret.db', 't')": "sqlite_scan() is not called here",
    "from query('drop table raw.items')": "query() is not called here",
    "from duckdb_databases": "duckdb_databases is not read here",
    "from duckdb_secrets()": "duckdb_secrets() is not called here",
    "from found": "Table with name found does not exist",
    "select nothing from raw.items": "Referenced column",
    "selec 1": "syntax error",
    "select cast(title as int) from raw.items": "Could not convert",
}


@pytest.mark.parametrize("query", REFUSED)
def test_what_writes_or_reaches_beyond_the_lake_is_refused(query, landed):
    found = [query]  # a Python variable, which DuckDB must not find
    done = ask(query, "--json")
    assert (done.exit_code, done.stdout) == (2, ""), found
    assert REFUSED[query] in " ".join(done.stderr.split())


def test_without_a_lake_it_says_so(settings):
    done = ask("select 1")
    assert done.exit_code == 2
    assert "there is no lake" in done.stderr
