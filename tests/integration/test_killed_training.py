"""kill -9 at any step, and the same command again: the same weights on one worker, the same requests on two."""

import random
import time
from collections import Counter
from datetime import timedelta

import pytest
import torch
from support_frames import DOMAINS, random_frames
from support_workers import PROCESSES

from uniscale.contracts.optimisation import TrainConfig
from uniscale.data.collate import encode
from uniscale.data.frame_store import FrameStore
from uniscale.data.loader import Loader
from uniscale.models.zoo import build_model
from uniscale.training.config import Worker
from uniscale.training.determinism import use_threads
from uniscale.training.loop import Trainer


def train(rank, world_size, folder, attempt, told):
    """What one worker does; it tells each step, and its end."""
    use_threads(1)
    if world_size > 1:
        store = f"file://{folder}/group-{attempt}"
        torch.distributed.init_process_group(
            "gloo", init_method=store, rank=rank, world_size=world_size, timeout=timedelta(seconds=20)
        )

    class Keeper:
        def point(self, point):
            pass

        def checkpoint(self, trainer):
            if rank == 0:
                trainer.save(folder / "kept")
            told.send(trainer.num_steps)

    frames = FrameStore([encode(random_frames(96, max_items=6), DOMAINS)], folder / "spill")
    loader = Loader(frames, batch_requests=8, seed=1, rank=rank, world_size=world_size, prefetch=2, micro_batch=3)
    torch.manual_seed(1)
    config = TrainConfig(
        epochs=3, batch_requests=8, embedding_rate=0.05, dense_rate=1e-3, warmup_steps=2, checkpoint_steps=1
    )
    worker = Worker(rank=rank, world_size=world_size)
    trainer = Trainer(build_model("hhsft", "xs", DOMAINS), loader, config, seed=1, failures=folder, worker=worker)
    if (folder / "kept" / "state.pt").is_file():
        trainer.restore(folder / "kept")
    step = trainer._step
    seen = (folder / f"seen-{rank}.txt").open("a")

    def counted(part, watch):
        step(part, watch)
        users = [user for batch, _ in part.micro_batches for user in batch.user_R.tolist()]
        seen.write(f"{trainer.num_steps} {' '.join(map(str, users))}\n")
        seen.flush()

    trainer._step = counted
    trainer.run(Keeper())
    if rank == 0:
        torch.save(trainer.model.state_dict(), folder / "weights.pt")
    told.send("finished")


def run(folder, world_size, *, kills, seed=0):
    """Start the run again and again; the first so many times a worker is killed after a few steps."""
    folder.mkdir()
    draw = random.Random(seed)
    for attempt in range(kills + 1):
        heard, workers = [], []
        for rank in range(world_size):
            hear, tell = PROCESSES.Pipe(duplex=False)
            workers.append(PROCESSES.Process(target=train, args=(rank, world_size, folder, attempt, tell), daemon=True))
            workers[-1].start()
            tell.close()
            heard.append(hear)
        if attempt < kills:
            for _ in range(draw.randint(2, 9)):
                assert heard[0].recv() != "finished"
            time.sleep(draw.random() * 0.02)
            for worker in workers:
                worker.kill()
        ends = [told_last(hear) for hear in heard]
        for worker in workers:
            worker.join(120)
        assert all(end == "finished" for end in ends) == (attempt == kills)
    return torch.load(folder / "weights.pt", weights_only=True)


def told_last(hear):
    """The last that a worker tells before it ends."""
    last = None
    while hear.poll(120):
        try:
            last = hear.recv()
        except EOFError:
            return last
    raise AssertionError("a worker neither trains nor ends")


def requests_of_steps(folder, world_size):
    """Requests of each step over all workers: the last time the step was done."""
    steps = {}
    for rank in range(world_size):
        for line in (folder / f"seen-{rank}.txt").read_text().splitlines():
            step, *users = line.split()
            steps[int(step), rank] = users
    return steps


@pytest.mark.parametrize("world_size", [1, 2])
def test_a_run_that_is_killed_again_and_again_ends_as_one_that_is_not(tmp_path, world_size):
    whole = run(tmp_path / "whole", world_size, kills=0)
    killed = run(tmp_path / "killed", world_size, kills=3)
    assert whole.keys() == killed.keys()
    assert all(torch.equal(whole[name], killed[name]) for name in whole)
    steps = requests_of_steps(tmp_path / "killed", world_size)
    assert steps == requests_of_steps(tmp_path / "whole", world_size)
    seen = Counter(user for users in steps.values() for user in users)
    assert set(seen.values()) == {3} and len(seen) == 96
