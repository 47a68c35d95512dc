"""One trial of a sweep: train on one core, judge on the days after, remember the result."""

from __future__ import annotations

import json
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uniscale.config import Settings
from uniscale.config.state_files import append_line, read_state
from uniscale.whole_files import write_whole

if TYPE_CHECKING:
    from uniscale.recipes.job import TrainJob
    from uniscale.training.curve import CurvePoint
    from uniscale.training.loop import Trainer


def run_trial(config: dict[str, Any]) -> None:
    """Train and judge one job; the result goes to a file, written whole, and to Ray Tune.

    Args:
        config: ``settings`` and ``job`` as plain values, ``ds`` the day of the run, ``folder`` of the sweep.
    """
    from ray import tune

    from uniscale.evaluation.trial import judge_trial
    from uniscale.recipes.job import TrainJob, train_alone
    from uniscale.training.determinism import use_threads

    settings = Settings(**config["settings"])
    job, folder = TrainJob.from_content(config["job"]), Path(config["folder"])
    use_threads(settings.training.threads)
    start = time.monotonic()
    trainer = train_alone(settings, job, _Progress(progress_file(folder, job.key)))
    result = {
        **_facts(job, trainer),
        **judge_trial(settings, trainer.model, date.fromisoformat(config["ds"])),
        "seconds": round(time.monotonic() - start, 1),
    }
    write_result(folder, job.key, result)
    tune.report(result)


def progress_file(folder: Path, key: str) -> Path:
    """Where a trial writes its loss curve while it runs."""
    return folder / f"{key}.progress"


def result_file(folder: Path, key: str) -> Path:
    """Where a trial's result is when it is done."""
    return folder / f"{key}.json"


def read_result(folder: Path, key: str) -> dict[str, Any] | None:
    """A trial's result, or None if it is not done, or its file is damaged."""
    return read_state(result_file(folder, key), dict[str, Any])


def write_result(folder: Path, key: str, result: dict[str, Any]) -> None:
    """Write a result so that it is whole or absent."""
    write_whole(result_file(folder, key), json.dumps(result))


def _facts(job: TrainJob, trainer: Trainer) -> dict[str, Any]:
    from uniscale.models.zoo import num_params

    speeds = sorted(point["rows_per_second"] for point in trainer.curve)
    return {
        "name": job.recipe.name,
        "model": job.recipe.model,
        "size": job.recipe.size,
        "data": job.recipe.data.name,
        "share": job.recipe.data.share,
        "num_params": num_params(trainer.model),
        "num_requests": trainer.num_requests,
        "num_rows": trainer.num_items,
        "num_steps": trainer.num_steps,
        "passes": round(trainer.passes, 2),
        "train_loss": trainer.curve[-1]["loss"],
        "rows_per_second": round(speeds[len(speeds) // 2]),
    }


class _Progress:
    """Writes the loss curve to a file; a trial is short and keeps no checkpoints."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def point(self, point: CurvePoint) -> None:
        append_line(self._path, json.dumps(point.numbers()))

    def checkpoint(self, trainer: Trainer) -> None:
        del trainer
