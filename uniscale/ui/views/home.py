"""Home: who serves, since when, is it getting better, is anything wrong."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from uniscale.contracts.metrics import CATALOGUE
from uniscale.pipeline.standing import SIGNS, standing
from uniscale.pipeline.steps import DAY_STEPS
from uniscale.ui.better import gained, last_weeks
from uniscale.ui.charts.lines import Point, spark
from uniscale.ui.problems import failed_step, problems
from uniscale.ui.queries.judged import ByMetric, Row, decisions, metrics_of_days, reigns, trained_to
from uniscale.ui.queries.steps import timings
from uniscale.ui.reading import Look
from uniscale.ui.site import Context, Site

_WINDOW = 28
_SHOWN = 7


def home(site: Site, look: Look, query: Mapping[str, str]) -> Context:
    """What the first page shows."""
    del query
    site.serving.refresh()
    days = look(timings)
    if not days:
        return {"empty": "days"}
    newest = max(days)
    decided = look(decisions)
    judged = look(metrics_of_days, newest - timedelta(days=_WINDOW - 1))
    deciding = CATALOGUE[site.settings.gate.metric]
    changes = look(reigns)
    current = changes[0] if changes else None
    named = look(trained_to)
    name, to = named.get(current.version, (None, None)) if current else (None, None)
    return {
        "newest": newest,
        "reign": current,
        "champion_name": name,
        "trained_to": to,
        "age_days": None if to is None else (newest - to).days,
        "serving": site.serving,
        "deciding": deciding,
        "refreshes": sum(
            row["decision"] == "refreshed" and ds > newest - timedelta(days=_WINDOW) for ds, row in decided.items()
        ),
        "gain": gained(decided, judged, deciding, newest - timedelta(days=_WINDOW - 1)),
        "weeks": last_weeks(_champion(judged, deciding.name), deciding),
        "window": _WINDOW,
        "sparks": _sparks(judged),
        "problems": problems(look, site.settings, site.limits),
        "days": [_day(site, ds, days[ds], decided.get(ds), judged.get(ds, {})) for ds in sorted(days)[-_SHOWN:][::-1]],
    }


def _champion(judged: Mapping[date, ByMetric], metric: str) -> dict[date, Row]:
    """The rows of who was champion when the day was judged."""
    return {ds: rows[metric]["champion"] for ds, rows in judged.items() if "champion" in rows.get(metric, {})}


def _sparks(judged: Mapping[date, ByMetric]) -> list[Context]:
    found = []
    for name in ("gauc", "gmv_proxy", "calibration"):
        rows = _champion(judged, name)
        known = {ds: row for ds, row in rows.items() if row["value"] is not None}
        if known:
            points = [Point(ds=ds, value=row["value"]) for ds, row in known.items()]
            title = CATALOGUE[name].title
            picture = spark(points, f"{title} of the champion, last {_WINDOW} days")
            found.append({"title": title, "row": known[max(known)], "ds": max(known), "picture": picture})
    return found


def _day(site: Site, ds: date, steps: Mapping[str, Row], decision: Row | None, judged: ByMetric) -> Context:
    deciding = CATALOGUE[site.settings.gate.metric]
    difference = judged.get(deciding.name, {}).get("difference")
    stands = None if difference is None else standing(deciding, difference)
    return {
        "ds": ds,
        "decision": None if decision is None else decision["decision"],
        "difference": difference,
        "standing": stands,
        "sign": "" if stands is None else SIGNS[stands],
        "done": sum(step.name in steps for step in DAY_STEPS),
        "of": len(DAY_STEPS),
        "failed": failed_step(site.settings, ds),
        "seconds": sum(row["seconds"] for row in steps.values()),
    }
