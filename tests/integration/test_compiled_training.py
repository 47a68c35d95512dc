"""A compiled ranker trains as an eager one, with batches of changing sizes."""

import pytest
import torch
from support_frames import DOMAINS, random_frames

from uniscale.contracts.optimisation import TrainConfig
from uniscale.data.collate import encode
from uniscale.data.frame_store import FrameStore
from uniscale.data.loader import Loader
from uniscale.models.zoo import build_model, load_model, save_model
from uniscale.training.config import Worker
from uniscale.training.loop import Trainer

CONFIG = TrainConfig(epochs=2, batch_requests=8, embedding_rate=0.05, dense_rate=1e-3, warmup_steps=2, log_steps=3)


def test_a_compiled_run_learns_the_same_and_its_ranker_loads_without_a_compiler(tmp_path):
    trainers = []
    for compiled in (False, True):
        loader = Loader(
            FrameStore([encode(random_frames(30, max_items=8), DOMAINS)], tmp_path), batch_requests=8, seed=1
        )
        torch.manual_seed(1)
        model = build_model("dlrm", "xs", DOMAINS)
        trainers.append(Trainer(model, loader, CONFIG, seed=1, failures=tmp_path, worker=Worker(compiled=compiled)))
    losses = [[point["loss"] for point in trainer.run()] for trainer in trainers]
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
    save_model(trainers[1].model, tmp_path / "model")
    batch = trainers[1]._loader.sample(10)
    torch.testing.assert_close(load_model(tmp_path / "model")(batch), trainers[1].model(batch), rtol=1e-4, atol=1e-4)
