"""Every query that a page tells people to type reads tables and columns that there are."""

import re
import shlex

import duckdb
import pytest

from uniscale.checkout import PROJECT_ROOT
from uniscale.contracts.all_tables import TABLES
from uniscale.lake.macros import SEARCH_PATH, install_macros

PAGES = sorted((PROJECT_ROOT / "docs").rglob("*.md"))
TOLD = [
    (page.name, shlex.split(line)[2])
    for page in PAGES
    if page.parent.name != "reference"
    for line in re.findall(r'(?:^|`)(uniscale sql "[^"\n]+")', page.read_text(encoding="utf-8"), flags=re.MULTILINE)
]


@pytest.fixture(scope="module")
def lake():
    """An empty database with every table of the lake."""
    con = duckdb.connect()
    con.execute("attach ':memory:' as lake; use lake")
    install_macros(con)
    for table in TABLES:
        con.execute(f"create schema if not exists {table.schema}; {table.ddl()}")
    con.execute(f"set search_path = '{SEARCH_PATH}'")
    return con


def test_queries_were_found():
    assert {"auc-fell.md", "a-domain-drifts.md", "a-source-sends-garbage.md"} <= {page for page, _ in TOLD}


@pytest.mark.parametrize(("page", "query"), TOLD, ids=lambda value: str(value)[:40])
def test_a_told_query_can_be_run(lake, page, query):
    lake.execute(query)
