"""Trend: metrics of champion and challenger by day, decisions as marks, parts of the requests, the champion's age."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date

from uniscale.contracts.metrics import CATALOGUE, MIN_REQUESTS, Metric
from uniscale.pipeline.standing import WORDS, standing
from uniscale.ui.charts.lines import Line, Mark, Point, difference_chart, line_chart
from uniscale.ui.queries.judged import ByMetric, Reign, Row, decisions, metrics_of_days, reigns, trained_to
from uniscale.ui.queries.slices import KINDS, Sliced, gauc_of_slices
from uniscale.ui.reading import Look
from uniscale.ui.site import Context, Site
from uniscale.ui.spans import CHOICES, chosen_span, first_day
from uniscale.ui.weeks import MOST_DAYS, by_week

METRICS = ("auc", "gauc", "ndcg_at_10", "gmv_proxy", "cart_auc", "purchase_auc", "calibration", "true_gauc")
ROLES = ("champion", "challenger")
_MOST_SLICED = 28
_SIGNS = {"promoted": "▲", "set": "◆", "rolled_back": "◀", "taken_back": "◀", "first": "●"}


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
        "sliced": _sliced(look, kind, first, last) if kind else None,
        "table": _table(shown, look(decisions), deciding.name),
        "min_requests": MIN_REQUESTS,
    }


def _marks(decided: Mapping[date, Row], changes: Sequence[Reign]) -> list[Mark]:
    found = [
        Mark(ds=ds, sign=_SIGNS["promoted"], style="promoted", said=f"{ds}: {row['reason']}", href=f"/day/{ds}")
        for ds, row in decided.items()
        if row["decision"] == "promoted"
    ]
    found += [
        Mark(
            ds=change.ds or change.since.date(),
            sign=_SIGNS[change.how],
            style="by-hand",
            said=f"version {change.version} {change.how.replace('_', ' ')}: {change.reason}",
        )
        for change in changes
        if change.how not in ("promoted", "first") and change.since is not None
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
    if metric.name == site.settings.gate.guardrail:
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


def _sliced(look: Look, kind: str, first: date, last: date) -> Context:
    start = max(first, date.fromordinal(last.toordinal() - _MOST_SLICED + 1))
    rows = look(gauc_of_slices, kind, start, last)
    sizes: Counter[str] = Counter()
    for row in rows:
        sizes[row.part] += row.num_requests
    parts = [part for part in ("head", "torso", "tail") if part in sizes] or [part for part, _ in sizes.most_common()]
    return {
        "first": start,
        "most_days": _MOST_SLICED,
        "parts": [_part(part, [row for row in rows if row.part == part]) for part in parts],
    }


def _part(part: str, rows: Sequence[Sliced]) -> Context:
    lines = [
        Line(name=role, style=role, points=[_slice_point(row) for row in rows if row.role == role]) for role in ROLES
    ]
    newest = max(row.ds for row in rows)
    last = {row.role: row for row in rows if row.ds == newest}
    metric = CATALOGUE["gauc"]
    difference = last.get("difference")
    stands = None if difference is None else standing(metric, _as_row(difference))
    return {
        "part": part,
        "picture": line_chart(lines, f"GAUC of {part} by day", height=180),
        "newest": newest,
        "last": last,
        "standing": stands,
    }


def _as_row(row: Sliced) -> Row:
    return {"value": row.value, "ci_low": row.low, "ci_high": row.high, "num_requests": row.num_requests}


def _slice_point(row: Sliced) -> Point:
    said = f"{row.value:.4f} ({row.low:.4f} to {row.high:.4f}), {row.num_requests:,} requests"
    thin = "thin" if row.num_requests < MIN_REQUESTS else ""
    ends = (None, None) if thin else (row.low, row.high)
    return Point(ds=row.ds, value=row.value, low=ends[0], high=ends[1], standing=thin, href=f"/day/{row.ds}", said=said)


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
