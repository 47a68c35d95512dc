"""``python -m monitoring.daily --ds DS``: profiles, findings, cross-domain drift and Evidently's reports of a day."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import asdict
from datetime import date
from typing import Any

import pandas as pd

from monitoring.cross_domain.store import compare_domains
from monitoring.drift.store import find_drift
from monitoring.profiling.store import profile_day
from monitoring.reports.pairs import prediction_pair, training_pairs
from monitoring.reports.report import render
from monitoring.reports.workspace import keep
from monitoring.rows import sampled_rows
from uniscale.config import Settings, load_settings
from uniscale.config.calendar import train_days
from uniscale.config.thresholds import load_thresholds
from uniscale.lake import Lake
from uniscale.pipeline.results import DriftReport, DriftWatched


def watch_day(settings: Settings, ds: date) -> DriftWatched:
    """Write all that monitoring keeps of a day; running it again replaces it."""
    lake, limits = Lake(settings), load_thresholds()
    num_profiles = profile_day(settings, lake, ds)
    findings = find_drift(lake, ds, settings.domains, limits.drift)
    newest = train_days(settings, ds)[-1]
    with lake.read() as con:
        rows = sampled_rows(con, [newest], max(limits.contrasts.max_rows, limits.reports.max_rows))
    compare_domains(settings, lake, ds, rows, limits.contrasts)
    return DriftWatched(
        profiles=num_profiles,
        findings=dict(Counter(found["severity"] for found in findings)),
        reports=tuple(_report(settings, lake, ds, rows)),
    )


def _report(settings: Settings, lake: Lake, ds: date, rows: pd.DataFrame) -> list[DriftReport]:
    limits = load_thresholds().reports
    folder = settings.home / "reports" / ds.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    with lake.read() as con:
        pairs = training_pairs(con, settings, ds, rows, limits.max_rows)
        pairs.append(prediction_pair(con, ds, limits.max_rows))
    made: list[tuple[DriftReport, Any]] = [render(pair, ds, limits, folder) for pair in pairs]
    keep(settings.home / "evidently", ds, [(report, snapshot) for report, snapshot in made if snapshot is not None])
    return [report for report, _ in made]


def main() -> None:
    """Command line; the last line of standard output is a JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ds", type=date.fromisoformat, required=True, help="day of the run, YYYY-MM-DD")
    arguments = parser.parse_args()
    print(json.dumps(asdict(watch_day(load_settings(), arguments.ds))))


if __name__ == "__main__":
    main()
