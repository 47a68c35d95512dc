"""The loop: deterministic, resumable to the bit, and not to be fooled by a NaN."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
import torch
from support_frames import DOMAINS, DS, random_frames, write_frames

from uniscale.contracts.optimisation import TrainConfig
from uniscale.data.collate import encode
from uniscale.data.frame_store import FrameStore
from uniscale.data.loader import Loader
from uniscale.data.recipe import ES3, EXPOSED
from uniscale.evaluation.scoring import score_frames, score_records
from uniscale.models.zoo import build_model
from uniscale.recipes.catalogue import get_recipe
from uniscale.recipes.job import TrainJob, build_trainer, plan_job
from uniscale.training.checkpoint import load_checkpoint, save_checkpoint
from uniscale.training.config import Worker
from uniscale.training.determinism import use_threads
from uniscale.training.loop import DivergedError, Trainer
from uniscale.training.matmul import quick_products

CONFIG = TrainConfig(
    epochs=2,
    batch_requests=8,
    embedding_rate=0.05,
    dense_rate=1e-3,
    warmup_steps=2,
    log_steps=3,
    checkpoint_steps=3,
)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    use_threads(1)
    yield
    torch.set_num_threads(before)
    torch.use_deterministic_algorithms(False)


def _trainer(tmp_path, model="dlrm", config=CONFIG, *, frames=None, worker=None, micro_batch=None):
    frames = random_frames(30, max_items=8) if frames is None else frames
    loader = Loader(
        FrameStore([encode(frames, DOMAINS)], tmp_path / "spill"),
        batch_requests=8,
        seed=1,
        micro_batch=micro_batch,
    )
    torch.manual_seed(1)
    ranker = build_model(model, "xs", DOMAINS)
    return Trainer(ranker, loader, config, seed=1, failures=tmp_path / "failures", worker=worker)


def _same_weights(one, other):
    ours, theirs = one.model.state_dict(), other.model.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


class _Keeper:
    """Keeps the checkpoint of one step and, if asked to, dies right after it."""

    def __init__(self, folder, step, dies=False):
        self.folder, self.step, self.dies, self.points = folder, step, dies, []

    def point(self, point):
        self.points.append(point)

    def checkpoint(self, trainer):
        if trainer.num_steps == self.step:
            trainer.save(self.folder)
            if self.dies:
                raise KeyboardInterrupt


@pytest.mark.parametrize("model", ["dlrm", "hhsft"])
def test_a_run_resumed_from_a_checkpoint_ends_with_the_same_bits(tmp_path, model):
    whole = _trainer(tmp_path, model)
    whole.run()
    killed = _trainer(tmp_path, model)
    with pytest.raises(KeyboardInterrupt):
        killed.run(_Keeper(tmp_path / "kept", 6, dies=True))
    resumed = _trainer(tmp_path, model)
    resumed.restore(tmp_path / "kept")
    assert resumed.num_steps == 6
    resumed.run()
    assert _same_weights(whole, resumed)
    assert [(point["step"], point["loss"]) for point in whole.curve] == [
        (point["step"], point["loss"]) for point in resumed.curve
    ]


def test_the_same_seed_trains_the_same_weights_and_they_differ_from_the_first_ones(tmp_path):
    runs = [_trainer(tmp_path), _trainer(tmp_path)]
    for run in runs:
        run.run()
    assert _same_weights(*runs)
    assert not _same_weights(runs[0], _trainer(tmp_path))


def test_training_lowers_the_loss_where_a_feature_tells_the_label(tmp_path):
    trainer = _trainer(tmp_path, config=replace(CONFIG, epochs=15, dense_rate=3e-3), frames=random_frames(60))
    curve = trainer.run()
    assert curve[-1]["loss"] < 0.7 * curve[0]["loss"]
    assert curve[-1]["step"] == trainer.total_steps
    assert curve[-1]["seconds_left"] == 0


def test_a_listener_hears_of_points_and_of_a_checkpoint_at_the_end(tmp_path):
    trainer = _trainer(tmp_path)
    keeper = _Keeper(tmp_path / "kept", trainer.total_steps)
    trainer.run(keeper)
    assert [point.step for point in keeper.points] == [3, 6, 8]
    assert load_checkpoint(tmp_path / "kept")["num_steps"] == 8


def test_a_loss_that_is_not_finite_stops_the_run_and_saves_the_batch(tmp_path):
    frames = random_frames(30, max_items=8)
    rows = frames.to_pylist()
    rows[7]["label_weight"] = [float("nan")] * len(rows[7]["label_weight"])
    trainer = _trainer(tmp_path, frames=frames.from_pylist(rows, schema=frames.schema))
    with pytest.raises(DivergedError, match=r"embedding_rate=0\.05"):
        trainer.run()
    (saved,) = (tmp_path / "failures").iterdir()
    (batch,) = torch.load(saved, weights_only=True)
    assert rows[7]["user_index"] in batch["user_R"].tolist()
    assert batch["weight_N"].isnan().any()


def test_a_checkpoint_of_another_ranker_is_refused_with_both_names(tmp_path):
    _trainer(tmp_path, "hhsft").save(tmp_path / "kept")
    with pytest.raises(ValueError, match=r"holds a checkpoint of hhsft \(xs\), this run trains dlrm \(xs\)"):
        _trainer(tmp_path, "dlrm").restore(tmp_path / "kept")


def test_a_checkpoint_of_another_shape_is_refused_with_the_difference(tmp_path):
    trainer = _trainer(tmp_path)
    trainer.save(tmp_path / "kept")
    trainer.model.from_item = torch.nn.Linear(3, 4)
    with pytest.raises(ValueError, match=r"from_item\.bias: saved \(256,\), expected \(4,\)"):
        trainer.restore(tmp_path / "kept")


def test_a_gradient_that_is_not_finite_stops_the_run_before_it_moves_anything(tmp_path):
    trainer = _trainer(tmp_path)
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    trainer.model.from_item.bias.register_hook(lambda grad: grad * torch.inf)
    with pytest.raises(DivergedError, match=r"the norm of the gradient is (nan|inf)"):
        trainer.run()
    assert all(torch.equal(value, before[name]) for name, value in trainer.model.state_dict().items())


@pytest.mark.parametrize("model", ["hhsft", "rankmixer_moe"])
def test_a_batch_in_parts_trains_what_the_whole_batch_trains(tmp_path, model):
    whole, cut = _trainer(tmp_path, model), _trainer(tmp_path, model, micro_batch=3)
    losses = [[point["loss"] for point in trainer.run()] for trainer in (whole, cut)]
    # Which items an expert's router gets depends on their place in the part.
    assert losses[1] == pytest.approx(losses[0], rel=1e-4 if model == "hhsft" else 0.1)


@pytest.mark.parametrize("precision", ["bf16", "bf16_matmul"])
def test_a_run_in_bf16_learns_much_the_same(tmp_path, precision):
    plain, other = _trainer(tmp_path), _trainer(tmp_path, worker=Worker(precision=precision))
    losses = [[point["loss"] for point in trainer.run()] for trainer in (plain, other)]
    assert losses[1] == pytest.approx(losses[0], rel=0.02)


def test_products_are_exact_again_after_quick_ones():
    with pytest.raises(KeyError), quick_products(True):
        assert torch.get_float32_matmul_precision() == "medium"
        raise KeyError
    assert torch.get_float32_matmul_precision() == "highest"


@pytest.mark.parametrize("field", ["precision", "tables"])
def test_an_unknown_way_to_compute_is_refused_with_the_known_ones(field):
    with pytest.raises(ValueError, match=f"{field}='fp8' is unknown; use one of"):
        Worker(**{field: "fp8"})


def test_batches_hold_the_domains_at_the_shares_that_are_set(settings, lake):
    write_frames(lake, [random_frames(60)])
    recipe = get_recipe("dlrm_exposed_xs")
    train = replace(recipe.train, batch_requests=10, domain_shares={"search": 0.5, "feed": 0.3, "shop": 0.2})
    job = plan_job(settings, lake, replace(recipe, train=train, data=ES3), [DS], "manual")
    trainer = build_trainer(settings, TrainJob.from_content(job.content()))
    for step in trainer._loader.epoch(trainer.position):
        ((batch, _),) = step.micro_batches
        assert torch.bincount(batch.domain_R, minlength=3).tolist() == [5, 3, 2]


def test_shares_of_unknown_domains_are_refused(settings, lake):
    write_frames(lake, [random_frames(20)])
    recipe = get_recipe("dlrm_exposed_xs")
    train = replace(recipe.train, domain_shares={"mailer": 1.0})
    with pytest.raises(ValueError, match=r"name \['mailer'\]; the domains are search, feed, shop"):
        build_trainer(settings, plan_job(settings, lake, replace(recipe, train=train), [DS], "manual"))


@pytest.mark.parametrize("shares", [{"search": 0.7}, {"search": 1.5, "feed": -0.5}])
def test_shares_that_are_no_shares_are_refused(shares):
    with pytest.raises(ValueError, match="domain_shares="):
        replace(CONFIG, domain_shares=shares)


def test_a_task_without_weight_teaches_nothing(tmp_path):
    trainer = _trainer(tmp_path, config=replace(CONFIG, task_weights={"cart": 0.0, "purchase": 0.0}))
    last = trainer.model.heads.networks[0][-1].weight
    before = last.detach().clone()
    trainer.run()
    assert (last.detach() != before).any(1).tolist() == [True, False, False]


@pytest.mark.parametrize("weights", [{"view": 1.0}, {"cart": -0.5}])
def test_task_weights_that_are_none_are_refused(weights):
    with pytest.raises(ValueError, match=r"task_weights=.* must name tasks out of click, cart, purchase"):
        replace(CONFIG, task_weights=weights)


def test_a_disk_that_is_full_leaves_the_last_checkpoint(tmp_path):
    script = """
