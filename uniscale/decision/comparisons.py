"""Rows of ``ml.comparisons``: what a day measured of each pair of versions, and the days that answer for two recipes.

A decision is a function of these rows up to its day, and of earlier decisions: a day that is judged again decides the
same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import combinations
from typing import Any

import duckdb

from uniscale.config.settings import GateSettings
from uniscale.contracts.metrics import CATALOGUE
from uniscale.contracts.outcomes import COMPARISONS, DECISIONS
from uniscale.contracts.slices import SLICES, WHOLE
from uniscale.decision.readings import Row
from uniscale.evaluation.bootstrap import Sample
from uniscale.evaluation.comparison import Measured
from uniscale.lake.lake import table_has
from uniscale.registry.version import Version

_ORDER = ("champion", "refresh", "challenger")
"""Of two roles the earlier one is the baseline."""


def watched_slices(gate: GateSettings) -> set[tuple[str, str]]:
    """Pairs of a slice and a metric that a day measures: the deciding metric on all, and what guardrails name."""
    named = {(rule.slice, rule.metric) for rule in gate.guardrails.values() if rule.slice != WHOLE}
    return named | {(name, gate.metric) for name in SLICES}


def comparison_rows(
    ds: date, versions: Mapping[str, Version], measured: Measured, confidence: float
) -> list[dict[str, Any]]:
    """The rows of a day: of every pair of its versions, every metric that can decide, and the slices."""
    rows = []
    for baseline, candidate in combinations([role for role in _ORDER if role in versions], 2):
        one, other = versions[baseline], versions[candidate]
        about = {
            "ds": ds,
            "baseline_role": baseline,
            "candidate_role": candidate,
            "baseline_version": one.version,
            "candidate_version": other.version,
            "baseline_recipe": one.recipe_key,
            "candidate_recipe": other.recipe_key,
            "is_same_days": one.days is not None and one.days == other.days,
        }
        of_candidate = {(where, metric): sample for where, metric, sample in _samples(measured, candidate)}
        for where, metric, sample in _samples(measured, baseline):
            difference = of_candidate[where, metric].minus(sample, confidence)
            rows.append(
                {
                    **about,
                    "slice": where,
                    "metric": metric,
                    "baseline": sample.value,
                    "candidate": of_candidate[where, metric].value,
                    "difference": difference.value,
                    "ci_low": difference.low,
                    "ci_high": difference.high,
                    "standard_error": difference.standard_error,
                    "num_requests": difference.num_requests,
                }
            )
    return rows


def day_rows(con: duckdb.DuckDBPyConnection, ds: date, baseline: Version, candidate: Version) -> dict[Any, Row]:
    """What a day measured of two versions, by slice and metric; empty if it did not compare them."""
    found = _read(
        con,
        "ds = ? and baseline_version = ? and candidate_version = ?",
        [ds, baseline.version, candidate.version],
    )
    return {(row["slice"], row["metric"]): row for row in found}


def recipe_rows(
    con: duckdb.DuckDBPyConnection, ds: date, baseline: str, candidate: str, eval_days: int
) -> dict[Any, list[Row]]:
    """What the days up to ``ds`` measured of two recipes trained on the same days, by slice and metric, oldest first.

    Days up to the last promotion before ``ds`` do not count: that question was decided. Nor does a day whose test
    requests are partly those of the last day that counts.

    Args:
        con: An open lake connection.
        ds: Last day.
        baseline: Key of the champion's recipe.
        candidate: Key of the other.
        eval_days: Test days of a run.
    """
    condition = "ds <= ? and baseline_recipe = ? and candidate_recipe = ? and is_same_days"
    parameters: list[Any] = [ds, baseline, candidate]
    if table_has(con, DECISIONS):
        condition += (
            f" and ds > coalesce((select max(ds) from lake.{DECISIONS.qualified} "
            "where decision = 'promoted' and ds < ?), date '0001-01-01')"
        )
        parameters.append(ds)
    found: dict[Any, list[Row]] = {}
    last = None
    for row in _read(con, condition, parameters):
        if last in (None, row["ds"]) or row["ds"] - last >= timedelta(days=eval_days):
            last = row["ds"]
            found.setdefault((row["slice"], row["metric"]), []).append(row)
    return found


def _samples(measured: Measured, role: str) -> Iterator[tuple[str, str, Sample]]:
    for metric, sample in measured.samples[role].items():
        if CATALOGUE[metric].can_decide:
            yield WHOLE, metric, sample
    for where, by_metric in measured.sliced[role].items():
        for metric, sample in by_metric.items():
            yield where, metric, sample


def _read(con: duckdb.DuckDBPyConnection, condition: str, parameters: list[Any]) -> list[Row]:
    if not table_has(con, COMPARISONS):
        return []
    query = f"select * from lake.{COMPARISONS.qualified} where {condition} order by ds, slice, metric"
    rows: list[Row] = con.execute(query, parameters).to_arrow_table().to_pylist()
    return rows
