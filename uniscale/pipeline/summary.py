"""The card of a day as plain values, read from the lake's tables alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import duckdb

from uniscale.contracts.metrics import CATALOGUE, HEADLINES
from uniscale.contracts.outcomes import DECISIONS, METRICS
from uniscale.lake import Lake
from uniscale.lake.lake import table_has
from uniscale.pipeline.ledger import entries
from uniscale.pipeline.results import SamplesBuilt, read_entry
from uniscale.pipeline.steps import DAY_STEPS

FEW_REQUESTS = 200
"""Below this an interval of a share like HR@5 spans about 12 points or more."""


def day_summary(lake: Lake, ds: date) -> dict[str, Any]:
    """What a run did and found.

    Returns:
        ``ds``, ``snapshot_id`` (the state of the lake the challenger was trained on), ``samples`` (rows of the
        training window by kind), ``models`` (``champion`` and ``challenger``: ``name``, ``params``, ``version`` and
        the `HEADLINES`, each with ``value``, ``ci_low``, ``ci_high``; the challenger is None when both are one
        version), ``difference`` (by metric), ``decision``, ``reason``, ``evidence``, ``num_requests`` (judged),
        ``warnings`` and ``stages`` (seconds by step, in order).

    Raises:
        FileNotFoundError: There is no lake.
        ValueError: The day has not been run to its decision; the message names the command.
    """
    with lake.read() as con:
        metrics, decision, steps = _metrics(con, ds), _decision(con, ds), entries(con, ds)
    if not metrics or decision is None or "samples" not in steps:
        done = ", ".join(step.name for step in DAY_STEPS if step.name in steps) or "none"
        raise ValueError(f"{ds} has not been run to its decision (steps done: {done}); run: uniscale day {ds}")
    samples: SamplesBuilt = read_entry(steps["samples"])
    models = {role: _model(metrics.get(role)) for role in ("champion", "challenger")}
    return {
        "ds": ds.isoformat(),
        "snapshot_id": decision["snapshot_id"],
        "samples": samples.by_provenance,
        "models": models,
        "difference": {name: _interval(row) for name, row in metrics.get("difference", {}).items()},
        "decision": decision["decision"],
        "reason": decision["reason"],
        "evidence": json.loads(decision["evidence"]),
        "num_requests": metrics["champion"]["auc"]["num_requests"],
        "warnings": _warnings(metrics["champion"], models),
        "stages": {step.name: steps[step.name]["seconds"] for step in DAY_STEPS if step.name in steps},
    }


def _rows(con: duckdb.DuckDBPyConnection, query: str, ds: date) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = con.execute(query, [ds]).to_arrow_table().to_pylist()
    return found


def _metrics(con: duckdb.DuckDBPyConnection, ds: date) -> dict[str, dict[str, dict[str, Any]]]:
    """Rows of ``ml.metrics`` by role and metric."""
    if not table_has(con, METRICS):
        return {}
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for row in _rows(con, f"select * from lake.{METRICS.qualified} where ds = ? order by role, metric", ds):
        found.setdefault(row["role"], {})[row["metric"]] = row
    return found


def _decision(con: duckdb.DuckDBPyConnection, ds: date) -> dict[str, Any] | None:
    if not table_has(con, DECISIONS):
        return None
    rows = _rows(con, f"select * from lake.{DECISIONS.qualified} where ds = ?", ds)
    return rows[0] if rows else None


def _model(rows: Mapping[str, Mapping[str, Any]] | None) -> dict[str, Any] | None:
    if rows is None:
        return None
    any_row = next(iter(rows.values()))
    facts = {"name": any_row["model_name"], "params": any_row["num_params"], "version": any_row["model_version"]}
    return {**facts, **{metric.name: _interval(rows[metric.name]) for metric in HEADLINES}}


def _interval(row: Mapping[str, Any]) -> dict[str, float | None]:
    return {"value": row["value"], "ci_low": row["ci_low"], "ci_high": row["ci_high"]}


def _warnings(champion: Mapping[str, Mapping[str, Any]], models: Mapping[str, Any]) -> list[str]:
    """Sentences a reader needs before trusting the numbers."""
    said = []
    judged = champion["auc"]["num_requests"]
    if judged == 0:
        return ["there is no evaluation request: nothing could be measured"]
    for metric in ("hr_at_5", "gmv_proxy"):
        carrying, event = champion[metric]["num_requests"], CATALOGUE[metric].carried_by
        if carrying == 0:
            said.append(f"none of {judged:,} evaluation requests carries a {event}: its metrics are undefined")
        elif carrying < FEW_REQUESTS:
            said.append(f"only {carrying:,} evaluation requests carry a {event}: intervals are wide")
    if models["challenger"] is None:
        said.append("champion and challenger are the same version: there is nothing to compare")
    return said
