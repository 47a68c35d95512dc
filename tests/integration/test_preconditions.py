"""A command that cannot do its work says so before Airflow, dbt, Ray or MLflow start, and makes nothing."""

import resource
import subprocess
import sys
from datetime import date

import pytest
from support_sources import DAY_1, DAY_2, write_logs
from typer.testing import CliRunner

from uniscale.checkout import PROJECT_ROOT
from uniscale.cli.main import app
from uniscale.lake import Lake
from uniscale.sources.ingest import ingest_events
from uniscale.sources.landing import refuse_unrunnable

NO_LAKE = "there is no lake at"
NO_EVENTS = "there are no events to run 2026-01-11 on; land them first: uniscale ingest events DIR"
EMPTY = {
    "day 2026-01-11": NO_EVENTS,
    "backfill 2026-01-11 2026-01-12": NO_EVENTS,
    "train --recipe hhsft_es3_xs --from 2026-01-05 --to 2026-01-11": NO_LAKE,
    "sweep 2026-01-11": NO_LAKE,
    "features get --service ranker_item_v2 --entity item_id=i7 --as-of 2026-01-07": NO_LAKE,
    "features get --service ranker_item_v2 --entity item_id=i7": "the online store is empty",
    "export champion --to graph": "no model has been trained",
    "report 2026-01-11": NO_LAKE,
    "replay 2026-01-11": NO_LAKE,
    "samples 2026-01-11": NO_LAKE,
    "unland 2026-01-11": NO_LAKE,
}


@pytest.fixture(autouse=True)
def nothing_starts(monkeypatch):
    def refuse(command, *_, **__):
        pytest.fail(f"{command} was started")

    monkeypatch.setattr(subprocess, "run", refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)


def say(words):
    done = CliRunner().invoke(app, words.split())
    return done.exit_code, " ".join(done.stderr.split())


@pytest.mark.parametrize("words", EMPTY)
def test_an_empty_installation_is_told_and_left_empty(words, settings):
    code, told = say(words)
    assert (code, EMPTY[words] in told) == (2, True), told
    assert not settings.home.exists()


def test_days_that_the_lake_lacks_are_told_with_those_it_has(settings, tmp_path):
    ingest_events(settings, Lake(settings), write_logs(tmp_path / "logs", "csv"))
    for words, sentence in {
        "day 2026-03-01": "no search requests on the training days 2026-02-23..2026-03-01",
        f"day {DAY_2}": "no search requests on the evaluation days 2026-01-07..2026-01-07",
        f"backfill {DAY_1} {DAY_2}": "no search requests on the evaluation days 2026-01-07..2026-01-07",
        f"train --recipe hhsft_es3_xs --from {DAY_1} --to {DAY_2}": "were never built; run: uniscale step frames",
        f"train --recipe hhsft_es3_xs --from {DAY_2} --to {DAY_1}": "give the earlier day first",
        f"sweep {DAY_1}": "were never built; run: uniscale step frames",
        f"samples {DAY_1}": f"there are no samples of {DAY_1}: run uniscale build {DAY_1}",
        "unland 2026-03-01": "nothing of 2026-03-01 has been landed; the lake holds 2 days, 2026-01-05..2026-01-06",
    }.items():
        code, told = say(words)
        assert (code, sentence in told) == (2, True), told
    code, told = say("day 2026-03-01")
    assert "the lake holds search requests of 2026-01-05..2026-01-06" in told
    assert not (settings.home / "airflow").exists()


def test_logs_that_wait_in_the_folder_are_as_good_as_landed(settings, tmp_path):
    settings.source.events_dir = write_logs(tmp_path / "logs", "csv")
    lake = Lake(settings)
    refuse_unrunnable(settings, lake, date.fromisoformat(DAY_1))
    with pytest.raises(ValueError, match=r"evaluation days 2026-01-07\.\.2026-01-07: .* 2026-01-05\.\.2026-01-06"):
        refuse_unrunnable(settings, lake, date.fromisoformat(DAY_2))
    with pytest.raises(ValueError, match="no requests up to 2026-01-02"):
        refuse_unrunnable(settings, lake, date(2026, 1, 1))
    assert not settings.home.exists()
    ingest_events(settings, lake, settings.source.events_dir)
    for day in (DAY_1, DAY_2):
        (settings.source.events_dir / "requests" / f"ds={day}" / "part-0.csv").unlink()
    refuse_unrunnable(settings, lake, date.fromisoformat(DAY_1))


def test_the_refusal_takes_less_than_two_seconds_of_processor_time(tmp_path, monkeypatch):
    monkeypatch.undo()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "uniscale", "day", "2026-01-11"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(PROJECT_ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (done.returncode, NO_EVENTS in done.stderr) == (2, True), done.stderr
    assert (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime) < 2
    assert not list(tmp_path.iterdir())
