"""One training run as data: what a worker needs to know, and the key that names the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import torch

from uniscale.config import Settings
from uniscale.contracts.code import code_of
from uniscale.contracts.frames import FRAMES
from uniscale.contracts.optimisation import TrainConfig
from uniscale.contracts.policy import load_policy
from uniscale.data.loader import Loader
from uniscale.data.mixture import count_requests
from uniscale.data.recipe import get_data
from uniscale.data.training_set import training_set
from uniscale.evaluation.level import set_level
from uniscale.features.training_frames.build import training_frame_keys
from uniscale.lake import Lake
from uniscale.lake.keys import input_key, setting_values
from uniscale.models.ranker import Ranker
from uniscale.models.zoo import build_model
from uniscale.recipes.recipe import Recipe
from uniscale.training.config import Worker
from uniscale.training.loop import Listener, Trainer

_SETTINGS = (
    "seed",
    "domains",
    "target_domain",
    *(f"training.{name}" for name in ("num_workers", "threads", "device", "precision", "compiled", "tables", "dense")),
)
"""Settings that the weights depend on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainJob:
    """A recipe on given days at a given state of the lake.

    Attributes:
        key: Hash of all that decides the weights; a registered version carries it.
        recipe: What is trained.
        days: UTC days whose training frames are read, in order.
        snapshot_id: Lake snapshot they are read at.
    """

    key: str
    recipe: Recipe
    days: tuple[date, ...]
    snapshot_id: int

    def content(self) -> dict[str, Any]:
        """The job as plain values, for a worker in another process."""
        days = [day.isoformat() for day in self.days]
        return {"key": self.key, "recipe": self.recipe.content(), "days": days, "snapshot_id": self.snapshot_id}

    @staticmethod
    def from_content(content: dict[str, Any]) -> TrainJob:
        """The job that `content` came from."""
        return TrainJob(
            key=content["key"],
            recipe=Recipe.from_content(content["recipe"]),
            days=tuple(date.fromisoformat(day) for day in content["days"]),
            snapshot_id=content["snapshot_id"],
        )


def plan_job(settings: Settings, lake: Lake, recipe: Recipe, days: Sequence[date], role: str) -> TrainJob:
    """Pin the lake and name the run.

    Args:
        settings: Seed, domains, workers.
        lake: Holds the frames.
        recipe: What is trained.
        days: UTC days whose training frames are read.
        role: What it is trained as; a version has one role, so each role has its own key.

    Raises:
        ValueError: Frames of a day were never built, or no day has a training request.
    """
    snapshot_id = lake.snapshot_id()
    key = input_key(
        {
            "role": role,
            "recipe": recipe.content(),
            "frames": _frame_keys(lake, days, snapshot_id),
            "settings": setting_values(settings, load_policy(settings.policy), _SETTINGS),
            "micro_batch": settings.training.micro_batch_limit,
            "code": code_of("ranker"),
        }
    )
    return TrainJob(key=key, recipe=recipe, days=tuple(sorted(days)), snapshot_id=snapshot_id)


def build_trainer(settings: Settings, job: TrainJob, worker: Worker | None = None) -> Trainer:
    """Read the job's frames and set up its trainer, the same on every worker but for the share of the batches.

    Args:
        settings: The installation.
        job: What is trained.
        worker: This process; default the only one, computing as the settings tell.

    Raises:
        ValueError: The training set is empty or too small for the workers, or a share is of an unknown domain.
    """
    place = worker or worker_of(settings)
    seed = settings.seed + job.recipe.seed_offset
    recipe, lake = job.recipe, Lake(settings)
    torch.manual_seed(seed)
    model = build_model(recipe.model, recipe.size, settings.domains, config_changes=recipe.config_changes)
    length = model.inputs.history_length
    store = training_set(settings, lake, job.days, recipe.data, history_length=length, snapshot_id=job.snapshot_id)
    loader = Loader(
        store,
        batch_requests=recipe.train.batch_requests,
        seed=seed,
        rank=place.rank,
        world_size=place.world_size,
        shares=_shares(recipe, settings.domains),
        prefetch=settings.training.prefetch_batches,
        # Fused tables are updated by every backward pass: a batch is then one.
        micro_batch=None if place.tables == "fbgemm" else settings.training.micro_batch_limit,
    )
    failures = settings.home / "failures" / job.key
    return Trainer(model, loader, _optimisation(settings, job), seed=seed, failures=failures, worker=place)


def _optimisation(settings: Settings, job: TrainJob) -> TrainConfig:
    """That of the recipe, for as many steps as its data tell."""
    train, other = job.recipe.train, job.recipe.data.steps_of
    if other is None or train.steps is not None:
        return train
    requests = count_requests(
        Lake(settings), job.days, get_data(other), target_domain=settings.target_domain, snapshot_id=job.snapshot_id
    )
    return replace(train, steps=train.epochs * -(-requests // train.batch_requests))


def train_alone(settings: Settings, job: TrainJob, listener: Listener | None = None) -> Trainer:
    """Train a job to its end in this process, and give the ranker its level.

    Args:
        settings: The installation.
        job: What is trained.
        listener: Takes points of the loss curve and checkpoints.

    Returns:
        The trainer at the end of its run.
    """
    trainer = build_trainer(settings, job)
    trainer.run(listener)
    give_level(settings, job, trainer.model)
    return trainer


def give_level(settings: Settings, job: TrainJob, model: Ranker) -> dict[str, float]:
    """Give the ranker that a job trained its level; what it is, by task (`uniscale.evaluation.level`)."""
    return set_level(model, Lake(settings), job.days, target_domain=settings.target_domain, snapshot_id=job.snapshot_id)


def worker_of(settings: Settings, *, rank: int = 0, world_size: int = 1, device: str | None = None) -> Worker:
    """A worker that computes as the settings tell.

    Args:
        settings: The installation.
        rank: Its place.
        world_size: Workers of the run.
        device: Its device; default as in the settings.
    """
    training = settings.training
    return Worker(
        rank=rank,
        world_size=world_size,
        device=device or training.device,
        precision=training.precision,
        compiled=training.compiled,
        tables=training.tables,
        dense=training.dense,
    )


def _shares(recipe: Recipe, domains: Sequence[str]) -> dict[int, float] | None:
    shares = recipe.train.domain_shares
    if shares is None:
        return None
    unknown = sorted(set(shares) - set(domains))
    if unknown:
        raise ValueError(f"domain_shares of {recipe.name} name {unknown}; the domains are {', '.join(domains)}")
    return {domains.index(domain): share for domain, share in shares.items()}


def _frame_keys(lake: Lake, days: Sequence[date], snapshot_id: int) -> dict[str, str]:
    with lake.read(snapshot_id) as con:
        keys = training_frame_keys(con, days)
        query = f"select 1 from lake.{FRAMES.qualified} where split = 'train' and ds between ? and ? limit 1"
        if con.execute(query, [min(days), max(days)]).fetchone() is None:
            raise ValueError(f"there is no training request on the days {min(days)} to {max(days)}; choose other days")
    return {day.isoformat(): key for day, key in keys.items()}
