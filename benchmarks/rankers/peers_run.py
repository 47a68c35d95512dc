"""One library on the rows of `benchmarks.rankers.peers`.

``python -m benchmarks.rankers.peers_run LIBRARY ROWS SEED FOLDER``.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.rankers.peers import BATCH, COLUMNS, CROSS_LAYERS, IDS, MLP, WIDTH

STEPS = 40
RATE = 1e-3


def main() -> None:
    """Command line."""
    name, path, seed, libraries = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    sys.path.append(libraries)
    torch.set_num_threads(2)
    torch.manual_seed(seed)
    with np.load(path) as stored:
        rows = dict(stored)
    runs = {
        "uniscale": run_uniscale,
        "uniscale_fbgemm": partial(run_uniscale, is_fused=True),
        "uniscale_bf16_matmul": partial(run_uniscale, is_quick=True),
        "torch_rechub": run_rechub,
        "fuxictr": run_fuxictr,
    }
    package = "uniscale" if name.startswith("uniscale") else name.replace("_", "-")
    print(json.dumps({"library": name, "version": version(package), **runs[name](rows, seed)}))


def run_uniscale(
    rows: dict[str, np.ndarray], seed: int, *, is_fused: bool = False, is_quick: bool = False
) -> dict[str, float]:
    """The tables, cross layers and optimisers of this project, in a process set up as its training workers are."""
    from uniscale.data.prefetch import prefetch
    from uniscale.models.common.embeddings import Embeddings, LookUp
    from uniscale.models.common.layers import linear, linear_of_parts
    from uniscale.models.dcnv2 import CrossLayer
    from uniscale.training.matmul import quick_products
    from uniscale.training.memory import keep_memory
    from uniscale.training.optim import Optimisers

    keep_memory()
    names = [f"c{column}" for column in range(COLUMNS)]

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            width = COLUMNS * WIDTH
            self.tables = Embeddings(dict.fromkeys(names, IDS), WIDTH)
            self.cross = nn.ModuleList(CrossLayer(width, None) for _ in range(CROSS_LAYERS))
            self.deep = nn.Sequential(linear(width, MLP[0]), nn.ReLU(), linear(MLP[0], MLP[1]), nn.ReLU())
            self.out = linear(width + MLP[1], 1)

        def forward(self, ids_NC: torch.Tensor) -> torch.Tensor:
            columns = ids_NC.t().contiguous()
            asked = [LookUp(table=name, ids=column) for name, column in zip(names, columns, strict=True)]
            x0 = torch.cat(self.tables(asked), 1)
            x = x0
            for layer in self.cross:
                x = layer(x0, x)
            return linear_of_parts(self.out, [x, self.deep(x0)]).squeeze(1)

    network = Network()
    tables = [] if is_fused else [network.tables.weight]
    dense = [p for name, p in network.named_parameters() if not name.startswith("tables.")]
    if is_fused:
        from uniscale.training.fused import FusedEmbeddings

        network.tables = FusedEmbeddings(network.tables)
        network.tables.set_rate(0.05)
    optimisers = Optimisers(tables, dense, embedding_rate=0.05, dense_rate=RATE, warmup_steps=20)
    done = 0

    def batches() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        order = np.random.default_rng(seed).permutation(len(rows["train_label"]))
        for start in range(0, len(order), BATCH):
            picked = order[start : start + BATCH]
            # Identifiers start at 1: 0 is "missing" here.
            yield torch.from_numpy(rows["train_ids"][picked] + 1), torch.from_numpy(rows["train_label"][picked])

    def step(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
        nonlocal done
        with quick_products(is_quick):
            nn.functional.binary_cross_entropy_with_logits(network(batch[0]), batch[1]).backward()
        optimisers.step(done)
        done += 1

    def epoch() -> None:
        for batch in prefetch(batches(), 2):
            step(batch)

    speed = time_of(epoch, len(rows["train_label"]))
    with torch.no_grad():
        scores = network(torch.from_numpy(rows["test_ids"] + 1)).numpy()
    return {**speed, "auc": auc(rows["test_label"], scores), **step_speed(step, list(islice(batches(), STEPS)))}


def run_rechub(rows: dict[str, np.ndarray], seed: int) -> dict[str, float]:
    """torch-rechub's DCNv2, trainer and data generator, with its defaults but for weight decay."""
    del seed
    from torch_rechub.basic.features import SparseFeature
    from torch_rechub.models.ranking import DCNv2
    from torch_rechub.trainers import CTRTrainer
    from torch_rechub.utils.data import DataGenerator

    features = [SparseFeature(f"c{column}", vocab_size=IDS, embed_dim=WIDTH) for column in range(COLUMNS)]
    mlp = {"dims": list(MLP), "activation": "relu", "dropout": 0.0}
    model = DCNv2(features, n_cross_layers=CROSS_LAYERS, mlp_params=mlp, use_low_rank_mixture=False)
    trainer = CTRTrainer(model, optimizer_params={"lr": RATE, "weight_decay": 0.0}, n_epoch=1)

    def columns(ids: np.ndarray) -> dict[str, np.ndarray]:
        return {f"c{column}": ids[:, column].astype(np.int64) for column in range(COLUMNS)}

    train, test = (columns(rows[f"{split}_ids"]) for split in ("train", "test"))
    generator = DataGenerator(train, rows["train_label"])
    loader, _, tests = generator.generate_dataloader(
        x_val=test, y_val=rows["test_label"], x_test=test, y_test=rows["test_label"], batch_size=BATCH
    )
    speed = time_of(lambda: trainer.train_one_epoch(loader), len(rows["train_label"]))
    scores = np.array(trainer.predict(model, tests))
    ready = list(islice(iter(loader), STEPS))
    steps = step_speed(lambda batch: trainer.train_one_epoch([batch]), ready)
    return {**speed, "auc": auc(rows["test_label"], scores), **steps}


