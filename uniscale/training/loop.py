"""The training loop: plain PyTorch, one step after the other, restorable between any two."""

from __future__ import annotations

import math
from dataclasses import asdict, fields
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from uniscale.batch.tensors import Batch, Labels
from uniscale.contracts.optimisation import TrainConfig
from uniscale.contracts.tasks import TASK_NAMES
from uniscale.data.loader import Loader, LoaderState, Step
from uniscale.models.loss import item_losses, weighted_mean
from uniscale.models.ranker import Ranker
from uniscale.models.zoo import refuse_difference
from uniscale.training.checkpoint import load_checkpoint, save_checkpoint
from uniscale.training.config import Worker
from uniscale.training.curve import CurvePoint, TrainingMetrics
from uniscale.training.matmul import quick_products
from uniscale.training.optim import Optimisers
from uniscale.training.placement import load_whole_state, own_parts, whole_state
from uniscale.training.sharding import ShardedEmbeddings, replicated_tables, shard_dense, whole
from uniscale.training.sync import GradientSync, broadcast

if TYPE_CHECKING:
    from uniscale.training.fused import FusedEmbeddings

NUMERIC_SAMPLE_REQUESTS = 4096
"""Requests that the statistics of numeric inputs are fitted on."""


class DivergedError(RuntimeError):
    """The loss or the gradient became NaN or infinite."""


class Listener(Protocol):
    """Who is told how a run goes; called on every worker at the same steps."""

    def point(self, point: CurvePoint) -> None:
        """A new point of the curve."""

    def checkpoint(self, trainer: Trainer) -> None:
        """A good moment to call `Trainer.save`."""


