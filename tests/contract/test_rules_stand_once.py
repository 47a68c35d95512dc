"""A rule that SQL of several parts follows is written in one place, which dbt, ES3 and the encoder ask."""

import re

import duckdb
import pytest

from uniscale.checkout import PROJECT_ROOT
from uniscale.contracts.events import EVENT_TABLES
from uniscale.lake.macros import install_macros

MACROS = "uniscale/lake/macros.sql"
SOURCES = sorted(
    path
    for folder in ("uniscale", "dbt_project", "feature_repo", "ray_jobs", "monitoring")
    for path in (PROJECT_ROOT / folder).rglob("*")
    if path.suffix in (".py", ".sql", ".yml", ".yaml")
)
RULES = {
    "normalised query": (r"regexp_replace\(\s*lower\(", MACROS),
    "words": (r"\\p\{L\}", MACROS),
    "outside": (r"coalesce\(\s*(\w+\.|request_)domain,", MACROS),
    "value of an action": (r"coalesce\((\w+\.)?unit_price, 0\)", MACROS),
    "known version": (r"known_from order by valid_from", "dbt_project/macros/versions.sql"),
    "Wilson bound": (r"\bz \* z / ", MACROS),
    "quantile of the Wilson bound": (r"\b1\.28\d", "uniscale/contracts/marts.py"),
    "mark of synthetic requests": (r"~s\b", "uniscale/contracts/samples.py"),
}


def test_the_macros_are_defined_where_every_cursor_of_the_connection_finds_them():
    con = duckdb.connect()
    install_macros(con)
    con.execute("attach ':memory:' as lake; use lake")

    asked = "select memory.main.normalised_query(' Red\tSHOE '), memory.main.distinct_words('red Red')"
    assert con.cursor().execute(asked).fetchall() == [("red shoe", ["red"])]


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_stands_in_one_file(rule):
    pattern, home = RULES[rule]
    places = [
        str(path.relative_to(PROJECT_ROOT)) for path in SOURCES if re.search(pattern, path.read_text(encoding="utf-8"))
    ]
    assert places == [home]


LOG_READ_BY_SAMPLES = {
    "5_frequent_queries.sql": {"requests"},
    "0_older_lists.sql": {"candidates", "requests"},
    "4_outside.sql": {"candidates", "requests"},
    "5_own_queries.sql": {"actions", "candidates"},
    "5_past_searches.sql": {"requests"},
    "products.py": {"actions", "candidates", "requests"},
    "sequences.py": {"actions"},
    "sequences.sql": {"actions"},
}
"""Raw tables that ES3 reads, each for what no mart holds; the code says what that is."""


def test_the_samples_read_the_log_only_for_what_no_mart_holds():
    constants = {"ACTIONS_TABLE": "actions", "USERS": "users", "ITEMS": "items"}
    constants |= {"REQUESTS": "requests", "CANDIDATES": "candidates"}
    named = {table.qualified: table.name for table in EVENT_TABLES} | constants
    found = {}
    for path in sorted((PROJECT_ROOT / "uniscale" / "es3").rglob("*")):
        if path.suffix in (".py", ".sql"):
            code = re.sub(r"^from .* import .*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
            read = {table for name, table in named.items() if re.search(rf"\b{name}\b", code)}
            found |= {path.name: read} if read else {}
    assert found == LOG_READ_BY_SAMPLES
