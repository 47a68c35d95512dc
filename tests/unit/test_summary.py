"""The card of a day: its shape, its warnings, and what `uniscale report` prints."""

import json
from datetime import date

import pytest
from support_evaluation import (
    METRIC_NAMES,
    decision_row,
    insert,
    metric_row,
    samples_built,
    step_row,
    write_finished_day,
)
from typer.testing import CliRunner

from uniscale.cli.main import app
from uniscale.contracts.outcomes import DECISIONS, METRICS, STEPS
from uniscale.pipeline.summary import day_summary

DS = date(2026, 1, 5)


def test_the_summary_has_the_promised_shape(lake):
    write_finished_day(lake, DS)
    summary = day_summary(lake, DS)
    assert summary["ds"] == "2026-01-05"
    assert summary["snapshot_id"] == 41
    assert summary["samples"] == {"exposed": 10, "unexposed": 20, "attributed": 3, "synthetic": 4}
    assert set(summary["models"]) == {"champion", "challenger"}
    for model in summary["models"].values():
        assert {"name", "params", "auc", "gauc", "hr_at_5", "gmv_proxy"} <= set(model)
        assert model["gauc"] == {"value": 0.6, "ci_low": pytest.approx(0.59), "ci_high": pytest.approx(0.61)}
    assert summary["models"]["challenger"]["name"] == "hhsft-xs"
    assert summary["decision"] == "kept"
    assert list(summary["stages"]) == ["land", "samples", "promote"]  # in the order of the day, not of the ledger
    assert summary["warnings"] == []
    json.dumps(summary)


def test_few_requests_are_warned_of(lake):
    write_finished_day(lake, DS, requests=47)
    assert day_summary(lake, DS)["warnings"] == [
        "only 47 evaluation requests carry a click: intervals are wide",
        "only 47 evaluation requests carry a purchase: intervals are wide",
    ]


def test_an_undefined_metric_is_null_and_said_so(lake):
    rows = [metric_row(DS, "champion", name) for name in METRIC_NAMES if name != "gmv_proxy"]
    insert(lake, METRICS, [*rows, metric_row(DS, "champion", "gmv_proxy", value=None, requests=0)])
    insert(lake, DECISIONS, [decision_row(DS, challenger="1")])
    insert(lake, STEPS, [step_row(DS, "samples", samples_built(1, 0, 0, 0))])
    summary = day_summary(lake, DS)
    assert summary["models"]["champion"]["gmv_proxy"] == {"value": None, "ci_low": None, "ci_high": None}
    assert summary["models"]["challenger"] is None
    assert "none of 900 evaluation requests carries a purchase" in summary["warnings"][0]
    assert "same version" in summary["warnings"][1]


def test_a_day_that_was_not_run_is_refused_with_the_command(lake):
    write_finished_day(lake, DS)
    with pytest.raises(ValueError, match=r"2026-01-06 has not been run.*uniscale day 2026-01-06"):
        day_summary(lake, date(2026, 1, 6))


def test_a_day_without_a_decision_names_the_steps_that_are_done(lake):
    insert(lake, STEPS, [step_row(DS, "marts"), step_row(DS, "land")])
    with pytest.raises(ValueError, match=r"steps done: land, marts\)"):
        day_summary(lake, DS)


def test_report_json_prints_exactly_one_document(lake):
    write_finished_day(lake, DS)
    done = CliRunner().invoke(app, ["report", "2026-01-05", "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout) == day_summary(lake, DS)


def test_report_shows_both_models_the_decision_and_the_page(lake):
    write_finished_day(lake, DS, reason="gauc is better by far, " * 8 + "and that is all")
    done = CliRunner().invoke(app, ["report", "2026-01-05"])
    assert done.exit_code == 0
    for part in (
        "kept",
        "that is all",
        "dlrm-xs v1",
        "hhsft-xs v2",
        "HR@5",
        "0.5900 to 0.6100",
        "synthetic",
        "uniscale step page",
    ):
        assert part in done.stdout


@pytest.mark.parametrize("words", [["report", "2026-01-05"], ["report", "2026-01-05", "--json"]])
def test_report_of_an_empty_installation_is_bad_input_and_prints_nothing_on_stdout(settings, words):
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "there is no lake" in done.stderr