class Trainer:
    """A ranker on its way from initialisation to the end of its last epoch."""

    def __init__(
        self,
        model: Ranker,
        loader: Loader,
        config: TrainConfig,
        *,
        seed: int,
        failures: Path,
        worker: Worker | None = None,
    ) -> None:
        """Fit the input statistics, agree on the first weights, set up the optimisers.

        Args:
            model: A fresh ranker, built from the same torch seed on every worker.
            loader: This worker's batches.
            config: Optimisation.
            seed: Decides every random number drawn while training.
            failures: Folder that receives the batch whose loss is not finite.
            worker: This process; default the only one.
        """
        self.model = model
        self.position = LoaderState()
        self.num_steps = 0
        self.curve: list[dict[str, Any]] = []
        self._loader = loader
        self._config = config
        self._seed = seed
        self._failures = failures
        self._worker = worker or Worker()
        model.observe(config.observation)
        model.fit_numeric(loader.sample(NUMERIC_SAMPLE_REQUESTS))
        model.to(self._worker.device)
        broadcast(model, self._worker.world_size)
        self._place_tables()
        if self._worker.dense == "sharded":
            shard_dense(model, self._worker.world_size, self._worker.device)
        if self._worker.compiled:
            model.compile_score()
        embeddings, dense = list(model.embedding_parameters()), list(model.dense_parameters())
        self._dense = dense
        self._task_weight_K = None
        if config.task_weights is not None:
            weights = [config.task_weights.get(task, 1.0) for task in TASK_NAMES]
            self._task_weight_K = torch.tensor(weights, device=self._worker.device)
        self._owned = dict(enumerate(model.domain_parameters().values()))
        is_sharded = self._worker.dense == "sharded"
        self._sync = GradientSync([] if is_sharded else dense, replicated_tables(model), self._worker.world_size)
        self._optimisers = Optimisers(
            embeddings,
            dense,
            embedding_rate=config.embedding_rate,
            dense_rate=config.dense_rate,
            warmup_steps=config.warmup_steps,
        )

    @property
    def num_requests(self) -> int:
        """Requests of the training set."""
        return self._loader.store.num_requests

    @property
    def num_items(self) -> int:
        """Rows of the training set."""
        return self._loader.store.num_items

    @property
    def total_steps(self) -> int:
        """Steps of the whole run."""
        return self._config.steps or self._config.epochs * self._loader.steps_per_epoch

    @property
    def passes(self) -> float:
        """How often the whole run sees a request of the training set."""
        return self.total_steps / self._loader.steps_per_epoch

    def run(self, listener: Listener | None = None) -> list[dict[str, Any]]:
        """Train from the current position to the end.

        Returns:
            The loss curve: `CurvePoint.numbers` of every point, from the very beginning of the run.

        Raises:
            DivergedError: The loss or the gradient is not finite; the message says where the batch was saved.
        """
        self.model.train()
        watch = TrainingMetrics(
            domains=self.model.domains,
            steps_per_epoch=self._loader.steps_per_epoch,
            total_steps=self.total_steps,
            done=self.num_steps,
            workers=self._worker.world_size,
            device=self._worker.device,
        )
        while self.num_steps < self.total_steps:
            for step in islice(self._loader.epoch(self.position), self.total_steps - self.num_steps):
                self._step(step, watch)
                self.position = step.after
                self.num_steps += 1
                self._tell(listener, watch)
        self.model.eval()
        return self.curve

    def state(self) -> dict[str, Any]:
        """A checkpoint: whole tensors, wherever their parts lie. All workers must ask for it at the same step."""
        return {
            "ranker": self._ranker,
            **whole_state(self.model, self._optimisers),
            "fused": self._fused.state() if self._fused is not None else None,
            "position": asdict(self.position),
            "num_steps": self.num_steps,
            "curve": self.curve,
        }

    def save(self, folder: Path) -> None:
        """Write a checkpoint from which `restore` goes on to the same weights."""
        save_checkpoint(self.state(), folder)

    def restore(self, folder: Path) -> None:
        """Take up a run where `save` left it.

        Raises:
            FileNotFoundError: The folder holds no finished checkpoint.
            ValueError: The checkpoint is of another ranker, or was written with other tables; the message tells the
                difference.
        """
        state = load_checkpoint(folder)
        self._refuse(state, folder)
        load_whole_state(self.model, self._optimisers, state)
        if self._fused is not None:
            self._fused.restore(state["fused"])
        self.position = LoaderState(**state["position"])
        self.num_steps = state["num_steps"]
        self.curve = state["curve"]

    @property
    def _ranker(self) -> str:
        return f"{self.model.name} ({self.model.size})"

    def _refuse(self, state: dict[str, Any], folder: Path) -> None:
        if state["ranker"] != self._ranker:
            raise ValueError(
                f"{folder} holds a checkpoint of {state['ranker']}, this run trains {self._ranker}; remove it, or go "
                "on with the recipe that wrote it"
            )
        refuse_difference(self.model, own_parts(self.model, state["model"]), folder)
        if (state["fused"] is None) != (self._fused is None):
            wrote, reads = ("torch", "fbgemm") if state["fused"] is None else ("fbgemm", "torch")
            raise ValueError(f"{folder} was written with tables={wrote}, this run has tables={reads}; set it back")

    def _place_tables(self) -> None:
        self._fused: FusedEmbeddings | None = None
        tables, worker = self.model.inputs.tables, self._worker
        if worker.tables == "sharded":
            self.model.inputs.tables = ShardedEmbeddings(tables, worker.rank, worker.world_size)
        if worker.tables == "fbgemm":
            from uniscale.training.fused import FusedEmbeddings

            self._fused = self.model.inputs.tables = FusedEmbeddings(tables)

    def _step(self, step: Step, watch: TrainingMetrics) -> None:
        # The random numbers of a step depend on the step alone: a resumed run draws the same ones.
        torch.manual_seed((self._seed * 1_000_003 + self.num_steps) * 1_009 + self._worker.rank)
        self.model.set_progress(self.num_steps / self.total_steps)
        if self._fused is not None:
            self._fused.set_rate(self._config.embedding_rate * self._optimisers.lr_scale(self.num_steps))
        losses = [self._pass(micro_batch, step, watch) for micro_batch in step.micro_batches]
        total = float(self._sync(torch.stack(losses).sum().reshape(1))[0])
        self._refuse_infinite("loss", total, step)
        self._leave_alone(step)
        norm = whole(torch.nn.utils.clip_grad_norm_(self._dense, self._config.clip_norm))
        self._refuse_infinite("norm of the gradient", float(norm), step)
        self._optimisers.step(self.num_steps)
        watch.end_step(step.num_items, total)

    def _pass(self, micro_batch: tuple[Batch, Labels], step: Step, watch: TrainingMetrics) -> Tensor:
        """Forward and backward pass of a micro-batch; gradients add up to those of the global batch."""
        batch, labels = micro_batch[0].to(self._worker.device), micro_batch[1].to(self._worker.device)
        with quick_products(self._worker.precision == "bf16_matmul", self._worker.device):
            logits_NK = self._logits(batch, labels)
            loss_N = item_losses(logits_NK, labels, self._task_weight_K)
            loss = weighted_mean(loss_N, step.weight)
            # A penalty is a mean over items, and the parts of all workers are added up.
            loss = loss + self.model.penalty().to(loss.device) * (batch.num_items / step.num_items)
            loss.backward()
        watch.add(batch, logits_NK.detach(), labels, loss_N.detach())
        return loss.detach()

    def _logits(self, batch: Batch, labels: Labels) -> Tensor:
        is_bf16 = self._worker.precision == "bf16"
        with torch.autocast(torch.device(self._worker.device).type, torch.bfloat16, enabled=is_bf16):
            logits: Tensor = self.model(batch, labels.place_N)
        return logits.float()

    def _leave_alone(self, step: Step) -> None:
        """Keep Adam's momentum from moving what belongs to domains that the global batch lacks."""
        for domain, parameters in self._owned.items():
            if domain not in step.domains:
                for parameter in parameters:
                    parameter.grad = None

    def _tell(self, listener: Listener | None, watch: TrainingMetrics) -> None:
        ends = self.num_steps == self.total_steps
        if self.num_steps % self._config.log_steps == 0 or ends:
            point = watch.point(self.num_steps, self.model.diagnostics())
            self.curve.append(point.numbers())
            if listener is not None:
                listener.point(point)
        if listener is not None and (self.num_steps % self._config.checkpoint_steps == 0 or ends):
            listener.checkpoint(self)

    def _refuse_infinite(self, what: str, value: float, step: Step) -> None:
        if math.isfinite(value):
            return
        path = self._failures / f"step-{self.num_steps}-worker-{self._worker.rank}.pt"
        path.parent.mkdir(parents=True, exist_ok=True)
        saved = [
            {field.name: getattr(one, field.name) for one in micro_batch for field in fields(one)}
            for micro_batch in step.micro_batches
        ]
        torch.save(saved, path)
        raise DivergedError(
            f"the {what} is {value} at step {self.num_steps} of {self.total_steps}; the batch is in {path}. "
            f"Look for infinite inputs there, or lower embedding_rate={self._config.embedding_rate} and "
            f"dense_rate={self._config.dense_rate}"
        )
