"""Trend: metrics of champion and challenger by day, decisions as marks, parts of the requests, the champion's age."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from uniscale.contracts.metrics import CATALOGUE, MIN_REQUESTS, Metric
from uniscale.pipeline.standing import SIGNS, WORDS, standing
from uniscale.ui.charts.lines import Line, Mark, Point, difference_chart, line_chart
from uniscale.ui.filters import signed, value
from uniscale.ui.queries.judged import ByMetric, Reign, Row, decisions, metrics_of_days, reigns, trained_to
from uniscale.ui.queries.slices import KINDS, MOST_CATEGORY_DAYS, Sliced, compared_slices, gauc_by_category
from uniscale.ui.reading import Look
from uniscale.ui.site import Context, Site
from uniscale.ui.spans import CHOICES, chosen_span, first_day
from uniscale.ui.weeks import MOST_DAYS, by_week

METRICS = ("auc", "gauc", "ndcg_at_10", "gmv_proxy", "cart_auc", "purchase_auc", "calibration", "true_gauc")
ROLES = ("champion", "challenger")
_SIGNS = {"promoted": "▲", "refreshed": "↻", "set": "◆", "rolled_back": "◀", "taken_back": "◀", "first": "●"}


def trend(site: Site, look: Look, query: Mapping[str, str]) -> Context:
    """What the page of the trend shows.

    Raises:
        ValueError: ``days`` or ``part`` is no choice.
    """
    span = chosen_span(query)
    kind = query.get("part", "")
    if kind and kind not in KINDS:
        raise ValueError(f"part={kind} is no choice; write one of {', '.join(KINDS)}")
    judged = look(metrics_of_days)
    if not judged:
        return {"empty": "judged"}
    last = max(judged)
    first = max(first_day(span, judged), min(judged))
    shown = {ds: rows for ds, rows in judged.items() if ds >= first}
    drawn = by_week(shown) if len(shown) > MOST_DAYS else shown
    marks = _marks(look(decisions), look(reigns))
    deciding = CATALOGUE[site.settings.gate.metric]
    return {
        "first": first,
        "last": last,
        "span": span,
        "choices": CHOICES,
        "num_days": len(shown),
        "is_weekly": len(shown) > MOST_DAYS,
        "charts": _charts(drawn, marks, site),
        "deciding": deciding,
        "difference": _difference(drawn, deciding),
        "age": _age(shown, look(trained_to), marks),
        "kinds": KINDS,
        "kind": kind,
        "sliced": _sliced(look, kind, deciding, first, last) if kind else None,
        "table": _table(shown, look(decisions), deciding.name),
        "min_requests": MIN_REQUESTS,
        "signs": SIGNS,
        "words": WORDS,
    }


def _marks(decided: Mapping[date, Row], changes: Sequence[Reign]) -> list[Mark]:
    found = [
        Mark(
            ds=ds, sign=_SIGNS[row["decision"]], style=row["decision"], said=f"{ds}: {row['reason']}", href=f"/day/{ds}"
        )
        for ds, row in decided.items()
        if row["decision"] != "kept"
    ]
    found += [
        Mark(
            ds=change.ds or change.since.date(),
            sign=_SIGNS[change.how],
            style="by-hand",
            said=f"version {change.version} {change.how.replace('_', ' ')}: {change.reason}",
        )
        for change in changes
        if change.how not in ("promoted", "refreshed", "first") and change.since is not None
    ]
    return found


def _charts(shown: Mapping[date, ByMetric], marks: Sequence[Mark], site: Site) -> list[Context]:
    found = []
    for name in METRICS:
        if name not in CATALOGUE:
            continue
        metric = CATALOGUE[name]
        lines = [Line(name=role, style=role, points=_points(shown, name, role)) for role in ROLES]
        level = 1.0 if metric.higher_is_better is None else None
        picture = line_chart(lines, f"{metric.title} by day of the run", marks=marks, level=level)
        if picture is not None:
            found.append({"title": metric.title, "name": name, "picture": picture, "note": _note(metric, site)})
    return found


def _note(metric: Metric, site: Site) -> str:
    if metric.name == site.settings.gate.metric:
        return "decides"
    if metric.name in {rule.metric for rule in site.settings.gate.guardrails.values()}:
        return "must not get worse"
    return "known of a simulated shop only" if metric.is_truth else ""


def _points(shown: Mapping[date, ByMetric], metric: str, role: str) -> list[Point]:
    points = []
    for ds, rows in shown.items():
        row = rows.get(metric, {}).get(role)
        if row is None:
            continue
        thin = row["num_requests"] < MIN_REQUESTS or row["ci_low"] is None
        points.append(
            Point(
                ds=ds,
                value=row["value"],
                low=row["ci_low"],
                high=row["ci_high"],
                standing="thin" if thin else "",
                href=f"/day/{ds}",
                said=_said(row),
            )
        )
    return points


def _said(row: Row) -> str:
    if row["value"] is None:
        return "not defined"
    interval = "" if row["ci_low"] is None else f" ({row['ci_low']:.4f} to {row['ci_high']:.4f})"
    return f"{row['value']:.4f}{interval}, version {row['model_version']}, {row['num_requests']:,} requests"


def _difference(shown: Mapping[date, ByMetric], metric: Metric) -> object:
    points = []
    for ds, rows in shown.items():
        row = rows.get(metric.name, {}).get("difference")
        if row is not None:
            stands = standing(metric, row)
            said = f"{ds}: {_said(row)}, {WORDS[stands]}"
            ends = {"low": row["ci_low"], "high": row["ci_high"]}
            points.append(Point(ds=ds, value=row["value"], **ends, standing=stands, href=f"/day/{ds}", said=said))
    return difference_chart(points, f"{metric.title}, challenger - champion by day")


def _age(shown: Mapping[date, ByMetric], trained: Mapping[str, tuple[str, date]], marks: Sequence[Mark]) -> object:
    points = []
    for ds, rows in shown.items():
        row = next((roles["champion"] for roles in rows.values() if "champion" in roles), None)
        if row is not None and row["model_version"] in trained:
            age = (ds - trained[row["model_version"]][1]).days
            said = f"{age} days, version {row['model_version']}"
            points.append(Point(ds=ds, value=float(age), href=f"/day/{ds}", said=said))
    lines = [Line(name="champion", style="champion", points=points)]
    return line_chart(lines, "Days since the last training day of the champion that was judged", marks=marks)


def _sliced(look: Look, kind: str, metric: Metric, first: date, last: date) -> Context:
    """The challenger against the champion on parts of the requests, by day."""
    if kind == "category":
        metric, first = CATALOGUE["gauc"], max(first, last - timedelta(days=MOST_CATEGORY_DAYS - 1))
        rows = look(gauc_by_category, first, last)
    else:
        rows = look(compared_slices, KINDS[kind].slices, metric.name, first, last)
    parts = list(dict.fromkeys(row.part for row in rows))
    return {
        "metric": metric,
        "first": first,
        "parts": [_part(part, metric, [row for row in rows if row.part == part]) for part in parts],
    }


def _part(part: str, metric: Metric, rows: Sequence[Sliced]) -> Context:
    points = []
    for row in rows:
        stands = standing(metric, row.as_metric)
        said = f"{row.ds}: {value(row.baseline)} to {value(row.candidate)}, {signed(row.difference)}"
        said += f", {row.num_requests:,} requests, {WORDS[stands]}"
        ends = {"low": row.low, "high": row.high}
        points.append(Point(ds=row.ds, value=row.difference, **ends, standing=stands, href=f"/day/{row.ds}", said=said))
    newest = max(rows, key=lambda row: row.ds)
    return {
        "part": part,
        "picture": difference_chart(points, f"{metric.title} of {part}, challenger - champion by day", height=180),
        "newest": newest,
        "standing": standing(metric, newest.as_metric),
    }


def _table(shown: Mapping[date, ByMetric], decided: Mapping[date, Row], deciding: str) -> list[Context]:
    found = []
    for ds in sorted(shown, reverse=True):
        roles = shown[ds].get(deciding, {})
        difference = roles.get("difference")
        found.append(
            {
                "ds": ds,
                "roles": roles,
                "difference": difference,
                "standing": None if difference is None else standing(CATALOGUE[deciding], difference),
                "decision": decided.get(ds, {}).get("decision"),
            }
        )
    return found
