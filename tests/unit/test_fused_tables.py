"""Tables of fbgemm against torch's: the same numbers, the same file."""

from dataclasses import replace

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

pytest.importorskip("fbgemm_gpu")
CONFIG = TrainConfig(epochs=2, batch_requests=8, embedding_rate=0.1, dense_rate=1e-3, warmup_steps=2, log_steps=3)


def trainer(tmp_path, tables, **changes):
    loader = Loader(FrameStore([encode(random_frames(40, max_items=8), DOMAINS)], tmp_path), batch_requests=8, seed=1)
    torch.manual_seed(1)
    model = build_model("dlrm", "xs", DOMAINS)
    return Trainer(model, loader, replace(CONFIG, **changes), seed=1, failures=tmp_path, worker=Worker(tables=tables))


def test_fused_tables_train_the_same_weights_as_torch_up_to_rounding(tmp_path):
    plain, fused = trainer(tmp_path, "torch"), trainer(tmp_path, "fbgemm")
    losses = [[point["loss"] for point in one.run()] for one in (plain, fused)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    theirs = fused.model.state_dict()
    for name, values in plain.model.state_dict().items():
        torch.testing.assert_close(theirs[name], values, rtol=1e-3, atol=1e-4)
    assert not theirs["inputs.tables.weight"][0].any()


def test_a_ranker_of_fused_tables_is_saved_as_any_other(tmp_path):
    fused = trainer(tmp_path, "fbgemm")
    fused.run()
    save_model(fused.model, tmp_path / "model")
    batch = fused._loader.sample(10)
    torch.testing.assert_close(load_model(tmp_path / "model")(batch), fused.model(batch))


def test_a_run_with_fused_tables_resumes_to_the_same_bits(tmp_path):
    whole, half = trainer(tmp_path, "fbgemm"), trainer(tmp_path, "fbgemm", checkpoint_steps=4)

    class Stop:
        def point(self, point):
            pass

        def checkpoint(self, one):
            one.save(tmp_path / "kept")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half.run(Stop())
    resumed = trainer(tmp_path, "fbgemm")
    resumed.restore(tmp_path / "kept")
    whole.run(), resumed.run()
    ours, theirs = whole.model.state_dict(), resumed.model.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_checkpoint_of_other_tables_is_refused(tmp_path):
    trainer(tmp_path, "fbgemm").save(tmp_path / "kept")
    with pytest.raises(ValueError, match="was written with tables=fbgemm, this run has tables=torch"):
        trainer(tmp_path, "torch").restore(tmp_path / "kept")


def test_fused_tables_on_several_workers_are_refused():
    with pytest.raises(ValueError, match="use one worker, or tables=torch"):
        Worker(world_size=2, tables="fbgemm")
