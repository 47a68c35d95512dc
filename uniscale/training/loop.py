"""The training loop: plain PyTorch, one step after the other, restorable between any two."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from uniscale.data.loader import Loader, Position, Step
from uniscale.models.loss import ranking_loss
from uniscale.models.ranker import Ranker
from uniscale.training.checkpoint import load_checkpoint, save_checkpoint
from uniscale.training.config import TrainConfig
from uniscale.training.optim import Optimisers
from uniscale.training.sync import GradientSync, broadcast

NUMERIC_SAMPLE_REQUESTS = 4096
"""Requests that the statistics of numeric inputs are fitted on."""


class DivergedError(RuntimeError):
    """The loss became NaN or infinite."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One point of the loss curve.

    Attributes:
        step: Steps done since the run began.
        epoch: Epochs done, with the fraction of the current one.
        loss: Mean training loss since the last point.
        rows_per_second: Rows trained on per second since the last point, over all workers.
        seconds_left: Estimate for the rest of the run.
    """

    step: int
    epoch: float
    loss: float
    rows_per_second: float
    seconds_left: float


class Listener(Protocol):
    """Who is told how a run goes; called on every worker at the same steps."""

    def point(self, point: Point) -> None:
        """A new point of the curve."""

    def checkpoint(self, trainer: Trainer) -> None:
        """A good moment to call `Trainer.save`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Worker:
    """This process among the workers of a run.

    Attributes:
        rank: Place, in [0, world_size).
        world_size: Workers.
        device: Torch device.
    """

    rank: int = 0
    world_size: int = 1
    device: str = "cpu"


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
        self.position = Position()
        self.num_steps = 0
        self.curve: list[dict[str, Any]] = []
        self._loader = loader
        self._config = config
        self._seed = seed
        self._failures = failures
        self._worker = worker or Worker()
        model.fit_numeric(loader.sample(NUMERIC_SAMPLE_REQUESTS))
        model.to(self._worker.device)
        broadcast(model, self._worker.world_size)
        embeddings, dense = list(model.embedding_parameters()), list(model.dense_parameters())
        self._dense = dense
        self._owned = dict(enumerate(model.domain_parameters().values()))
        self._sync = GradientSync(dense, embeddings, self._worker.world_size)
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
        return self._config.epochs * self._loader.steps_per_epoch

    def run(self, listener: Listener | None = None) -> list[dict[str, Any]]:
        """Train from the current position to the end.

        Returns:
            The loss curve: `Point` fields per point, from the very beginning of the run.

        Raises:
            DivergedError: The loss is not finite; the message says where the batch was saved.
        """
        self.model.train()
        watch = _Watch(self)
        while self.position.epoch < self._config.epochs:
            for step in self._loader.epoch(self.position):
                watch.add(self._step(step), step.num_items)
                self.position = step.after
                self.num_steps += 1
                self._tell(listener, watch)
        self.model.eval()
        return self.curve

    def save(self, folder: Path) -> None:
        """Write a checkpoint from which `restore` goes on to the same weights."""
        state = {
            "model": self.model.state_dict(),
            "optimisers": self._optimisers.state(),
            "position": asdict(self.position),
            "num_steps": self.num_steps,
            "curve": self.curve,
        }
        save_checkpoint(state, folder)

    def restore(self, folder: Path) -> None:
        """Take up a run where `save` left it.

        Raises:
            FileNotFoundError: The folder holds no finished checkpoint.
        """
        state = load_checkpoint(folder)
        self.model.load_state_dict(state["model"])
        self._optimisers.restore(state["optimisers"])
        self.position = Position(**state["position"])
        self.num_steps = state["num_steps"]
        self.curve = state["curve"]

    def _step(self, step: Step) -> float:
        # The random numbers of a step depend on the step alone: a resumed run draws the same ones.
        torch.manual_seed((self._seed * 1_000_003 + self.num_steps) * 1_009 + self._worker.rank)
        batch, labels = step.batch.to(self._worker.device), step.labels.to(self._worker.device)
        loss = ranking_loss(self.model(batch), labels, total_weight=step.weight)
        loss.backward()
        total = float(self._sync(loss.detach().reshape(1))[0])
        if not math.isfinite(total):
            self._diverged(step, total)
        self._leave_alone(step)
        torch.nn.utils.clip_grad_norm_(self._dense, self._config.clip_norm)
        self._optimisers.step(self.num_steps)
        return total

    def _leave_alone(self, step: Step) -> None:
        """Keep Adam's momentum from moving what belongs to domains that the global batch lacks."""
        for domain, parameters in self._owned.items():
            if domain not in step.domains:
                for parameter in parameters:
                    parameter.grad = None

    def _tell(self, listener: Listener | None, watch: _Watch) -> None:
        ends = self.num_steps == self.total_steps
        if self.num_steps % self._config.log_steps == 0 or ends:
            point = watch.point()
            self.curve.append(asdict(point))
            if listener is not None:
                listener.point(point)
        if listener is not None and (self.num_steps % self._config.checkpoint_steps == 0 or ends):
            listener.checkpoint(self)

    def _diverged(self, step: Step, loss: float) -> None:
        path = self._failures / f"step-{self.num_steps}-worker-{self._worker.rank}.pt"
        path.parent.mkdir(parents=True, exist_ok=True)
        tensors: dict[str, Tensor] = {}
        for part in (step.batch, step.labels):
            tensors.update({field.name: getattr(part, field.name) for field in fields(part)})
        torch.save(tensors, path)
        raise DivergedError(
            f"the loss is {loss} at step {self.num_steps} of {self.total_steps}; the batch is in {path}. "
            f"Look for infinite inputs there, or lower embedding_rate={self._config.embedding_rate} and "
            f"dense_rate={self._config.dense_rate}"
        )


class _Watch:
    """Loss and speed since the last point of the curve."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._begin = time.monotonic()
        self._first = trainer.num_steps
        self._clear()

    def _clear(self) -> None:
        self._since, self._loss, self._steps, self._rows = time.monotonic(), 0.0, 0, 0

    def add(self, loss: float, rows: int) -> None:
        self._loss += loss
        self._steps += 1
        self._rows += rows

    def point(self) -> Point:
        trainer, now = self._trainer, time.monotonic()
        per_step = (now - self._begin) / max(1, trainer.num_steps - self._first)
        point = Point(
            step=trainer.num_steps,
            epoch=trainer.num_steps / max(1, trainer._loader.steps_per_epoch),
            loss=self._loss / max(1, self._steps),
            rows_per_second=self._rows / max(1e-9, now - self._since),
            seconds_left=per_step * (trainer.total_steps - trainer.num_steps),
        )
        self._clear()
        return point
