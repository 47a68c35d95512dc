"""What a day trains and registers, with a real lake and registry; the loop runs in this process, without Ray."""

import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
import torch
from support_frames import DS, random_frames, write_frames
from typer.testing import CliRunner

import ray_jobs.fit
import ray_jobs.train
from ray_jobs.fit import Fitted
from ray_jobs.train import train_day, train_recipe
from uniscale.decision.contest import find_contest
from uniscale.lake import Lake
from uniscale.models.zoo import load_model, save_model
from uniscale.recipes.job import build_trainer
from uniscale.registry.store import Registry


@pytest.fixture
def trained(monkeypatch, tmp_path):
    """Keys of the jobs that were really trained."""
    keys = []

    @contextmanager
    def fit(settings, job):
        keys.append(job.key)
        short = replace(job, recipe=replace(job.recipe, train=replace(job.recipe.train, epochs=1)))
        trainer = build_trainer(settings, short)
        curve = trainer.run()
        save_model(trainer.model, tmp_path / job.key)
        facts = {
            "num_requests": trainer.num_requests,
            "num_items": trainer.num_items,
            "passes": trainer.passes,
            "seconds": 1.0,
        }
        yield Fitted(model_dir=tmp_path / job.key, curve=curve, **facts)

    @contextmanager
    def no_session(settings, num_cpus):
        yield

    monkeypatch.setattr(ray_jobs.fit, "fit", fit)
    monkeypatch.setattr(ray_jobs.train, "ray_session", no_session)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield keys
    torch.set_num_threads(threads)


@pytest.fixture
def shop(settings, lake):
    """Two days of frames and a window of one."""
    write_frames(lake, [random_frames(20, max_items=4), random_frames(20, ds=DS + timedelta(days=1), max_items=4)])
    settings.window.train_days = 1
    return settings


def test_a_day_trains_a_challenger_and_the_champions_recipe_on_the_same_days_with_a_seed_of_its_own(shop, trained):
    first = train_day(shop, DS)["models"]
    registry = Registry(shop)
    assert len(trained) == 2
    assert (first["champion"]["recipe"], first["challenger"]["recipe"]) == ("dlrm_exposed_xs", "hhsft_es3_xs")
    assert registry.champion().version == first["champion"]["version"]
    assert registry.challenger().version == first["challenger"]["version"]
    assert first["challenger"]["num_params"] == registry.challenger().num_params > 0
    for version, found in ((registry.champion(), first["champion"]), (registry.challenger(), first["challenger"])):
        told = list(found["level"].values())
        assert any(told) and load_model(registry.download(version)).level_JK[0].tolist() == pytest.approx(
            told, abs=1e-3
        )
    second = train_day(shop, DS + timedelta(days=1))["models"]
    assert len(trained) == 4
    assert second["champion"]["version"] == first["champion"]["version"]
    fresh = registry.get(second["refresh"]["version"])
    assert second["refresh"]["recipe"] == "dlrm_exposed_xs"
    assert fresh.recipe_key == registry.champion().recipe_key != registry.challenger().recipe_key
    assert fresh.days == registry.challenger().days == (DS + timedelta(days=1),)
    assert fresh.recipe["seed_offset"] - registry.champion().recipe["seed_offset"] == 1
    assert registry.challenger().version == second["challenger"]["version"] != first["challenger"]["version"]
    assert registry.challenger().ds == DS + timedelta(days=1)
    assert find_contest(Lake(shop), registry, DS + timedelta(days=1)).refresh == fresh


def test_a_challenger_of_the_champions_recipe_is_its_own_refresh(shop, trained):
    shop.training.challenger_recipe = shop.training.champion_recipe
    train_day(shop, DS)
    models = train_day(shop, DS + timedelta(days=1))["models"]
    assert "refresh" not in models
    assert len(trained) == 3


def test_a_champion_whose_recipe_this_code_does_not_read_is_refused_with_the_remedy(shop, trained):
    train_day(shop, DS)
    registry = Registry(shop)
    older = replace(registry.champion(), recipe={"name": "dlrm_of_old", "layers": 3})
    with pytest.raises(ValueError, match=r"version 1 is not one of this code.*uniscale train --recipe R"):
        ray_jobs.train.recipe_of(older)


def test_a_day_killed_after_registering_is_not_trained_again(shop, trained, monkeypatch):
    def killed(self, alias, version):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Registry, "set_alias", killed)
        train_day(shop, DS)
    assert Registry(shop).champion() is None
    models = train_day(shop, DS)["models"]
    assert models["champion"]["reused"]
    assert not models["challenger"]["reused"]
    assert len(trained) == len(set(trained)) == 2
    assert train_day(shop, DS)["models"]["challenger"]["reused"]
    assert len(trained) == 2


def test_a_recipe_trained_by_hand_moves_an_alias_only_when_asked(shop, trained):
    by_hand = train_recipe(shop, "dlrm_exposed_xs", DS, DS + timedelta(days=1), None)
    registry = Registry(shop)
    assert by_hand["days"] == ["2026-01-05", "2026-01-06"]
    assert registry.champion() is None
    assert train_recipe(shop, "dlrm_exposed_xs", DS, DS + timedelta(days=1), None)["model"]["reused"]
    asked = train_recipe(shop, "dlrm_exposed_xs", DS, DS, "champion")
    assert registry.champion().version == asked["model"]["version"]


def test_the_entry_point_ends_with_one_json_line_and_refuses_bad_input(shop, trained, monkeypatch):
    monkeypatch.setenv("UNISCALE_WINDOW__TRAIN_DAYS", "1")
    runner = CliRunner()
    done = runner.invoke(ray_jobs.train.app, ["--ds", "2026-01-05"])
    assert done.exit_code == 0, done.output
    details = json.loads(done.stdout.strip().splitlines()[-1])
    assert set(details) == {"snapshot_id", "days", "models", "seconds"}
    assert details["models"]["challenger"]["num_rows"] > 0
    for words in (["--ds", "tomorrow"], [], ["--recipe", "dlrm_exposed_xs"], ["--ds", "2026-03-01"]):
        assert runner.invoke(ray_jobs.train.app, words).exit_code == 2, words
    wrong = ["--recipe", "dlrm_exposed_xs", "--from", "2026-01-06", "--to", "2026-01-05"]
    assert "earlier day first" in runner.invoke(ray_jobs.train.app, wrong).output
