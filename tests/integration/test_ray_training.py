"""Ray Train with two real workers: equal to one process, and unmoved by a killed worker."""

import contextlib
import os
import signal
import threading
import time
from dataclasses import replace

import psutil
import pyarrow as pa
import pytest
import torch
from support_frames import DS, frames_schema, random_frames, write_frames
from support_servers import listening_addresses

from ray_jobs.fit import fit
from ray_jobs.session import ray_session
from uniscale.config import load_settings
from uniscale.lake import Lake
from uniscale.models.zoo import load_model
from uniscale.recipes.catalogue import get_recipe
from uniscale.recipes.job import build_trainer, plan_job


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Settings of an installation with a day of frames, and a Ray session with room for two workers."""
    home = tmp_path_factory.mktemp("shop")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setenv("UNISCALE_HOME", str(home / "home"))
        settings = load_settings()
        write_frames(Lake(settings), [random_frames(120, max_items=8)])
        before = dict(os.environ)
        with ray_session(settings, 3):
            yield settings
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="module")
def job(shop):
    recipe = get_recipe("hhsft_es3_xs")
    # Small rates: large ones turn a difference in rounding into another model within a hundred steps.
    rates = {"embedding_rate": 0.05, "dense_rate": 5e-4}
    train = replace(recipe.train, epochs=3, batch_requests=8, warmup_steps=5, log_steps=5, checkpoint_steps=5, **rates)
    return plan_job(shop, Lake(shop), replace(recipe, train=train), [DS], "manual")


@pytest.fixture(scope="module")
def undisturbed(shop, job):
    """What a run gave, and the actors that were seen while it ran."""
    actors: set[str] = set()
    is_over = threading.Event()
    watcher = threading.Thread(target=_watch_actors, args=(actors, is_over))
    watcher.start()
    try:
        with fit(shop, job) as fitted:
            return fitted, load_model(fitted.model_dir).state_dict(), actors
    finally:
        is_over.set()
        watcher.join()


def _watch_actors(seen, is_over):
    while not is_over.wait(0.1):
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                title = " ".join(process.cmdline()).strip()
                if title.startswith("ray::") and not title.startswith("ray::IDLE"):
                    seen.add(title.removeprefix("ray::").split(".")[0])


def test_a_local_session_listens_on_loopback_only(shop):
    assert listening_addresses(os.getpid()) == {"127.0.0.1"}


def test_two_workers_train_what_one_process_trains(shop, job, undisturbed):
    fitted, weights, _ = undisturbed
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    alone = build_trainer(shop, job)
    alone.run()
    torch.set_num_threads(threads)
    assert fitted.num_requests == alone.num_requests == 120
    assert fitted.num_items == alone.num_items
    assert fitted.rows_per_second > 0
    assert [point["step"] for point in fitted.curve] == [point["step"] for point in alone.curve]
    ours, theirs = ([point["loss"] for point in curve] for curve in (fitted.curve, alone.curve))
    assert ours == pytest.approx(theirs, rel=1e-3)
    assert ours[-1] < ours[0]
    for name, values in alone.model.state_dict().items():
        assert (weights[name] - values).abs().mean() < 1e-3, name


def test_a_local_run_starts_no_actor_for_data_sets_other_jobs_or_dead_controllers(undisturbed):
    *_, actors = undisturbed
    unused = ("DatasetManager", "_AutoscalingCoordinator", "PlacementGroupCleaner")
    assert [name for name in actors if name.startswith(unused)] == []
    assert "TrainController" in actors


def _kill_a_worker_after_a_checkpoint(folder, killed):
    while not killed.is_set():
        time.sleep(0.05)
        if not any(folder.glob("checkpoint_*")):
            continue
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if "RayTrainWorker" in " ".join(process.cmdline()):
                    process.send_signal(signal.SIGKILL)
                    killed.set()
                    return


def test_a_killed_worker_changes_no_bit_of_the_result(shop, job, undisturbed):
    killed = threading.Event()
    killer = threading.Thread(
        target=_kill_a_worker_after_a_checkpoint, args=(shop.home / "ray" / job.key, killed), daemon=True
    )
    killer.start()
    try:
        with fit(shop, job) as fitted:
            weights = load_model(fitted.model_dir).state_dict()
        assert killed.is_set()
    finally:
        killed.set()
        killer.join()
    assert weights.keys() == undisturbed[1].keys()
    assert all(torch.equal(weights[name], values) for name, values in undisturbed[1].items())
    assert not (shop.home / "ray" / job.key).exists()


def test_a_diverging_run_is_given_up_with_the_reason(shop, job):
    rows = random_frames(120, max_items=8).to_pylist()
    rows[60]["label_weight"] = [float("nan")] * len(rows[60]["label_weight"])
    write_frames(Lake(shop), [pa.Table.from_pylist(rows, schema=frames_schema())], key="with NaN")
    broken = plan_job(shop, Lake(shop), job.recipe, [DS], "manual")
    with pytest.raises(RuntimeError, match=r"the loss is nan.*lower embedding_rate"), fit(shop, broken):
        pass
    assert list((shop.home / "failures" / broken.key).iterdir())