def run_fuxictr(rows: dict[str, np.ndarray], seed: int) -> dict[str, float]:
    """The layers of fuxictr as in its DCNv2, its training loop and npz loader, with its defaults."""
    del seed
    from fuxictr.features import FeatureMap
    from fuxictr.pytorch.dataloaders import RankDataLoader
    from fuxictr.pytorch.layers import CrossNetV2, FeatureEmbedding, MLP_Block
    from fuxictr.pytorch.models import BaseModel

    with tempfile.TemporaryDirectory() as folder:
        specification = {"source": "", "type": "categorical", "vocab_size": IDS + 1, "padding_idx": 0}
        described = {
            "dataset_id": "rows",
            "num_fields": COLUMNS,
            "total_features": COLUMNS * (IDS + 1),
            "input_length": COLUMNS,
            "labels": ["label"],
            "features": [{f"c{column}": specification} for column in range(COLUMNS)],
        }
        (Path(folder) / "map.json").write_text(json.dumps(described))
        features = FeatureMap("rows", folder)
        features.load(str(Path(folder) / "map.json"), {"embedding_dim": WIDTH})

        class DCNv2(BaseModel):  # type: ignore[misc]
            def __init__(self) -> None:
                super().__init__(features, model_root=folder, metrics=["AUC"], verbose=0, early_stop_patience=9)
                self.embedding_layer = FeatureEmbedding(features, WIDTH)
                width = features.sum_emb_out_dim()
                self.crossnet = CrossNetV2(width, CROSS_LAYERS)
                self.dnn = MLP_Block(input_dim=width, hidden_units=list(MLP), hidden_activations="ReLU")
                self.fc = nn.Linear(width + MLP[-1], 1)
                self.compile("adam", "binary_crossentropy", RATE)
                self.reset_parameters()

            def forward(self, inputs: Any) -> dict[str, torch.Tensor]:
                x = self.embedding_layer(self.get_inputs(inputs), flatten_emb=True)
                both = torch.cat([self.crossnet(x), self.dnn(x)], dim=-1)
                return {"y_pred": self.output_activation(self.fc(both))}

        for split in ("train", "test"):
            columns = {f"c{column}": rows[f"{split}_ids"][:, column] + 1 for column in range(COLUMNS)}
            np.savez(Path(folder) / f"{split}.npz", **columns, label=rows[f"{split}_label"])
        model = DCNv2()
        train, tests = (str(Path(folder) / f"{split}.npz") for split in ("train", "test"))
        loader, _ = RankDataLoader(features, stage="train", train_data=train, batch_size=BATCH, num_workers=1)
        test = RankDataLoader(features, stage="test", test_data=tests, batch_size=BATCH, shuffle=False, num_workers=1)
        model._max_gradient_norm, model._eval_steps, model._total_steps = 10.0, 10**9, 0
        model._epoch_index, model._stop_training = 0, False
        model.train()
        speed = time_of(lambda: model.train_epoch(loader), len(rows["train_label"]))
        scores = model.predict(test)
        ready = list(islice(iter(loader), STEPS))
        model.train()
        return {**speed, "auc": auc(rows["test_label"], scores), **step_speed(model.train_step, ready)}


def time_of(epoch: Callable[[], object], num_rows: int) -> dict[str, float]:
    """Rows per second of an epoch."""
    start = time.perf_counter()
    epoch()
    return {"epoch_rows_per_second": num_rows / (time.perf_counter() - start)}


def step_speed(step: Callable[[Any], object], ready: list[Any]) -> dict[str, float]:
    """Rows per second of the quickest quarter of steps on batches that are ready."""
    seconds = []
    for batch in ready:
        start = time.perf_counter()
        step(batch)
        seconds.append(time.perf_counter() - start)
    return {"step_rows_per_second": BATCH / float(np.mean(sorted(seconds)[: len(seconds) // 4]))}


def auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Area under the ROC curve."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(labels, scores.reshape(-1)))


if __name__ == "__main__":
    main()
