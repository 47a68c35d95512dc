"""Predictions, metrics, comparisons and decisions as lake rows: a day's rows are replaced whole, in one commit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa

from uniscale.contracts.outcomes import COMPARISONS, DECISIONS, METRICS, PREDICTIONS
from uniscale.contracts.schema import Table
from uniscale.decision.verdict import Verdict
from uniscale.evaluation.bootstrap import Estimate, Sample
from uniscale.lake import Lake
from uniscale.lake.lake import table_has
from uniscale.registry.version import Version

INTERVAL = 0.95
"""Confidence of the intervals in ``ml.metrics``; the gate has its own."""


def metric_rows(
    ds: date, versions: Mapping[str, Version], samples: Mapping[str, Mapping[str, Sample]]
) -> list[dict[str, Any]]:
    """Rows of ``ml.metrics``: one per role and metric, and the paired differences when there are two roles."""
    rows = [
        _metric_row(ds, role, versions[role], metric, sample.estimate(INTERVAL))
        for role, by_metric in samples.items()
        for metric, sample in by_metric.items()
    ]
    if "challenger" in versions:
        champion, challenger = samples["champion"], samples["challenger"]
        rows += [
            _metric_row(ds, "difference", versions["challenger"], metric, sample.minus(champion[metric], INTERVAL))
            for metric, sample in challenger.items()
        ]
    return rows


def _metric_row(ds: date, role: str, version: Version, metric: str, estimate: Estimate) -> dict[str, Any]:
    return {
        "ds": ds,
        "role": role,
        "model_name": version.name,
        "model_version": version.version,
        "num_params": version.num_params,
        "metric": metric,
        "value": estimate.value,
        "ci_low": estimate.low,
        "ci_high": estimate.high,
        "num_requests": estimate.num_requests,
    }


def write_evaluation(
    lake: Lake,
    ds: date,
    versions: Mapping[str, Version],
    predictions: Mapping[str, pa.Table],
    *,
    metrics: list[dict[str, Any]],
    comparisons: list[dict[str, Any]],
) -> None:
    """Replace the day's predictions, metrics and comparisons in one commit."""
    tables = []
    for role, table in predictions.items():
        facts = {"ds": ds, "role": role, "model_version": versions[role].version}
        repeated = [pa.repeat(pa.scalar(value), table.num_rows) for value in facts.values()]
        tables.append(pa.table([*repeated, *table.columns], names=[*facts, *table.column_names]))
    predicted, measured = pa.concat_tables(tables), pa.Table.from_pylist(metrics, schema=_METRIC_TYPES)
    compared = pa.Table.from_pylist(comparisons, schema=_COMPARISON_TYPES)

    def work(con: duckdb.DuckDBPyConnection) -> None:
        _replace_day(con, PREDICTIONS, ds, predicted)
        _replace_day(con, METRICS, ds, measured)
        _replace_day(con, COMPARISONS, ds, compared)

    lake.commit(work, f"evaluation of {ds}")


def write_decision(
    lake: Lake, ds: date, verdict: Verdict, *, champion_version: str, challenger_version: str, snapshot_id: int
) -> None:
    """Replace the day's decision."""
    row = {
        "ds": ds,
        "decision": verdict.decision,
        "reason": verdict.reason,
        "evidence": json.dumps(verdict.evidence, sort_keys=True),
        "champion_version": champion_version,
        "challenger_version": challenger_version,
        "snapshot_id": snapshot_id,
    }
    table = pa.Table.from_pylist([row])
    lake.commit(lambda con: _replace_day(con, DECISIONS, ds, table), f"decision of {ds}: {verdict.decision}")


def judged_versions(con: duckdb.DuckDBPyConnection, ds: date) -> dict[str, str]:
    """Version by role as the day was evaluated; empty when it was not."""
    if not table_has(con, METRICS, ds):
        return {}
    query = f"select distinct role, model_version from lake.{METRICS.qualified} where ds = ? and role <> 'difference'"
    return dict(con.execute(query, [ds]).fetchall())


def _replace_day(con: duckdb.DuckDBPyConnection, table: Table, ds: date, rows: pa.Table) -> None:
    con.register("new_rows", rows)
    Lake.replace(con, table, f"ds = date '{ds}'", "new_rows")
    con.unregister("new_rows")


_ARROW = {
    "DATE": pa.date32(),
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
}
_METRIC_TYPES, _COMPARISON_TYPES = (
    pa.schema([(column.name, _ARROW[column.type]) for column in table.columns]) for table in (METRICS, COMPARISONS)
)
