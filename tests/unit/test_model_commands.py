"""`uniscale train` and `sweep`: bad input, one JSON document, a readable line."""

import json

import pytest
from typer.testing import CliRunner

from uniscale.cli import models
from uniscale.cli.main import app

TRIAL = {
    "name": "hhsft_es3_xs share 0",
    "num_params": 1_210_924,
    "num_rows": 97_223,
    "num_steps": 554,
    "passes": 2.0,
    "auc": 0.75016,
    "gauc": None,
    "hr_at_5": 0.8718,
    "seconds": 54.6,
}


@pytest.fixture
def asked(monkeypatch):
    """What entry points are asked to do; they answer as the real ones do."""
    calls = []

    def run(module, arguments):
        calls.append((module, arguments))
        if module == "ray_jobs.tune":
            return {"ds": "2026-01-11", "trials": [TRIAL], "table": "t.csv", "plot": "p.png"}
        return {"model": {"version": "4", "reused": False, "seconds": 12.5}}

    monkeypatch.setattr(models, "_run", run)
    monkeypatch.setattr(models, "require_frames", lambda *_: None)  # there is no lake here
    return calls


def test_train_passes_days_on_and_tells_the_version(asked):
    words = ["train", "--recipe", "dlrm_exposed_xs", "--from", "2026-01-05", "--to", "2026-01-06"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "version 4" in done.stdout
    CliRunner().invoke(app, [*words, "--alias", "champion"])
    plain = ["--recipe", "dlrm_exposed_xs", "--from", "2026-01-05", "--to", "2026-01-06"]
    assert asked == [("ray_jobs.train", plain), ("ray_jobs.train", [*plain, "--alias", "champion"])]


def test_json_output_is_one_document(asked):
    words = ["train", "--recipe", "dlrm_exposed_xs", "--from", "2026-01-05", "--to", "2026-01-06", "--json"]
    assert json.loads(CliRunner().invoke(app, words).stdout)["model"]["version"] == "4"
    assert json.loads(CliRunner().invoke(app, ["sweep", "2026-01-11", "--json"]).stdout)["trials"] == [TRIAL]


def test_a_sweep_shows_a_table_in_which_an_undefined_metric_is_a_dash(asked):
    shown = CliRunner().invoke(app, ["sweep", "2026-01-11", "--widths", "xs", "--shares", "0", "--epochs", "1"]).stdout
    assert asked[0][1] == [
        "--ds",
        "2026-01-11",
        "--models",
        "hhsft",
        "--widths",
        "xs",
        "--data",
        "es3",
        "--shares",
        "0",
        "--epochs",
        "1",
    ]
    row = next(line for line in shown.splitlines() if "hhsft_es3_xs share 0" in line)
    figures = ["1,210,924", "97,223", "554", "2.00", "0.7502", "-", "0.8718", "55"]
    assert row.split() == ["hhsft_es3_xs", "share", "0", *figures]


@pytest.mark.parametrize(
    "words",
    [
        ["train", "--recipe", "dlrm_exposed_xs", "--from", "soon", "--to", "2026-01-06"],
        ["evaluate", "someday"],
        ["promote", "2026-02-30"],
        ["sweep", "never"],
    ],
)
def test_a_day_that_is_none_is_bad_input(asked, words):
    assert CliRunner().invoke(app, words).exit_code == 2
    assert asked == []
