"""``python -m monitoring.page --ds DS``: the one page of a day, from the lake's tables."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from monitoring.charts import bar_chart, curve_chart, growth_chart, interval_chart
from monitoring.page_drift import drift_of
from uniscale.config import Settings, load_settings
from uniscale.config.calendar import train_days
from uniscale.config.thresholds import load_thresholds
from uniscale.contracts.events import REQUESTS
from uniscale.contracts.features import FEATURE_WINDOWS
from uniscale.contracts.metrics import CATALOGUE
from uniscale.contracts.outcomes import METRICS
from uniscale.contracts.slices import SLICES
from uniscale.lake import Lake
from uniscale.pipeline.progress import changes
from uniscale.pipeline.remarks import remarks, seconds_between
from uniscale.pipeline.results import DayResults, read_results
from uniscale.pipeline.standing import SIGNS, standing
from uniscale.pipeline.steps import DAY_STEPS
from uniscale.pipeline.summary import day_summary
from uniscale.whole_files import write_whole

PAPER_MULTIPLIERS = ((1, 1, 1), (1, 3, 1), (1, 3, 2), (2, 5, 4))
"""Requests, samples and click positives by stage in the paper's shop (arXiv 2603.24226), against shown rows only."""


def write_page(settings: Settings, ds: date) -> Path:
    """Render the page of a day.

    Returns:
        Path of the HTML file.

    Raises:
        ValueError: The day has not been judged yet.
    """
    lake = Lake(settings)
    summary = day_summary(lake, ds)
    results = read_results(lake, ds)
    metrics = _metrics(lake, ds)
    folder = settings.home / "reports" / ds.isoformat()
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
    )
    environment.filters["as_time"] = _as_time
    environment.filters["short"] = _short
    html = environment.get_template("day.html").render(
        ds=ds,
        settings=settings,
        summary=summary,
        results=results,
        drift=drift_of(lake, ds),
        log_days=_log_days(lake, ds),
        window_days=FEATURE_WINDOWS[-1],
        trained=train_days(settings, ds),
        metrics=metrics,
        catalogue={name: metric for name, metric in CATALOGUE.items() if name in metrics},
        limits=load_thresholds(),
        paper=PAPER_MULTIPLIERS,
        charts=_charts(summary, results, metrics, seconds_between(changes(settings, ds, 0.0))),
        remarks=remarks(results, metrics, settings.gate.metric),
        signs=SIGNS,
        slices=SLICES,
        titles={step.name: step.title for step in DAY_STEPS},
    )
    path = folder / "index.html"
    write_whole(path, html)
    write_whole(folder / "summary.json", json.dumps(summary, indent=2, default=str))
    return path


def _log_days(lake: Lake, ds: date) -> int:
    """Age of the log at the end of the day, in days."""
    with lake.read() as con:
        row = con.execute(f"select min(ds) from lake.{REQUESTS.qualified}").fetchone()
    assert row is not None
    return 0 if row[0] is None else (ds - row[0]).days + 1


def _as_time(seconds: int) -> str:
    """A Unix time in UTC, for people."""
    return f"{datetime.fromtimestamp(seconds, tz=UTC):%m-%d %H:%M}"


def _short(value: Any) -> Any:
    """A number with at most four digits that count."""
    return f"{value:.4g}" if isinstance(value, float) else value


def _metrics(lake: Lake, ds: date) -> dict[str, dict[str, dict[str, Any]]]:
    query = f"select metric, role, value, ci_low, ci_high, num_requests from {METRICS.qualified} where ds = ?"
    found: dict[str, dict[str, dict[str, Any]]] = {}
    with lake.read() as con:
        for metric, role, value, low, high, requests in con.execute(query, [ds]).fetchall():
            numbers = {"value": value, "ci_low": low, "ci_high": high, "num_requests": requests}
            if role == "difference":
                numbers["standing"] = standing(CATALOGUE[metric], numbers)
            found.setdefault(metric, {})[role] = numbers
    return found


def _charts(
    summary: Mapping[str, Any],
    results: DayResults,
    metrics: Mapping[str, Mapping[str, Any]],
    between: float | None,
) -> dict[str, Markup]:
    differences = {
        metric.title: metrics[name]["difference"]
        for name, metric in CATALOGUE.items()
        if metric.is_share and "difference" in metrics.get(name, {})
    }
    stages = {step.title: summary["stages"][step.name] for step in DAY_STEPS if step.name in summary["stages"]}
    if between is not None:
        stages["Between steps"] = between
    charts = {
        "samples": bar_chart(summary["samples"], "rows in the training window"),
        "stages": bar_chart(stages, "seconds"),
    }
    if differences:
        charts["differences"] = interval_chart(differences)
    models = [] if results.train is None else results.train.models.values()
    if curves := {model.recipe: model.curve for model in models if model.curve}:
        charts["curves"] = curve_chart(curves)
    known = {} if results.samples is None else results.samples.growth
    if growth := {action: found for action, found in known.items() if found.labels}:
        charts["growth"] = growth_chart(growth)
    return {name: Markup(svg) for name, svg in charts.items()}  # our own SVG, no outside text in it


def main() -> None:
    """Command line; the last line of standard output is a JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ds", type=date.fromisoformat, required=True, help="day of the run, YYYY-MM-DD")
    arguments = parser.parse_args()
    print(json.dumps({"page": str(write_page(load_settings(), arguments.ds))}))


if __name__ == "__main__":
    main()
