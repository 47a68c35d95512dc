"""One Evidently report for one pair of populations."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from monitoring.populations import Pair
from uniscale.config.thresholds import DriftThresholds
from uniscale.pipeline.results import Drift


def compare(pair: Pair, ds: date, limits: DriftThresholds, folder: Path) -> tuple[Drift, Any | None]:
    """Render the report of a pair of day ``ds`` into ``folder``.

    Returns:
        What it found, and Evidently's snapshot (None when there was too little to compare).
    """
    sizes = {"num_current": len(pair.current), "num_reference": len(pair.reference)}
    columns = [c for c in pair.current if pair.current[c].notna().any() and pair.reference[c].notna().any()]
    note = ""
    if min(sizes.values()) < limits.min_rows:
        note = f"fewer than {limits.min_rows} rows on one side: nothing to compare"
    elif not columns:
        note = "no column has a value on both sides: nothing to compare"
    if note:
        empty = Drift(name=pair.name, title=pair.title, **sizes, drifted={}, num_columns=0, file="", note=note)
        return empty, None
    snapshot = _run(pair, ds, columns, limits)
    file = f"drift-{pair.name}.html"
    snapshot.save_html(str(folder / file))
    scores = _scores(snapshot)
    drifted = dict(sorted(((c, s) for c, s in scores.items() if s > limits.column), key=lambda pair: -pair[1]))
    found = Drift(
        name=pair.name, title=pair.title, **sizes, drifted=drifted, num_columns=len(columns), file=file, note=""
    )
    return found, snapshot


def _run(pair: Pair, ds: date, columns: list[str], limits: DriftThresholds) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Evidently's import and its statistics warn about their own libraries
        from evidently import DataDefinition, Dataset, Report
        from evidently.metrics import DatasetMissingValueCount
        from evidently.presets import DataDriftPreset

        definition = DataDefinition(numerical_columns=columns)
        drift = DataDriftPreset(
            num_method=limits.method, num_threshold=limits.column, drift_share=limits.share, columns=columns
        )
        # Not DataSummaryPreset: it draws each distribution again for every statistic of a column, most of its time.
        report = Report([drift, DatasetMissingValueCount(columns=columns)], include_tests=False)
        current = Dataset.from_pandas(pair.current[columns], data_definition=definition)
        reference = Dataset.from_pandas(pair.reference[columns], data_definition=definition)
        stamp = datetime.combine(ds, time())  # the UI's time axis is the data's, not the run's
        with _each_column_drawn_once():
            return report.run(current, reference, timestamp=stamp, metadata={"ds": ds.isoformat()}, name=pair.title)


@contextmanager
def _each_column_drawn_once() -> Iterator[None]:
    """Leave out pictures that nobody sees: half of the time of a report, and of its place on the disk.

    The preset draws its table with every column's distributions. Each column's own metric draws them again, and that
    picture is kept with the report without being on its page.
    """
    from evidently.metrics.column_statistics import ValueDriftCalculation

    drawn = ValueDriftCalculation._render
    ValueDriftCalculation._render = lambda *_: []
    try:
        yield
    finally:
        ValueDriftCalculation._render = drawn


def _scores(snapshot: Any) -> dict[str, float]:
    scores = {}
    for metric in snapshot.dict()["metrics"]:
        if metric["metric_name"].startswith("ValueDrift"):
            scores[metric["config"]["column"]] = float(metric["value"])
    return scores
