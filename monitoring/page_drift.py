"""What the page of the day says of drift: findings, source rows against native rows, and Evidently's tests."""

from __future__ import annotations

from datetime import date
from typing import Any

from monitoring.drift.sentences import amount
from uniscale.contracts.monitor import FINDINGS, PROFILES, SEPARABILITY
from uniscale.lake import Lake
from uniscale.lake.lake import table_has

MAX_FINDINGS = 12
"""Findings that the page lists, the worst ones; the others are in the lake."""


def drift_of(lake: Lake, ds: date) -> dict[str, Any]:
    """Of a day: ``findings`` (the worst), ``num_findings``, ``num_columns`` looked at, and ``sources``.

    A finding has the columns of ``monitor.findings``, ``value`` and ``expected`` as a person reads them.
    """
    with lake.read() as con:
        if not table_has(con, FINDINGS):
            return {"findings": [], "num_findings": 0, "num_columns": 0, "sources": []}
        found = _rows(
            con.execute(
                f"from lake.{FINDINGS.qualified} where ds = ? order by severity, score desc nulls first, population",
                [ds],
            )
        )
        columns = con.execute(f"select count(*) from lake.{PROFILES.qualified} where ds = ?", [ds]).fetchone()
        sources = []
        if table_has(con, SEPARABILITY):
            order = "weight_share desc, population"
            sources = _rows(con.execute(f"from lake.{SEPARABILITY.qualified} where ds = ? order by {order}", [ds]))
    assert columns is not None
    return {
        "findings": [_told(one) for one in found[:MAX_FINDINGS]],
        "num_findings": len(found),
        "num_columns": columns[0],
        "sources": sources,
    }


def _told(one: dict[str, Any]) -> dict[str, Any]:
    expected = "" if one["expected"] is None else amount(one["what"], one["expected"])
    return {**one, "value": amount(one["what"], one["value"]), "expected": expected}


def _rows(found: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = found.to_arrow_table().to_pylist()
    return rows
