"""What maintenance lets go of next to the lake."""

import os
import time

import pytest

from uniscale.pipeline.prune import prune_files


@pytest.fixture
def home(settings):
    """Reports, runs and logs of an old day and of a new one."""
    for day, age_days in (("2026-01-06", 40), ("2026-02-10", 5)):
        for name in (
            f"reports/{day}/index.html",
            f"reports/{day}/drift-search.html",
            f"evidently/project/snapshots/{day}.json",
            f"sweeps/{day}/trials.csv",
            f"poison/{day}/key.parquet",
            f"poison/{day}/worth.json",
            f"runs/{day}/airflow.log",
            f"runs/{day}/progress.jsonl",
            f"airflow/logs/dag_id=d/run_id={day}/attempt=1.log",
        ):
            path = settings.home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("12345")
            os.utime(path, (time.time() - age_days * 86_400,) * 2)
        os.utime(settings.home / "sweeps" / day, (time.time() - age_days * 86_400,) * 2)
    (settings.home / "evidently" / "project" / "metadata.json").write_text("{}")
    return settings.home


def left(home):
    return sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file())


def test_what_is_old_goes_and_pages_numbers_and_all_that_is_young_stay(settings, home):
    freed = prune_files(settings, keep_days=30)
    kept = left(home)
    assert [name for name in kept if "2026-01-06" in name] == [
        "poison/2026-01-06/worth.json",
        "reports/2026-01-06/index.html",
        "runs/2026-01-06/progress.jsonl",
    ]
    assert len([name for name in kept if "2026-02-10" in name]) == 9
    assert "evidently/project/metadata.json" in kept
    assert freed["drift reports"] == freed["Evidently runs"] == 5


def test_pruning_twice_frees_nothing_more(settings, home):
    prune_files(settings, keep_days=30)
    before = left(home)
    assert sum(prune_files(settings, keep_days=30).values()) == 0
    assert left(home) == before
