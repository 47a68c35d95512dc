"""A sweep on Ray Tune: trials judged on the test days, kept in MLflow, and never done twice."""

import csv
import os
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from support_frames import DS, random_frames, write_frames

import ray_jobs.tune
from ray_jobs.tune import sweep
from uniscale.evaluation.trial import judge_trial
from uniscale.lake import Lake
from uniscale.recipes.catalogue import get_recipe
from uniscale.recipes.job import build_trainer, give_level, plan_job


@pytest.fixture
def shop(settings, lake, monkeypatch):
    test_day = DS + timedelta(days=1)
    write_frames(lake, [random_frames(60), random_frames(40, ds=test_day, split="eval", domains=("search",))])
    settings.window.train_days = 1
    before = dict(os.environ)
    yield settings
    os.environ.clear()
    os.environ.update(before)


def by_hand(settings, *, has_level):
    """Log loss of what the sweep's second trial trains, with or without its level."""
    recipe = get_recipe("hhsft_es3_xs")
    job = plan_job(settings, Lake(settings), replace(recipe, train=replace(recipe.train, epochs=1)), [DS], "sweep")
    trainer = build_trainer(settings, job)
    trainer.run()
    if has_level:
        give_level(settings, job, trainer.model)
    return judge_trial(settings, trainer.model, DS)["log_loss"]


def test_a_sweep_compares_sizes_and_shares_and_goes_on_where_it_stopped(shop, monkeypatch):
    details = sweep(shop, DS, ["xs"], [0.0, 1.0], epochs=1)
    exposed, es3 = details["trials"]
    assert (exposed["share"], es3["share"]) == (0.0, 1.0)
    assert {trial["data"] for trial in (exposed, es3)} == {"es3"}
    assert exposed["num_rows"] < es3["num_rows"]
    assert exposed["num_params"] == es3["num_params"]
    assert all(0 <= trial["auc"] <= 1 and trial["seconds"] > 0 for trial in details["trials"])
    rows = list(csv.DictReader(Path(details["table"]).read_text(encoding="utf-8").splitlines()))
    assert [row["name"] for row in rows] == ["hhsft_es3_xs share 0", "hhsft_es3_xs share 1"]
    assert len({row["run_id"] for row in rows}) == 2
    assert es3["log_loss"] == pytest.approx(by_hand(shop, has_level=True), rel=1e-3)
    assert es3["log_loss"] != pytest.approx(by_hand(shop, has_level=False), rel=1e-2)
    assert Path(details["plot"]).read_bytes().startswith(b"\x89PNG")

    @contextmanager
    def no_session(settings, num_cpus):
        raise AssertionError("a finished trial was started again")
        yield

    monkeypatch.setattr(ray_jobs.tune, "ray_session", no_session)
    assert sweep(shop, DS, ["xs"], [0.0, 1.0], epochs=1)["trials"] == details["trials"]


@pytest.mark.parametrize(
    ("sizes", "shares", "message"),
    [([], [1.0], "at least one"), (["xxl"], [1.0], "hhsft_es3_xxl"), (["xs"], [2.0], r"\[0, 1\]")],
)
def test_a_senseless_sweep_is_refused_before_it_starts(shop, sizes, shares, message):
    with pytest.raises(ValueError, match=message):
        sweep(shop, DS, sizes, shares)
