"""A result counts as made by other code exactly when code changed that it comes from."""

import subprocess
import sys
from pathlib import Path

import pytest

from uniscale.checkout import PROJECT_ROOT
from uniscale.contracts.code import CODE, code_of, files_of
from uniscale.pipeline.steps import DAY_STEPS

MODULES = sorted({part for parts in CODE.values() for part in parts if not part.endswith("/")})


def results_of(path):
    """Names of the results that a file of the checkout counts for."""
    file = PROJECT_ROOT / path
    assert file.is_file()
    return {result for result, parts in CODE.items() if any(file in files_of(part) for part in parts)}


def test_every_step_and_the_ranker_say_what_they_come_from():
    assert set(CODE) == {step.name for step in DAY_STEPS} | {"ranker"}


@pytest.mark.parametrize("module", MODULES)
def test_all_of_ours_that_a_module_brings_in_counts(module):
    listed = "print(*(m.__file__ for m in sys.modules.values() if getattr(m, '__file__', None)), sep=chr(10))"
    code = f"import sys, {module}; {listed}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT_ROOT)
    ours = {Path(line) for line in done.stdout.splitlines() if line.startswith(f"{PROJECT_ROOT}/")}
    ours = {path for path in ours if ".venv" not in path.parts}
    assert len(ours) > 5
    assert ours <= files_of(module)


@pytest.mark.parametrize(
    ("path", "results"),
    [
        ("monitoring/templates/day.html", {"monitor", "page"}),
        ("uniscale/cli/reports.py", set()),
        ("uniscale/cli/main.py", set()),
        ("dags/daily_retraining.py", set()),
        ("uniscale/es3/sql/3_labels.sql", {"samples", "monitor", "page"}),
        ("dbt_project/models/marts/fct_exposures.sql", {"marts"}),
        ("uniscale/models/wukong.py", {"ranker", "train", "evaluate", "promote", "monitor"}),
        ("uniscale/decision/gate.py", {"evaluate", "promote"}),
        ("uniscale/sources/ubi.py", set()),
    ],
)
def test_a_file_counts_for_what_comes_from_it_and_for_nothing_else(path, results):
    assert results_of(path) == results


def test_what_all_read_counts_for_all():
    assert results_of("uniscale/lake/lake.py") == set(CODE)
    assert results_of("uniscale/lake/macros.sql") == set(CODE)


def test_a_changed_file_changes_the_code_of_its_results_alone(monkeypatch):
    changed = PROJECT_ROOT / "uniscale" / "es3" / "sql" / "3_labels.sql"
    before = {result: code_of(result) for result in CODE}
    read = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read(path) + (b" " if path == changed else b""))
    code_of.cache_clear()
    try:
        assert {result for result in CODE if code_of(result) != before[result]} == results_of(
            "uniscale/es3/sql/3_labels.sql"
        )
    finally:
        code_of.cache_clear()


def test_a_module_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"no module is called 'uniscale\.es3\.bild'"):
        files_of("uniscale.es3.bild")
