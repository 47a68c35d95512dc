"""Training trials side by side."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from uniscale.config import Settings
from uniscale.config.calendar import train_days
from uniscale.lake import Lake

if TYPE_CHECKING:
    from uniscale.recipes.recipe import Recipe
    from uniscale.training.loop import Trainer


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """A recipe that was trained and judged.

    Attributes:
        trainer: At the end of its run.
        metrics: On the requests of the day after the training days.
        seconds: Wall time of the training, data and level included.
    """

    trainer: Trainer
    metrics: dict[str, float | None]
    seconds: float


def train_and_judge(content: dict[str, Any], ds: date, recipe: Recipe) -> Trial:
    """Train a recipe on one thread, on the days up to ``ds``, and judge it on the day after.

    Args:
        content: Settings as plain values.
        ds: Last training day.
        recipe: What is trained.
    """
    from uniscale.evaluation.trial import judge_trial
    from uniscale.recipes.job import plan_job, train_alone
    from uniscale.training.determinism import use_threads

    settings = Settings(**content)
    use_threads(1)
    start = time.perf_counter()
    job = plan_job(settings, Lake(settings), recipe, train_days(settings, ds), "study")
    trainer = train_alone(settings, job)
    seconds = round(time.perf_counter() - start, 1)
    return Trial(trainer=trainer, metrics=judge_trial(settings, trainer.model, ds), seconds=seconds)


def run_all(run: Callable[[Any], dict[str, Any]], work: Sequence[Any]) -> list[dict[str, Any]]:
    """Run each piece of work, one process a core; results come in the order in which they are done."""
    trials = []
    with multiprocessing.get_context("spawn").Pool(os.cpu_count(), maxtasksperchild=1) as pool:
        for trial in pool.imap_unordered(run, work):
            trials.append(trial)
            print(f"{len(trials)} of {len(work)}: {trial}", file=sys.stderr, flush=True)
    return trials
