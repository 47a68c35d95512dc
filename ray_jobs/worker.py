"""What each Ray Train worker runs: the library's trainer, with checkpoints handed to Ray."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uniscale.config import Settings
from uniscale.config.state_files import append_line

if TYPE_CHECKING:
    from uniscale.training.curve import CurvePoint
    from uniscale.training.loop import Trainer

MODEL_FOLDER = "model"
CURVE_FILE = "curve.json"
DIVERGED_FILE = "diverged.txt"


def train_worker(config: dict[str, Any]) -> None:
    """Train a job to its end, from its last checkpoint if there is one.

    Args:
        config: ``settings`` and ``job`` as plain values, ``progress`` the file that receives the loss curve.
    """
    import ray.train
    import ray.train.torch

    from uniscale.recipes.job import TrainJob, build_trainer, worker_of
    from uniscale.training.determinism import use_threads
    from uniscale.training.loop import DivergedError
    from uniscale.training.memory import keep_memory

    settings = Settings(**config["settings"])
    use_threads(settings.training.threads)
    keep_memory()
    context = ray.train.get_context()
    device = str(ray.train.torch.get_device()) if settings.training.device == "cuda" else None
    rank, world_size = context.get_world_rank(), context.get_world_size()
    worker = worker_of(settings, rank=rank, world_size=world_size, device=device)
    trainer = build_trainer(settings, TrainJob.from_content(config["job"]), worker)
    checkpoint = ray.train.get_checkpoint()
    if checkpoint is not None:
        with checkpoint.as_directory() as folder:
            if (Path(folder) / DIVERGED_FILE).is_file():
                return
            trainer.restore(Path(folder))
    try:
        trainer.run(_Reporter(worker.rank, Path(config["progress"])))
    except DivergedError as error:
        # The same data would diverge again: tell the driver, which gives up, instead of failing, which is retried.
        _report_divergence(worker.rank, str(error))


def _report_divergence(rank: int, reason: str) -> None:
    """End with a checkpoint that holds the reason: Ray keeps metrics only together with a checkpoint."""
    import ray.train

    if rank != 0:
        ray.train.report({})
        return
    with tempfile.TemporaryDirectory(prefix="us-checkpoint-") as name:
        (Path(name) / DIVERGED_FILE).write_text(reason, encoding="utf-8")
        ray.train.report({}, checkpoint=ray.train.Checkpoint.from_directory(name))


class _Reporter:
    """Passes progress to a file that the driver reads, and checkpoints to Ray."""

    def __init__(self, rank: int, progress: Path) -> None:
        self._rank = rank
        self._progress = progress

    def point(self, point: CurvePoint) -> None:
        if self._rank == 0:
            append_line(self._progress, json.dumps(point.numbers()))

    def checkpoint(self, trainer: Trainer) -> None:
        """Report from every worker; all know the same state, so the first one writes it."""
        import ray.train

        from uniscale.training.checkpoint import save_checkpoint

        metrics, state = {"step": trainer.num_steps}, trainer.state()
        if self._rank != 0:
            ray.train.report(metrics)
            return
        with tempfile.TemporaryDirectory(prefix="us-checkpoint-") as name:
            folder = Path(name)
            save_checkpoint(state, folder)
            if trainer.num_steps == trainer.total_steps:
                _save_result(trainer, state, folder)
            ray.train.report(metrics, checkpoint=ray.train.Checkpoint.from_directory(name))


def _save_result(trainer: Trainer, state: dict[str, Any], folder: Path) -> None:
    from uniscale.models.zoo import save_model
    from uniscale.training.placement import whole_ranker

    save_model(whole_ranker(trainer.model, state), folder / MODEL_FOLDER)
    result = {
        "curve": trainer.curve,
        "num_items": trainer.num_items,
        "num_requests": trainer.num_requests,
        "passes": trainer.passes,
    }
    (folder / CURVE_FILE).write_text(json.dumps(result), encoding="utf-8")
