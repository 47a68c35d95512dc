"""Metrics against a simulated marketplace's truth; apart from the others, and only where a truth is configured.

The label of a row is its true click probability given that it is looked at, for every candidate, shown or not. Unlike
native labels it carries no position bias and no chance. ``true_auc`` and ``true_gauc`` are over whole candidate lists,
``true_auc_exposed`` is over the exposed rows; the two kinds of AUC are not comparable with each other, because a whole
list is easier. ``true_calibration`` is what a ranker predicts for whole lists over what is true of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import duckdb
import numpy as np

from uniscale.config import Settings
from uniscale.contracts.frames import FRAMES
from uniscale.evaluation.bootstrap import Sample, by_role, resample
from uniscale.evaluation.metrics import grouped_auc
from uniscale.evaluation.statistic import Array, PooledAuc, Ratio, Statistic
from uniscale.simulator.blueprint import WORLD_FILE, world_name

MAX_RESAMPLES = 200
"""Whole lists have several times the rows of the exposed ones, and their labels are free of noise."""


def truth_files(settings: Settings, days: Sequence[date]) -> list[Path]:
    """Truth of the candidates of these days; empty when none is configured or a day is missing."""
    folder = settings.source.truth_dir
    if folder is None or not days:
        return []
    found = [sorted(folder.glob(f"candidates/ds={day}/*.parquet")) for day in days]
    return [path for paths in found for path in paths] if all(found) else []


def truth_world(settings: Settings, days: Sequence[date]) -> str | None:
    """Name of the world whose truth judges these days: a preset, or what was changed in it; None without a truth."""
    folder = settings.source.truth_dir
    if folder is None or not truth_files(settings, days):
        return None
    return world_name(folder.parent) or f"no {WORLD_FILE} next to {folder.name}/"


def measure_truth(
    con: duckdb.DuckDBPyConnection, settings: Settings, days: Sequence[date], predictions: Mapping[str, str]
) -> dict[str, dict[str, Sample]]:
    """True metrics of every role on resamples they share, by role and metric; empty without a truth.

    Args:
        con: An open lake connection.
        settings: Where the truth is, target domain, resamples and seed.
        days: UTC days of the test requests.
        predictions: SQL relation of the predictions by role.

    Raises:
        ValueError: A predicted candidate has no truth.
    """
    files = truth_files(settings, days)
    if not files:
        return {}
    named: dict[tuple[str, str], Statistic] = {}
    num_requests = 0
    for role, relation in predictions.items():
        statistics, num_requests = _statistics(con, settings, days, relation, files)
        named |= {(role, metric): statistic for metric, statistic in statistics.items()}
    resamples = min(settings.gate.num_resamples, MAX_RESAMPLES)
    return by_role(resample(named, num_requests, num_resamples=resamples, seed=settings.seed))


def _statistics(
    con: duckdb.DuckDBPyConnection, settings: Settings, days: Sequence[date], predictions: str, files: list[Path]
) -> tuple[dict[str, Statistic], int]:
    params = [settings.target_domain, list(days), min(days), max(days), [str(path) for path in files]]
    rows = con.execute(_QUERY.format(frames=FRAMES.qualified, predictions=predictions), params).to_arrow_table()
    if rows.column("label").null_count:
        raise ValueError(
            f"{rows.column('label').null_count} of {rows.num_rows} candidates have no truth in "
            f"{settings.source.truth_dir}; set source.truth_dir to the truth of the logs in source.events_dir"
        )
    request_N, shown_N, score_N, label_N = (np.asarray(column.to_numpy()) for column in rows.columns)
    shown_N = shown_N.astype(bool)
    num_requests = int(request_N[-1]) + 1 if len(request_N) else 0
    statistics: dict[str, Statistic] = {
        "true_auc": PooledAuc(request_N, label_N, score_N),
        "true_gauc": grouped_auc(request_N, label_N, score_N, num_requests),
        "true_auc_exposed": PooledAuc(request_N[shown_N], label_N[shown_N], score_N[shown_N]),
        "true_calibration": Ratio(
            _sum(score_N, request_N, num_requests), _sum(label_N, request_N, num_requests), num_requests
        ),
    }
    return statistics, num_requests


def _sum(values_N: Array, request_N: Array, num_requests: int) -> Array:
    return np.bincount(request_N, weights=values_N, minlength=num_requests)


_QUERY = """
    with requests as (
        select
            row_number() over (order by frames.ds, frames.sample_id) - 1 as request_index,
            frames.sample_id as request_id, frames.item_ids, frames.is_exposed, predicted.click_probability
        from lake.{frames} as frames
        inner join ({predictions}) as predicted on predicted.request_id = frames.sample_id
        where frames.split = 'eval' and frames.domain = ? and list_contains(?, frames.ds)
            and frames.ds between ? and ?
    ),

    candidates as (
        select
            request_index, request_id, generate_subscripts(item_ids, 1) as place, unnest(item_ids) as item_id,
            unnest(is_exposed) as is_exposed, unnest(click_probability) as score
        from requests
    ),

    truth as (
        select request_id, item_id, click_probability from read_parquet(?)
    )

    select candidates.request_index, candidates.is_exposed, candidates.score, truth.click_probability as label
    from candidates
    left join truth on truth.request_id = candidates.request_id and truth.item_id = candidates.item_id
    order by candidates.request_index, candidates.place
"""
