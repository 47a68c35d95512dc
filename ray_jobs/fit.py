"""One job on Ray Train, from its last checkpoint if an earlier attempt left one."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray_jobs.progress import Watched, shown
from ray_jobs.worker import CURVE_FILE, DIVERGED_FILE, MODEL_FOLDER, train_worker
from uniscale.config import Settings
from uniscale.config.state_files import read_state
from uniscale.console import err
from uniscale.recipes.job import TrainJob


@dataclass(frozen=True, kw_only=True, slots=True)
class Fitted:
    """A trained ranker that is not yet registered.

    Attributes:
        model_dir: Folder with model.json and weights.pt.
        curve: Loss curve, `uniscale.training.curve.CurvePoint.numbers` of every point.
        num_requests: Requests of the training set.
        num_items: Its rows.
        passes: How often the run saw each of them.
        seconds: Wall time of this attempt, start of the workers included.
    """

    model_dir: Path
    curve: list[dict[str, Any]]
    num_requests: int
    num_items: int
    passes: float
    seconds: float

    @property
    def loss(self) -> float:
        """Mean training loss over the last tenth of the run."""
        last = [point["loss"] for point in self.curve if point["step"] > 0.9 * self.curve[-1]["step"]]
        return float(sum(last) / len(last))

    @property
    def rows_per_second(self) -> float:
        """Median training speed over the curve, all workers together."""
        speeds = sorted(point["rows_per_second"] for point in self.curve)
        return float(speeds[len(speeds) // 2])


@contextmanager
def fit(settings: Settings, job: TrainJob) -> Iterator[Fitted]:
    """Train a job inside a Ray session; its files are removed when the block ends without an error.

    Raises:
        RuntimeError: The loss diverged, or workers failed more often than ``training.max_failures``.
    """
    storage = settings.home / "ray"
    storage.mkdir(parents=True, exist_ok=True)
    progress = storage / f"{job.key}.progress"
    start = time.monotonic()
    with shown([Watched(path=progress, title=job.recipe.name)]):
        result = _run(settings, job, storage, progress)
    with result.checkpoint.as_directory() as name:
        folder = Path(name)
        _refuse_diverged(folder, job, storage)
        facts = json.loads((folder / CURVE_FILE).read_text(encoding="utf-8"))
        yield Fitted(model_dir=folder / MODEL_FOLDER, seconds=time.monotonic() - start, **facts)
    shutil.rmtree(storage / job.key, ignore_errors=True)


def _refuse_diverged(folder: Path, job: TrainJob, storage: Path) -> None:
    if (folder / DIVERGED_FILE).is_file():
        reason = (folder / DIVERGED_FILE).read_text(encoding="utf-8")
        shutil.rmtree(storage / job.key, ignore_errors=True)
        raise RuntimeError(f"{job.recipe.name}: {reason}")


def _drop_torn_state(folder: Path) -> None:
    """Remove Ray's list of checkpoints if a kill left it half-written: the run then starts from the beginning."""
    state = folder / "checkpoint_manager_snapshot.json"
    if state.is_file() and read_state(state, dict[str, Any]) is None:
        state.unlink()


def _run(settings: Settings, job: TrainJob, storage: Path, progress: Path) -> Any:
    from ray.train import CheckpointConfig, FailureConfig, RunConfig, ScalingConfig, TrainingFailedError
    from ray.train.torch import TorchConfig, TorchTrainer

    from ray_jobs.local_trainer import LocalTrainer

    training = settings.training
    kind = LocalTrainer if training.ray_address is None else TorchTrainer
    _drop_torn_state(storage / job.key)
    trainer = kind(
        train_worker,
        train_loop_config={
            "settings": settings.for_workers(),
            "job": job.content(),
            "progress": str(progress),
        },
        torch_config=TorchConfig(backend=training.process_group),
        scaling_config=ScalingConfig(
            num_workers=training.num_workers, use_gpu=training.device == "cuda", resources_per_worker={"CPU": 1}
        ),
        run_config=RunConfig(
            name=job.key,
            storage_path=str(storage),
            failure_config=FailureConfig(max_failures=training.max_failures),
            checkpoint_config=CheckpointConfig(num_to_keep=1),
        ),
    )
    try:
        return trainer.fit()
    except TrainingFailedError as error:
        err.print(str(error), highlight=False, markup=False)
        raise RuntimeError(f"{job.recipe.name}: {_cause(error)}") from error


def _cause(error: Exception) -> str:
    """What failed first, in a line: the end of the traceback of a worker."""
    failures: dict[int, Exception] = getattr(error, "worker_failures", {})
    where, failure = next(((f"worker {rank}: ", failed) for rank, failed in failures.items()), ("", error))
    return where + str(failure).strip().splitlines()[-1].strip()
