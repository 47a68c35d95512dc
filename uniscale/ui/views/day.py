"""Day: the decision and its evidence, what changed since the run before, examples, and the ways to other servers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from uniscale.config.calendar import eval_days, train_days
from uniscale.contracts.metrics import CATALOGUE
from uniscale.contracts.slices import SLICES
from uniscale.pipeline.progress import changes
from uniscale.pipeline.remarks import remarks, seconds_between
from uniscale.pipeline.results import DayResults
from uniscale.pipeline.standing import SIGNS, WORDS, standing
from uniscale.pipeline.steps import DAY_STEPS
from uniscale.ui.charts.bars import bar_chart
from uniscale.ui.charts.intervals import Interval, interval_chart
from uniscale.ui.filters import seconds
from uniscale.ui.problems import calibration, failed_step
from uniscale.ui.queries.changes import changes_since
from uniscale.ui.queries.examples import examples
from uniscale.ui.queries.judged import ByMetric, decisions, metrics_of_day
from uniscale.ui.queries.steps import day_results, timings
from uniscale.ui.reading import Look
from uniscale.ui.site import Context, Site


def day(site: Site, look: Look, query: Mapping[str, str], ds: date) -> Context:
    """What the page of a day shows.

    Raises:
        LookupError: No step of the day is done.
    """
    del query
    days = look(timings)
    if ds not in days:
        raise LookupError(f"nothing has been run for {ds}; run: uniscale day {ds}")
    results, unread = look(day_results, ds)
    metrics = look(metrics_of_day, ds)
    decision = look(decisions).get(ds)
    before = max((other for other in days if other < ds), default=None)
    models = {role: row for role, row in next(iter(metrics.values()), {}).items() if role != "difference"}
    tests = tuple(eval_days(site.settings, ds))
    return {
        "ds": ds,
        "previous": before,
        "following": min((other for other in days if other > ds), default=None),
        "decision": decision,
        "failed": failed_step(site.settings, ds),
        "missing": [step.name for step in DAY_STEPS if step.name not in days[ds]],
        "remarks": [
            *remarks(results, metrics, site.settings.gate.metric),
            *(problem.said for problem in calibration(metrics, ds, site.limits)),
        ],
        "unread": unread,
        "results": results,
        "trained": train_days(site.settings, ds),
        "tests": tests,
        "before": before,
        "changed": look(changes_since, ds, before),
        "rows": _rows(metrics),
        "models": models,
        "roles": [role for role in ("champion", "refresh", "challenger") if role in models or role != "refresh"],
        "intervals": _intervals(metrics),
        "examples": look(examples, ds, tests) if decision is not None else [],
        "samples": bar_chart(results.samples.by_provenance, "Rows in the training window by kind")
        if results.samples
        else None,
        "seconds": _seconds(site, ds, days[ds]),
        "reports": _reports(site, ds, results),
        "airflow_runs": site.links.airflow_runs(changes(site.settings, ds, 0.0)),
        "links": site.links,
        "signs": SIGNS,
        "words": WORDS,
        "slices": SLICES,
    }


def _rows(metrics: ByMetric) -> list[Context]:
    found = []
    for name, metric in CATALOGUE.items():
        roles = metrics.get(name)
        if roles:
            difference = roles.get("difference")
            stands = None if difference is None else standing(metric, difference)
            any_role = roles.get("challenger") or roles["champion"]
            found.append(
                {"metric": metric, "roles": roles, "standing": stands, "num_requests": any_role["num_requests"]}
            )
    return found


def _intervals(metrics: ByMetric) -> object:
    rows = []
    for name, metric in CATALOGUE.items():
        row = metrics.get(name, {}).get("difference")
        if row is not None and metric.is_share and row["value"] is not None:
            stands = standing(metric, row)
            said = f"{metric.title} {row['value']:+.4f}, {row['num_requests']:,} requests, {WORDS[stands]}"
            title = f"{SIGNS[stands]} {metric.title.removesuffix(', whole list')}"
            rows.append(
                Interval(
                    name=title, value=row["value"], low=row["ci_low"], high=row["ci_high"], standing=stands, said=said
                )
            )
    return interval_chart(rows, "Challenger - champion with 95 % intervals")


def _seconds(site: Site, ds: date, steps: Mapping[str, Mapping[str, float]]) -> Context:
    shown = {step.title: steps[step.name]["seconds"] for step in DAY_STEPS if step.name in steps}
    between = seconds_between(changes(site.settings, ds, 0.0))
    if between is not None:
        shown["Between steps"] = between
    return {
        "picture": bar_chart(shown, "Seconds by step", seconds),
        "total": seconds(sum(shown.values())),
        "between": between,
    }


def _reports(site: Site, ds: date, results: DayResults) -> list[tuple[str, str]]:
    """Title and file name of what the monitoring step wrote for a day, as far as it is still there."""
    folder = site.settings.home / "reports" / ds.isoformat()
    made = results.monitor.reports if results.monitor else ()
    named = [("Page of the day", "index.html"), *((found.title, found.file) for found in made if found.file)]
    return [(title, file) for title, file in named if (folder / file).is_file()]
