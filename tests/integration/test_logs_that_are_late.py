"""Which logs a run waits for, and how it hears that they will never come."""

from datetime import date

import pytest
from typer.testing import CliRunner

from uniscale.cli.main import app
from uniscale.config import load_settings
from uniscale.lake import Lake
from uniscale.sources.awaited import awaited

DAYS = ("2026-01-06", "2026-01-07", "2026-01-08")


@pytest.fixture
def events(tmp_path, monkeypatch):
    """A folder with three days of requests, candidates and actions."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNISCALE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("UNISCALE_SOURCE__EVENTS_DIR", str(tmp_path / "events"))
    for table in ("requests", "candidates", "actions"):
        for day in DAYS:
            come(tmp_path / "events", table, day)
    return tmp_path / "events"


def come(events, table, day):
    folder = events / table / f"ds={day}"
    folder.mkdir(parents=True)
    (folder / "part.csv").write_text("request_id\n")


def ready(*words):
    return CliRunner().invoke(app, ["ready", *words])


def test_a_run_waits_for_its_day_and_its_test_day_and_the_night_for_its_day_alone(events):
    assert ready("2026-01-07").exit_code == 0
    late = ready("2026-01-08")
    assert (late.exit_code, late.stderr.strip()) == (
        75,
        "not yet there: requests of 2026-01-09, candidates of 2026-01-09, actions of 2026-01-09",
    )
    assert ready("2026-01-08", "--features").exit_code == 0


def test_one_table_of_a_day_that_is_late_is_named_and_an_empty_file_ends_the_wait(events):
    (events / "actions" / "ds=2026-01-08" / "part.csv").unlink()
    late = ready("2026-01-07")
    assert (late.exit_code, late.stderr.strip()) == (75, "not yet there: actions of 2026-01-08")
    (events / "actions" / "ds=2026-01-08" / "none.csv").write_text("request_id\n")
    assert ready("2026-01-07").exit_code == 0


def test_a_table_that_the_shop_does_not_log_at_all_is_not_waited_for(events):
    for day in DAYS:
        (events / "candidates" / f"ds={day}" / "part.csv").unlink()
    assert ready("2026-01-07").exit_code == 0


def test_a_folder_that_is_not_there_is_bad_input_not_something_to_wait_for(events, monkeypatch):
    monkeypatch.setenv("UNISCALE_SOURCE__EVENTS_DIR", str(events / "nowhere"))
    assert ready("2026-01-07").exit_code == 2


def test_without_a_folder_a_run_waits_for_what_is_landed_by_hand(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNISCALE_HOME", str(tmp_path / "home"))
    settings = load_settings()
    assert awaited(settings, Lake(settings), [date(2026, 1, 7)]) == ["requests of 2026-01-07"]
