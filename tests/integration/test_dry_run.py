"""`uniscale ingest --dry-run` tells what the ingest would do, and leaves everything as it was."""

import json
import sqlite3
from pathlib import Path

import pytest
from support_sources import DAY_2, write_logs
from typer.testing import CliRunner

from uniscale.cli.main import app

FIXTURES = Path(__file__).parents[1] / "fixtures"


def invoke(*words):
    return CliRunner().invoke(app, ["ingest", *map(str, words)])


def told(*words):
    done = invoke(*words, "--json")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def state(home):
    """The catalogue's rows, and every other file of an installation but its locks."""
    with sqlite3.connect(home / "lake" / "catalog.sqlite") as catalogue:
        rows = list(catalogue.iterdump())
    kept = [path for path in sorted(home.rglob("*")) if not path.name.startswith("catalog.sqlite")]
    return rows, {path: path.read_bytes() for path in kept if path.is_file() and path.suffix != ".lock"}


def test_without_a_lake_none_is_made(settings, tmp_path):
    logs = write_logs(tmp_path / "logs", "csv")
    before = sorted(tmp_path.rglob("*"))
    dry = told("events", logs, "--dry-run")
    assert sorted(tmp_path.rglob("*")) == before
    real = told("events", logs)
    assert (dry.pop("dry_run"), real.pop("dry_run")) == (True, False)
    assert dry == real


def test_with_a_lake_it_is_as_before(settings, tmp_path):
    logs = write_logs(tmp_path / "logs", "csv")
    told("events", logs)
    path = logs / "actions" / f"ds={DAY_2}" / "part-0.csv"
    header, row = path.read_text().splitlines()
    path.write_text("\n".join([header, row.replace("a2", "a3").replace("purchase", "stolen"), row]) + "\n")
    before = state(settings.home)
    dry = told("events", logs, "--dry-run")
    assert state(settings.home) == before
    real = told("events", logs)
    assert dry["quarantined"]["rows"] == 1
    assert {**dry, "dry_run": False} == real
    assert state(settings.home) != before


def test_people_are_told_that_nothing_was_landed(settings, tmp_path):
    done = invoke("events", write_logs(tmp_path / "logs"), "--dry-run")
    assert done.exit_code == 0
    assert "dry run, nothing was landed; it would be events: 2 days, 2026-01-05..2026-01-06" in " ".join(
        done.stderr.split()
    )


def test_a_bad_file_is_refused_like_in_earnest(settings, tmp_path):
    logs = write_logs(tmp_path / "logs")
    (logs / "actions" / f"ds={DAY_2}" / "part-0.parquet").write_bytes(b"")
    dry, real = invoke("events", logs, "--dry-run"), invoke("events", logs)
    assert (dry.exit_code, dry.stderr) == (2, real.stderr)
    assert not (settings.home / "lake").exists() or not list((settings.home / "lake").rglob("*.parquet"))


@pytest.mark.parametrize(("name", "files"), [("expedia", "expedia"), ("ubi", "ubi/ubi.ndjson.gz")])
def test_a_data_set_is_rehearsed_too(name, files, settings, monkeypatch):
    monkeypatch.setenv("UNISCALE_DOMAINS", '["search"]')
    dry = told(name, FIXTURES / files, "--dry-run")
    assert dry["rows"]["requests"] > 0
    assert not settings.home.exists()
    real = told(name, FIXTURES / files)
    assert {**dry, "dry_run": False} == real
    before = state(settings.home)
    assert told(name, FIXTURES / files, "--dry-run") == dry
    assert state(settings.home) == before
