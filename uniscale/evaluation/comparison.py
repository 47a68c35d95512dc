"""Champion and challenger on the same test requests and the same resamples."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from uniscale.config import Settings
from uniscale.contracts.slices import WHOLE
from uniscale.evaluation.bootstrap import Sample, resample
from uniscale.evaluation.metrics import statistics
from uniscale.evaluation.outcomes import Outcomes, read_judged
from uniscale.evaluation.slices import find_slices, within
from uniscale.evaluation.statistic import Statistic
from uniscale.evaluation.truth import measure_truth


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """Metrics of the compared rankers.

    Attributes:
        outcomes: What happened on the test requests.
        samples: By role, then by metric.
        sliced: By role, then by slice, then by metric; the whole is not among them.
    """

    outcomes: Outcomes
    samples: Mapping[str, Mapping[str, Sample]]
    sliced: Mapping[str, Mapping[str, Mapping[str, Sample]]]


def measure_roles(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    days: Sequence[date],
    predictions: Mapping[str, str],
    *,
    on_slices: Collection[tuple[str, str]] = (),
) -> Measured:
    """Value metrics of every role on the test requests and on resamples they share.

    Metrics of the truth are among them where there is one.

    Args:
        con: An open lake connection.
        settings: Target domain, number of resamples and seed.
        days: UTC days of the test requests.
        predictions: SQL relation of the predictions by role, at least one.
        on_slices: Pairs of a slice and a metric to value on it.

    Raises:
        ValueError: A test request lacks predictions.
    """
    named: dict[tuple[str, str, str], Statistic] = {}
    outcomes = None
    masks = find_slices(con, days, settings.target_domain) if on_slices else {}
    for role, relation in predictions.items():
        outcomes, scores = read_judged(con, relation, days, settings.target_domain)
        named |= {(role, WHOLE, metric): found for metric, found in statistics(outcomes, scores).items()}
        for slice_name in {name for name, _ in on_slices}:
            found = statistics(*within(masks[slice_name], outcomes, scores))
            named |= {(role, *pair): found[pair[1]] for pair in on_slices if pair[0] == slice_name}
    assert outcomes is not None, "at least one role is measured"
    drawn = resample(named, outcomes.num_requests, num_resamples=settings.gate.num_resamples, seed=settings.seed)
    samples: dict[str, dict[str, Sample]] = {role: {} for role in predictions}
    sliced: dict[str, dict[str, dict[str, Sample]]] = {role: {} for role in predictions}
    for (role, slice_name, metric), sample in drawn.items():
        place = samples[role] if slice_name == WHOLE else sliced[role].setdefault(slice_name, {})
        place[metric] = sample
    true = measure_truth(con, settings, days, predictions)
    return Measured(
        outcomes=outcomes,
        samples={role: {**found, **true.get(role, {})} for role, found in samples.items()},
        sliced=sliced,
    )
