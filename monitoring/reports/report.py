"""One Evidently report for one pair of row sets, with its tests."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from monitoring.reports.pairs import Pair
from monitoring.rows import CATEGORY
from uniscale.config.thresholds import ReportThresholds
from uniscale.pipeline.results import DriftReport

_METHOD = "psi"


def render(pair: Pair, ds: date, limits: ReportThresholds, folder: Path) -> tuple[DriftReport, Any | None]:
    """Render the report of a pair of day ``ds`` into ``folder``.

    Returns:
        What it says, and Evidently's snapshot (None when there was too little to compare).
    """
    sizes = {"num_current": len(pair.current), "num_reference": len(pair.reference)}
    columns = _most_moved(pair, limits.max_columns)
    note = ""
    if min(sizes.values()) < limits.min_rows:
        note = f"fewer than {limits.min_rows} rows on one side: nothing to compare"
    elif not columns:
        note = "no column has a value on both sides: nothing to compare"
    if note:
        empty = DriftReport(name=pair.name, title=pair.title, **sizes, num_tests=0, failed=(), file="", note=note)
        return empty, None
    snapshot = _run(pair, ds, columns, limits)
    file = f"drift-{pair.name}.html"
    snapshot.save_html(str(folder / file))
    tests = snapshot.dict()["tests"]
    failed = tuple(str(test["name"]) for test in tests if "FAIL" in str(test["status"]))
    report = DriftReport(
        name=pair.name, title=pair.title, **sizes, num_tests=len(tests), failed=failed, file=file, note=""
    )
    return report, snapshot


def _numeric(pair: Pair) -> list[str]:
    return [
        name for name in pair.current if name not in (CATEGORY, pair.label) and _numbers(pair.current[name]) is not None
    ]


def _most_moved(pair: Pair, max_columns: int) -> list[str]:
    """Columns that have values on both sides, those first whose mean moved most, in standard deviations."""
    moved = {}
    for name in _numeric(pair):
        current, reference = (_numbers(rows[name]) for rows in (pair.current, pair.reference))
        if current.notna().any() and reference.notna().any():
            apart = abs(current.mean() - reference.mean())
            moved[name] = apart / max(float(reference.std(ddof=0)), 1e-9)
    return sorted(moved, key=lambda name: (-moved[name], name))[:max_columns]


def _numbers(values: pd.Series[Any]) -> pd.Series[Any]:
    return values.astype(np.float64)


def _run(pair: Pair, ds: date, columns: Sequence[str], limits: ReportThresholds) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Evidently's import and its statistics warn about their own libraries
        from evidently import DataDefinition, Dataset, Report

        numeric = [*columns, *([pair.label] if pair.label else [])]
        categories = [CATEGORY] if CATEGORY in pair.current else []
        definition = DataDefinition(numerical_columns=numeric, categorical_columns=categories)
        report = Report(list(_metrics(pair, columns, limits)), include_tests=True)
        current, reference = (
            Dataset.from_pandas(_typed(rows, numeric, categories), data_definition=definition)
            for rows in (pair.current, pair.reference)
        )
        stamp = datetime.combine(ds, time())  # the UI's time axis is the data's, not the run's
        return report.run(current, reference, timestamp=stamp, metadata={"ds": ds.isoformat()}, name=pair.title)


def _typed(rows: pd.DataFrame, numeric: Sequence[str], categories: Sequence[str]) -> pd.DataFrame:
    return rows[[*numeric, *categories]].astype(dict.fromkeys(numeric, np.float64))


def _metrics(pair: Pair, columns: Sequence[str], limits: ReportThresholds) -> Iterator[Any]:
    """Data-set drift, then by column drift and missing values, new categories, and the rate of the label."""
    from evidently.metrics import (
        DriftedColumnsCount,
        MeanValue,
        MissingValueCount,
        OutListValueCount,
        RowCount,
        ValueDrift,
    )
    from evidently.tests import gte, lte

    yield RowCount(tests=[])
    yield DriftedColumnsCount(
        columns=list(columns),
        num_method=_METHOD,
        num_threshold=limits.column,
        drift_share=limits.share,
        share_tests=[lte(limits.share)],
        tests=[],
    )
    if pair.label is not None:
        usual = float(_numbers(pair.reference[pair.label]).mean())
        bounds = [gte(usual * (1 - limits.label_rate)), lte(usual * (1 + limits.label_rate))]
        yield MeanValue(column=pair.label, tests=bounds)
    if CATEGORY in pair.current:
        known = sorted({str(value) for value in pair.reference[CATEGORY].dropna()})
        yield OutListValueCount(column=CATEGORY, values=known, share_tests=[lte(limits.new_values)], tests=[])
    for name in columns:
        yield ValueDrift(column=name, method=_METHOD, threshold=limits.column, tests=[lte(limits.column)])
    for name in _numeric(pair):
        missing, usual = (float(rows[name].isna().mean()) for rows in (pair.current, pair.reference))
        if name in columns or missing > usual + limits.missing:
            yield MissingValueCount(column=name, share_tests=[lte(usual + limits.missing)], tests=[])
