"""Parameters spread over two workers (gloo) train what two workers with whole copies train."""

from datetime import timedelta

import pytest
import torch
from support_frames import DOMAINS, random_frames
from support_workers import PROCESSES

from uniscale.contracts.optimisation import TrainConfig
from uniscale.data.collate import encode
from uniscale.data.frame_store import FrameStore
from uniscale.data.loader import Loader
from uniscale.models.zoo import build_model, save_model
from uniscale.training.checkpoint import load_checkpoint, save_checkpoint
from uniscale.training.config import Worker
from uniscale.training.determinism import use_threads
from uniscale.training.loop import Trainer
from uniscale.training.placement import whole_ranker


def train(rank, folder, tables, dense, told):
    """What one of two workers does: it tells what it holds, trains, and takes the run up again in the middle."""
    use_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/group", rank=rank, world_size=2, timeout=timedelta(seconds=60)
    )

    class Keeper:
        def point(self, point):
            pass

        def checkpoint(self, trainer):
            state = trainer.state()
            if rank == 0:
                save_checkpoint(state, folder / f"step-{trainer.num_steps}")
                save_model(whole_ranker(trainer.model, state), folder / "model")

    config = TrainConfig(
        epochs=2, batch_requests=8, embedding_rate=0.05, dense_rate=1e-3, warmup_steps=2, checkpoint_steps=5
    )

    def trainer():
        store = FrameStore([encode(random_frames(40, max_items=6), DOMAINS)], folder / "spill")
        loader = Loader(store, batch_requests=8, seed=1, rank=rank, world_size=2)
        torch.manual_seed(1)
        worker = Worker(rank=rank, world_size=2, tables=tables, dense=dense)
        return Trainer(build_model("hhsft", "xs", DOMAINS), loader, config, seed=1, failures=folder, worker=worker)

    whole = trainer()
    rows = whole.model.inputs.tables.weight.shape[0]
    numbers = sum(p.to_local().numel() if hasattr(p, "to_local") else p.numel() for p in whole.model.dense_parameters())
    told.send((rows, numbers))
    whole.run(Keeper())
    resumed = trainer()
    resumed.restore(folder / "step-5")
    resumed.run()
    ours, theirs = whole.state()["model"], resumed.state()["model"]
    assert all(torch.equal(ours[name], theirs[name]) for name in ours), "a resumed run ends elsewhere"


def run(folder, tables, dense):
    """Train on two workers; returns the weights, and per worker rows of tables and numbers of dense parameters."""
    folder.mkdir()
    heard, workers = [], []
    for rank in range(2):
        hear, tell = PROCESSES.Pipe(duplex=False)
        workers.append(PROCESSES.Process(target=train, args=(rank, folder, tables, dense, tell), daemon=True))
        workers[-1].start()
        tell.close()
        heard.append(hear)
    for worker in workers:
        worker.join(300)
    assert [worker.exitcode for worker in workers] == [0, 0], "a worker ended with an error, which it has printed"
    return torch.load(folder / "model" / "weights.pt", weights_only=True), [hear.recv() for hear in heard]


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    return run(tmp_path_factory.mktemp("copies") / "run", "torch", "replicated")


@pytest.mark.parametrize(("tables", "dense"), [("sharded", "replicated"), ("torch", "sharded"), ("sharded", "sharded")])
def test_sharded_parameters_train_to_the_same_weights_and_checkpoints_fit_any_number_of_workers(
    tmp_path, copies, tables, dense
):
    expected, (whole, _) = copies
    weights, held = run(tmp_path / "run", tables, dense)
    assert weights.keys() == expected.keys()
    for name, values in expected.items():
        torch.testing.assert_close(weights[name], values, rtol=1e-3, atol=1e-5)
    rows, numbers = (sum(worker[kind] for worker in held) for kind in (0, 1))
    assert rows == (whole[0] if tables == "sharded" else 2 * whole[0])
    assert numbers == (whole[1] if dense == "sharded" else 2 * whole[1])
    taken_up = one_process(tmp_path)
    taken_up.restore(tmp_path / "run" / "step-5")
    kept = load_checkpoint(tmp_path / "run" / "step-5")
    assert all(torch.equal(value, kept["model"][name]) for name, value in taken_up.model.state_dict().items())
    taken_up.run()
    assert taken_up.num_steps == 10


def one_process(folder):
    """The same run without other workers."""
    loader = Loader(FrameStore([encode(random_frames(40, max_items=6), DOMAINS)], folder), batch_requests=8, seed=1)
    config = TrainConfig(epochs=2, batch_requests=8, embedding_rate=0.05, dense_rate=1e-3, warmup_steps=2)
    return Trainer(build_model("hhsft", "xs", DOMAINS), loader, config, seed=1, failures=folder)
