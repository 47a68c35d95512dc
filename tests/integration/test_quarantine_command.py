"""`uniscale quarantine` shows every rejected row with its place, its fault and its text."""

import copy
import json

import pytest
from support_sources import DAY_1, DAY_2, LOGS, extended_logs, write_logs
from typer.testing import CliRunner

from uniscale.cli.main import app
from uniscale.lake import Lake
from uniscale.sources.ingest import ingest_events


def invoke(*words):
    return CliRunner().invoke(app, ["quarantine", *words])


def told(*words):
    done = invoke(*words, "--json")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def dirty(settings, tmp_path):
    """Two faults in one action of the first day, and an item without a price that can be read."""
    logs = extended_logs(num_rows=5)
    logs["actions"][DAY_1][3] |= {"action": "stolen [red]", "quantity": -1}
    logs["items"][DAY_1][4] |= {"price": -2.5}
    ingest_events(settings, Lake(settings), write_logs(tmp_path / "logs", "csv", logs))
    return settings


def test_every_fault_of_every_row_is_told_with_its_place_and_the_row_as_it_came(dirty):
    found = told()
    assert (found["num_rows"], found["num_reasons"], found["num_undated"]) == (2, 3, 0)
    places = [(one["table_name"], one["file"], one["row_number"], one["column_name"]) for one in found["reasons"]]
    assert places == [
        ("actions", f"actions/ds={DAY_1}/part-0.csv", 4, "action"),
        ("actions", f"actions/ds={DAY_1}/part-0.csv", 4, "quantity"),
        ("items", f"items/ds={DAY_1}/part-0.csv", 5, "price"),
    ]
    assert json.loads(found["reasons"][0]["row_json"])["action"] == "stolen [red]"
    assert [one["ds"] for one in found["reasons"]] == [DAY_1] * 3


def test_a_day_or_a_table_can_be_asked_for(dirty):
    assert told("--table", "items")["num_rows"] == told(DAY_1, "--table", "items")["num_rows"] == 1
    assert told(DAY_2) == {"num_rows": 0, "num_reasons": 0, "num_undated": 0, "reasons": []}


def test_people_see_a_table_and_how_many_are_left(dirty):
    done = invoke("--limit", "1")
    text = "".join(done.stdout.split())
    assert f"actions/ds={DAY_1}/part-0.csv,forraw.actions" in text
    assert "[red]" in text
    assert "and 2 more; --limit shows more of them, --json all" in done.stderr
    assert "no such row is in the quarantine" in invoke(DAY_2).stderr


def test_rows_without_a_day_are_counted_when_a_day_is_asked_for(settings, tmp_path):
    logs = {name: {"all": [row for rows in days.values() for row in rows]} for name, days in extended_logs(5).items()}
    logs["actions"]["all"][0]["recorded_at"] = "soon"
    folder = tmp_path / "whole"
    write_logs(tmp_path / "split", "csv", logs)
    folder.mkdir()
    for name in logs:
        (tmp_path / "split" / name / "ds=all" / "part-0.csv").rename(folder / f"{name}.csv")
    ingest_events(settings, Lake(settings), folder)
    assert [one["ds"] for one in told()["reasons"]] == [None]
    assert told(DAY_1) == {"num_rows": 0, "num_reasons": 0, "num_undated": 1, "reasons": []}
    assert "1 rows do not say their day" in invoke(DAY_1).stderr


def test_what_cannot_be_asked_for_is_said(settings, tmp_path):
    assert invoke().exit_code == 2
    assert "there is no lake" in invoke().stderr
    ingest_events(settings, Lake(settings), write_logs(tmp_path / "logs", "csv", copy.deepcopy(LOGS)))
    for words, sentence in {
        ("2026-02-01",): "nothing of 2026-02-01 has been landed; the lake holds 2 days, 2026-01-05..2026-01-06",
        ("--table", "raw.items"): "the tables are users, items, requests, candidates, actions",
        ("tomorrow",): "write it as YYYY-MM-DD",
    }.items():
        done = invoke(*words)
        assert done.exit_code == 2
        assert sentence in " ".join(done.stderr.replace("│", " ").split())