import resource, sys, pathlib, torch
from uniscale.training.checkpoint import load_checkpoint, save_checkpoint
folder = pathlib.Path(sys.argv[1])
save_checkpoint({"num_steps": 1}, folder)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))  # a file cannot grow further: what a full disk does
try:
    save_checkpoint({"num_steps": 2, "weights": torch.ones(1_000_000)}, folder)
except OSError as error:
    print(error)
assert load_checkpoint(folder) == {"num_steps": 1}
assert [path.name for path in folder.iterdir()] == ["state.pt"]
"""
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "kept"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "could not be written" in done.stdout and "the earlier one is as it was" in done.stdout


def test_a_kill_while_a_checkpoint_is_written_leaves_the_old_one(tmp_path, monkeypatch):
    save_checkpoint({"num_steps": 1}, tmp_path)

    def killed(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint({"num_steps": 2}, tmp_path)
    assert load_checkpoint(tmp_path) == {"num_steps": 1}


def test_an_unfinished_checkpoint_is_not_read(tmp_path):
    (tmp_path / ".state.pt.123").write_bytes(b"half")
    with pytest.raises(FileNotFoundError, match="no finished checkpoint"):
        load_checkpoint(tmp_path)


def test_momentum_does_not_move_a_domain_that_the_batch_lacks(tmp_path):
    # The last day of the order has no shop requests; one epoch of it must not move the shop's own parameters.
    trainer = _trainer(tmp_path, "hhsft", frames=random_frames(30, domains=("search", "feed")))
    owned = trainer.model.domain_parameters()
    before = [parameter.detach().clone() for parameter in owned["shop"]]
    moving = [parameter.detach().clone() for parameter in owned["feed"]]
    trainer.run()
    assert before
    assert all(torch.equal(a, b) for a, b in zip(before, owned["shop"], strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(moving, owned["feed"], strict=True))


def test_a_run_of_set_steps_makes_the_passes_they_take_and_resumes_to_the_same_weights(tmp_path):
    config = replace(CONFIG, steps=7)
    whole = _trainer(tmp_path, config=config)
    whole.run()
    assert (whole.num_steps, whole.total_steps, whole.passes) == (7, 7, 7 / 4)

    folder = tmp_path / "checkpoint"
    with pytest.raises(KeyboardInterrupt):
        _trainer(tmp_path, config=config).run(_Keeper(folder, 3, dies=True))
    resumed = _trainer(tmp_path, config=config)
    resumed.restore(folder)
    resumed.run()
    assert resumed.num_steps == 7
    assert _same_weights(whole, resumed)


def test_as_many_steps_as_other_data_take_are_taken(settings, lake):
    write_frames(lake, [random_frames(90)])
    short, long, entire = (
        build_trainer(settings, plan_job(settings, lake, get_recipe(f"dlrm_{name}_xs"), [DS], "sweep"))
        for name in ("exposed", "exposed_long", "es3")
    )
    assert long.total_steps == entire.total_steps > short.total_steps
    assert long.num_requests == short.num_requests < entire.num_requests
    assert long.passes > entire.passes == short.passes == 2


@pytest.mark.parametrize("field", ["epochs", "steps", "batch_requests", "embedding_rate", "warmup_steps"])
def test_a_senseless_configuration_is_refused_by_name(field):
    with pytest.raises(ValueError, match=field):
        replace(CONFIG, **{field: -1})


def test_a_job_names_what_decides_its_weights(settings, lake):
    write_frames(lake, [random_frames(20), random_frames(20, ds=DS + timedelta(days=1), seed=2)])
    days, recipe = [DS, DS + timedelta(days=1)], get_recipe("dlrm_exposed_xs")
    job = plan_job(settings, lake, recipe, days, "champion")
    assert plan_job(settings, lake, recipe, days, "champion").key == job.key
    others = [
        plan_job(settings, lake, recipe, days, "challenger"),
        plan_job(settings, lake, recipe, days[:1], "champion"),
        plan_job(settings, lake, get_recipe("hhsft_es3_xs"), days, "champion"),
        plan_job(settings, lake, replace(recipe, seed_offset=1), days, "champion"),
        plan_job(settings.model_copy(update={"seed": 5}), lake, recipe, days, "champion"),
    ]
    write_frames(lake, [random_frames(20)], key="rebuilt")
    others.append(plan_job(settings, lake, recipe, days, "champion"))
    assert len({job.key, *(other.key for other in others)}) == 1 + len(others)
    assert TrainJob.from_content(job.content()) == job


def test_a_job_trains_on_the_days_and_rows_of_its_recipe(settings, lake):
    tables = [random_frames(20), random_frames(20, ds=DS + timedelta(days=1), seed=2)]
    write_frames(lake, tables)
    recipe = replace(get_recipe("dlrm_exposed_xs"), data=EXPOSED)
    trainer = build_trainer(settings, plan_job(settings, lake, recipe, [DS], "champion"))
    shown = [sum(record["is_exposed"]) for record in tables[0].to_pylist()]
    assert trainer.num_items == sum(shown)
    assert trainer.num_requests == sum(1 for number in shown if number)


@pytest.mark.parametrize("name", ["longer", "hyformer"])
def test_a_ranker_of_long_histories_trains_on_all_of_them_and_is_scored_on_all_of_them(settings, lake, name):
    tables = [random_frames(60), random_frames(60, split="eval", domains=DOMAINS[:1])]
    write_frames(lake, tables)
    recipe = replace(get_recipe(f"{name}_exposed_xs"), config_changes={"sequence_length": 200})
    trainer = build_trainer(settings, plan_job(settings, lake, recipe, [DS], "champion"))
    step = next(trainer._loader.epoch(trainer.position))
    lengths = (step.micro_batches[0][0].history_actions_RL > 0).sum(1)
    assert lengths.max() > 70
    trainer.run()
    scored = score_frames(trainer.model, lake, [DS], target_domain="search")
    expected = score_records(trainer.model, tables[1])  # which carry the newest 50 alone
    longest = np.array(tables[1].column("sequence_length").to_pylist())
    ids = tables[1].column("sample_id").to_pylist()
    at = {request: row for row, request in enumerate(expected.column("request_id").to_pylist())}
    differs = {
        request: not np.allclose(chances, expected.column("click_probability")[at[request]].as_py(), atol=1e-6)
        for request, chances in zip(
            scored.column("request_id").to_pylist(), scored.column("click_probability").to_pylist(), strict=True
        )
    }
    assert {request: differs[request] for request in ids} == dict(zip(ids, (longest > 50).tolist(), strict=True))
    assert 0 < sum(differs.values()) < len(differs)


def test_days_without_frames_are_named(settings, lake):
    write_frames(lake, [random_frames(5)])
    with pytest.raises(ValueError, match=r"2026-01-06.*uniscale step frames"):
        plan_job(settings, lake, get_recipe("dlrm_exposed_xs"), [DS, DS + timedelta(days=1)], "champion")
