"""The page "Map your own logs" does what it says: its code is run as it stands, and its numbers are those that come."""

import io
import re
import shlex
import subprocess
from contextlib import redirect_stdout
from pathlib import Path

import duckdb
import pytest
from support_sources import lake_rows
from typer.testing import CliRunner

from tests.support_lineage import at_home
from uniscale.cli.main import app
from uniscale.sources.ubi import ingest_ubi

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "map-your-logs.md").read_text()
LOGS = ("sql-logs", "pandas-logs")


def _blocks(kind):
    found = re.findall(rf"```{kind}\n(.*?)```", PAGE, flags=re.DOTALL)
    assert found
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which all code of the page has run, the rows that its queries gave, and what it printed."""
    folder = tmp_path_factory.mktemp("page")
    prepare, land = _blocks("bash")
    subprocess.run(["bash", "-ec", prepare.replace("UNISCALE", shlex.quote(str(ROOT)))], cwd=folder, check=True)
    assert land == "uniscale ingest events sql-logs\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        with duckdb.connect() as con:
            statements = [s for block in _blocks("sql") for s in duckdb.extract_statements(block)]
            results = [row for statement in statements for row in con.execute(statement).fetchall()]
        printed = io.StringIO()
        known = {}
        with redirect_stdout(printed):
            for block in _blocks("python"):
                exec(block, known)
    return folder, results, printed.getvalue()


@pytest.fixture(scope="module")
def landed(folder, tmp_path_factory):
    """What the command prints and the lake holds, by the folder that was landed."""
    found = {}
    for name in LOGS:
        with pytest.MonkeyPatch.context() as patch:
            _, lake = at_home(patch, tmp_path_factory.mktemp(name) / "home")
            done = CliRunner().invoke(app, ["ingest", "events", str(folder[0] / name)])
            assert done.exit_code == 0, done.stderr
            found[name] = done.stderr, lake_rows(lake)
    return found


def _words(text):
    return " ".join(re.sub(r"[│┃]", " ", text).split())


@pytest.mark.parametrize("name", LOGS)
def test_the_report_is_what_the_page_shows(landed, name):
    told = _words(landed[name][0])
    (block,) = _blocks("text")
    assert [line for line in block.splitlines() if line not in told] == []


def test_sql_and_pandas_give_the_same_tables(landed):
    (_, sql), (_, pandas) = (landed[name] for name in LOGS)
    assert {t: rows for t, rows in sql.items() if t != "quarantine"} == {
        t: rows for t, rows in pandas.items() if t != "quarantine"
    }
    assert len(sql["quarantine"]) == len(pandas["quarantine"]) == 67


def test_the_page_and_the_adapter_for_this_log_agree(landed, settings, lake):
    ingest_ubi(settings, lake, ROOT / "tests" / "fixtures" / "ubi" / "ubi.ndjson.gz")
    adapter, (_, page) = lake_rows(lake), landed["sql-logs"]
    for table in ("users", "requests", "candidates"):
        assert adapter[table] == page[table]
    without_id = [[(r[0], *r[2:]) for r in rows["actions"]] for rows in (adapter, page)]
    assert sorted(without_id[0]) == sorted(without_id[1])


@pytest.mark.parametrize(
    ("claim", "sql", "pandas"),
    [
        (
            "`impression`, `click`",
            ("ubi_events", "Chorus", "click", 227),
            "esci_ubi_sample  impression             1000",
        ),
        ("473, 284 and 291", (473, 284, 291), "473 284 291"),
        ("what it\ncannot read", (0,), "unreadable: 0"),
        ("`Chorus` counts from 1", ("Chorus", 1, 20, 999), "Chorus           1.0  20.0    999"),
        ("`esci_ubi_sample` from 0", ("esci_ubi_sample", 0, 4, 1000), "esci_ubi_sample  0.0   4.0   1000"),
        ("474 actions answer a logged query, and 82 of them", (474, 82), "474 actions, 82 outside of what was shown"),
    ],
)
def test_what_the_page_says_to_look_at_is_there(folder, claim, sql, pandas):
    assert claim in PAGE
    _, results, printed = folder
    assert sql in results and pandas in printed
