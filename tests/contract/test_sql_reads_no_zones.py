"""No SQL of ours lets the engine turn text into a time with a zone, or guess types from text.

The engine's cast keeps the zone that one row names for the rows after it, and its guesses change identifiers.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("uniscale", "dbt_project", "dags", "monitoring", "ray_jobs", "feature_repo", "benchmarks")
FORBIDDEN = {
    "a cast to a time with a zone": r"(\bas|::)\s*(timestamptz|timestamp\s+with\s+time\s+zone)\b",
    "a literal with a zone": r"\b(timestamptz|timestamp\s+with\s+time\s+zone)\s*'",
    "a parser that keeps zones": r"\b(try_)?strptime\s*\([^)]*%[zZ]",
    "a reader that guesses types": r"\bread_(json|csv)_auto\b|\bread_(json|ndjson)(_objects)?\s*\(",
}


def _sources():
    paths = [path for folder in FOLDERS for kind in ("*.py", "*.sql") for path in (ROOT / folder).rglob(kind)]
    return [path for path in paths if not {"target", "dbt_packages"} & set(path.parts)]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_sql_of_ours_has(what):
    sources = _sources()
    assert len(sources) > 100
    found = [str(p.relative_to(ROOT)) for p in sources if re.search(FORBIDDEN[what], p.read_text(), re.IGNORECASE)]
    assert found == []


@pytest.mark.parametrize(
    ("what", "sql"),
    [
        ("a cast to a time with a zone", "select try_cast(x as timestamptz)"),
        ("a cast to a time with a zone", "select x::TIMESTAMP WITH TIME ZONE"),
        ("a literal with a zone", "where t > timestamptz '2026-01-05 10:00:00 EST'"),
        ("a parser that keeps zones", "select strptime(x, '%Y-%m-%d %Z')"),
        ("a reader that guesses types", "from read_json_auto('a.jsonl')"),
    ],
)
def test_the_pattern_finds(what, sql):
    assert re.search(FORBIDDEN[what], sql, re.IGNORECASE)
