"""Champion and challenger on the same test requests and the same resamples."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from uniscale.config import Settings
from uniscale.contracts.literals import quoted
from uniscale.contracts.outcomes import PREDICTIONS
from uniscale.evaluation.bootstrap import Sample, by_role, resample
from uniscale.evaluation.metrics import statistics
from uniscale.evaluation.outcomes import Outcomes, read_judged
from uniscale.evaluation.truth import measure_truth


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """Metrics of the compared rankers.

    Attributes:
        outcomes: What happened on the test requests.
        samples: By role, then by metric.
    """

    outcomes: Outcomes
    samples: Mapping[str, Mapping[str, Sample]]


def stored_predictions(ds: date, role: str) -> str:
    """SQL relation of the stored predictions of a role."""
    return f"select * from lake.{PREDICTIONS.qualified} where ds = date '{ds}' and role = {quoted(role)}"


def measure_roles(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    days: Sequence[date],
    predictions: Mapping[str, str],
    *,
    only: Collection[str] | None = None,
) -> Measured:
    """Value metrics of every role on the test requests and on resamples they share.

    Args:
        con: An open lake connection.
        settings: Target domain, number of resamples and seed.
        days: UTC days of the test requests.
        predictions: SQL relation of the predictions by role, at least one.
        only: Metrics to value; default all, and those of the truth where there is one.

    Raises:
        ValueError: A test request lacks predictions.
    """
    named = {}
    outcomes = None
    for role, relation in predictions.items():
        outcomes, scores = read_judged(con, relation, days, settings.target_domain)
        for metric, statistic in statistics(outcomes, scores).items():
            if only is None or metric in only:
                named[role, metric] = statistic
    assert outcomes is not None, "at least one role is measured"
    drawn = resample(named, outcomes.num_requests, num_resamples=settings.gate.num_resamples, seed=settings.seed)
    samples = by_role(drawn)
    true = {} if only is not None else measure_truth(con, settings, days, predictions)
    return Measured(outcomes=outcomes, samples={role: {**samples[role], **true.get(role, {})} for role in samples})
