"""Does what other domains add to the samples help search, or poison it? Trained with and without, judged as pairs.

Every arm is the recipe of the challenger for the same number of steps; one has all of ES3, each other lacks one kind of
what comes from outside search. The difference on the same test requests, with its bootstrap interval, is what that kind
is worth on this day.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from uniscale.config import Settings
from uniscale.config.calendar import eval_days, train_days
from uniscale.data.mixture import count_requests
from uniscale.data.recipe import get_data
from uniscale.evaluation.bootstrap import Estimate, Sample
from uniscale.evaluation.comparison import measure_roles
from uniscale.evaluation.scoring import score_frames
from uniscale.lake import Lake
from uniscale.recipes.catalogue import get_recipe
from uniscale.recipes.job import TrainJob, plan_job, train_alone
from uniscale.whole_files import whole_file, write_whole

WITH = "es3"
"""Data with all that is added."""
WITHOUT = {
    "labels of outside actions": "unattributed",
    "synthetic requests": "attributed",
    "both": "unexposed",
}
"""Data that lack one kind of what comes from other domains, by what they lack."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Worth:
    """What one kind of added data is worth.

    Attributes:
        kind: What it is.
        metric: Metric of the difference.
        difference: With it minus without it, mean over the seeds, with its interval over test requests.
        by_seed: The difference of each seed; None where undefined.
        is_harmful: Whether the whole interval lies below zero.
    """

    kind: str
    metric: str
    difference: Estimate
    by_seed: tuple[float | None, ...]
    is_harmful: bool


def check_poison(
    settings: Settings, lake: Lake, ds: date, seeds: int, tell: Callable[[str], None] = lambda _: None
) -> list[Worth]:
    """Train all arms of a day and compare them; an arm that is done is not done again.

    Args:
        settings: The installation; its challenger's ranker, size and training, and the gate's metric, are taken.
        lake: Its lake, with the frames of the run of ``ds``.
        ds: Day of the run.
        seeds: Seeds per arm, at least one.
        tell: Takes a line per arm.

    Returns:
        One entry per kind; also written to ``poison/DS/worth.json`` in the home of the installation.

    Raises:
        ValueError: Frames of a day were never built, or a test request lacks predictions.
    """
    metric, confidence = settings.gate.metric, settings.gate.confidence
    folder, days = settings.home / "poison" / ds.isoformat(), eval_days(settings, ds)
    roles: dict[tuple[str, int], pa.Table] = {}
    for data in (WITH, *WITHOUT.values()):
        for seed in range(seeds):
            job = _job(settings, lake, ds, data, seed)
            roles[data, seed] = _predictions(settings, lake, folder, job, days)
            tell(f"{job.recipe.name} is trained and judged")
    with lake.read() as con:
        names = {role: f"predicted_{role[0]}_{role[1]}" for role in roles}
        for role, table in roles.items():
            con.register(names[role], table)
        relations = {names[role]: f"from {names[role]}" for role in roles}
        measured = measure_roles(con, settings, days, relations)
    samples = {role: measured.samples[names[role]][metric] for role in roles}
    found = [
        _worth(kind, metric, [(samples[WITH, seed], samples[data, seed]) for seed in range(seeds)], confidence)
        for kind, data in WITHOUT.items()
    ]
    write_whole(folder / "worth.json", json.dumps([asdict(one) for one in found], indent=2))
    return found


def _job(settings: Settings, lake: Lake, ds: date, data: str, seed: int) -> TrainJob:
    days = train_days(settings, ds)
    base = get_recipe(settings.training.challenger_recipe, settings.recipes)
    requests = count_requests(lake, days, get_data(WITH), target_domain=settings.target_domain)
    steps = base.train.epochs * -(-requests // base.train.batch_requests)
    recipe = replace(
        base,
        name=f"{base.name} on {data}, seed {seed}",
        data=get_data(data),
        train=replace(base.train, steps=steps),
        seed_offset=base.seed_offset + seed,
    )
    return plan_job(settings, lake, recipe, days, "poison")


def _predictions(settings: Settings, lake: Lake, folder: Path, job: TrainJob, days: list[date]) -> pa.Table:
    path = folder / f"{job.key}.parquet"
    if not path.is_file():
        model = train_alone(settings, job).model
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as unfinished:
            pq.write_table(score_frames(model, lake, days, target_domain=settings.target_domain), unfinished)
    return pq.read_table(path)


def _worth(kind: str, metric: str, pairs: list[tuple[Sample, Sample]], confidence: float) -> Worth:
    by_seed = tuple(with_it.minus(without, confidence).value for with_it, without in pairs)
    values = [value for value in by_seed if value is not None]
    mean = Sample(
        value=float(np.mean(values)) if len(values) == len(pairs) else None,
        draws_B=np.mean([with_it.draws_B - without.draws_B for with_it, without in pairs], axis=0),
        num_requests=min(sample.num_requests for pair in pairs for sample in pair),
    )
    difference = mean.estimate(confidence)
    is_harmful = difference.high is not None and difference.high < 0
    return Worth(kind=kind, metric=metric, difference=difference, by_seed=by_seed, is_harmful=is_harmful)
