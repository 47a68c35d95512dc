"""Models hold SQL that any engine reads; what only one engine writes is asked of a macro, which may be rewritten."""

import re

import pytest

from uniscale.checkout import PROJECT_ROOT

DBT = PROJECT_ROOT / "dbt_project"
MODELS = sorted((DBT / "models").rglob("*.sql"))
# What Spark, or standard SQL, does not read, or reads differently.
ONE_ENGINE_ONLY = {
    "asof join": r"\basof\b",
    "qualify": r"\bqualify\b",
    "group or order by all": r"\bby\s+all\b",
    "union by name": r"\bby\s+name\b",
    "named argument": r":=",
    "cast operator": r"::",
    "integer division": r"//",
    "lambda": r"->",
    "list or subscript": r"\[",
    "struct literal": r"\{",
    "list function": r"\b(list|array|len|unnest|generate_\w+|range)(_\w+)?\s*\(",
    "struct function": r"\b(struct_\w+|named_struct)\s*\(",
    "map function": r"\bmap\w*\s*\(",
    "time function": r"\b(date_diff|datediff|date_part|date_trunc|epoch\w*|strftime|strptime|to_\w+|make_\w+)\s*\(",
    "interval": r"\binterval\b",
    "regular expression": r"\b(regexp\w*|rlike)\b|~",
    "extreme by another column": r"\b(max_by|min_by|arg_max|arg_min)\s*\(",
    "sum in order": r"\b(sum|avg|string_agg|list)\s*\([^()]*\border\s+by\b",
    "hash": r"\b(hash|md5\w*)\s*\(",
    "text type without a length": r"\b(varchar|text|string)\b",
    "star with changes": r"\*\s*(exclude|replace|except)\b",
    "file": r"\b(read|write)_\w+\s*\(",
    "try": r"\b(try_cast|try)\s*\(",
    "null-safe comparison": r"\bis\s+(not\s+)?distinct\s+from\b",
}
EXAMPLES = {
    "asof join": "asof left join a on b = c",
    "qualify": "qualify row_number() over (order by a) = 1",
    "group or order by all": "group by all",
    "union by name": "union all by name",
    "named argument": "struct(a := b)",
    "cast operator": "a::integer",
    "integer division": "a // 2",
    "lambda": "x -> x + 1",
    "list or subscript": "a[1]",
    "struct literal": "select {'a': 1}",
    "list function": "list_sort(a)",
    "struct function": "struct_pack(a)",
    "map function": "map_entries(a)",
    "time function": "date_diff('day', a, b)",
    "interval": "a + interval 1 hour",
    "regular expression": "regexp_replace(a, 'b', 'c')",
    "extreme by another column": "max_by(a, b, 3)",
    "sum in order": "sum(a order by b)",
    "hash": "hash(a)",
    "text type without a length": "cast(a as varchar)",
    "star with changes": "select * exclude (a)",
    "file": "read_parquet('a')",
    "try": "try_cast(a as integer)",
    "null-safe comparison": "a is not distinct from b",
}


def plain_sql(text: str) -> str:
    """The SQL of a model without comments and Jinja: a macro's arguments are SQL, its name is not."""
    text = re.sub(r"\{#.*?#\}|\{%.*?%\}", " ", text, flags=re.DOTALL)
    arguments = [found for call in re.findall(r"\{\{(.*?)\}\}", text, flags=re.DOTALL) for found in literals(call)]
    text = re.sub(r"\{\{.*?\}\}", " ", text, flags=re.DOTALL)
    return "\n".join([re.sub(r"--.*", "", text), *arguments]).lower()


def literals(call: str) -> list[str]:
    return re.findall(r'"([^"]*)"', call)


def spoken(sql: str) -> list[str]:
    return [name for name, pattern in ONE_ENGINE_ONLY.items() if re.search(pattern, sql)]


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_a_model_holds_portable_sql_only(path):
    assert spoken(plain_sql(path.read_text(encoding="utf-8"))) == [], "ask for it by a macro of macros/dialect.sql"


@pytest.mark.parametrize("name", ONE_ENGINE_ONLY)
def test_the_scan_finds(name):
    assert name in spoken(plain_sql(EXAMPLES[name]))


def test_every_name_of_the_dialect_is_written_for_duckdb():
    names = set(re.findall(r"\{% macro (\w+)\(", (DBT / "macros" / "dialect.sql").read_text(encoding="utf-8")))
    folder = "".join(path.read_text(encoding="utf-8") for path in (DBT / "macros" / "duckdb").glob("*.sql"))

    assert names
    assert {f"duckdb__{name}" for name in names} == set(re.findall(r"\{% macro (\w+)\(", folder))


def test_macros_outside_the_folder_of_the_engine_are_portable_too():
    outside = list((DBT / "macros").glob("*.sql"))

    assert outside
    for path in outside:
        assert spoken(plain_sql(path.read_text(encoding="utf-8"))) == [], path.name
