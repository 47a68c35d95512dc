"""Data: samples by provenance and tier, label maturity, leak guard, rejected rows, freshness, served input."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from uniscale.ui.charts.bars import column_chart
from uniscale.ui.charts.lines import Line, Point, line_chart
from uniscale.ui.queries.judged import Row
from uniscale.ui.queries.steps import day_results, timings, values_over_days
from uniscale.ui.queries.stock import maturity, quarantined, skew_by_day, stock
from uniscale.ui.reading import Look
from uniscale.ui.site import Context, Site
from uniscale.ui.spans import CHOICES, chosen_span, first_day

KINDS = ("exposed", "unexposed", "attributed", "synthetic")
TIERS = {"tier 1": "own past query", "tier 2": "co-occurring query", "tier 3": "nearest query"}
_SAMPLES = (*(f"$.{kind}" for kind in KINDS), "$.searchified", "$.multipliers")


def data(site: Site, look: Look, query: Mapping[str, str]) -> Context:
    """What the page of the data shows.

    Raises:
        ValueError: ``days`` is no choice.
    """
    span = chosen_span(query, "28")
    runs = look(timings)
    made = look(values_over_days, "samples", _SAMPLES)
    landed = look(values_over_days, "land", ("$.rows", "$.quarantined"))
    first = first_day(span, list(runs))
    made = {ds: row for ds, row in made.items() if ds >= first}
    landed = {ds: row for ds, row in landed.items() if ds >= first}
    newest = max(runs, default=None)
    results = None if newest is None else look(day_results, newest)[0]
    tables = look(stock)
    return {
        "span": span,
        "choices": CHOICES,
        "newest": newest,
        "results": results,
        "samples": _by_kind(made),
        "tiers": _by_tier(made),
        "multipliers": _multipliers(made),
        "landed": _landed(landed),
        "growth": _growth(results),
        "maturity": look(maturity)[:14],
        "quarantined": look(quarantined),
        "tables": tables,
        "newest_log": max((table.last for table in tables if table.name == "raw.requests"), default=None),
        "skew": look(skew_by_day)[:14],
        "limits": site.limits,
    }


def _by_kind(made: Mapping[date, Row]) -> Context:
    parts = {kind: [float(row[f"$.{kind}"] or 0) for row in made.values()] for kind in KINDS}
    return {"names": KINDS, "picture": column_chart(list(made), parts, "Rows in the training window by kind and run")}


def _by_tier(made: Mapping[date, Row]) -> Context:
    found = [json.loads(row["$.searchified"] or "{}") for row in made.values()]
    parts = {words: [float(tiers.get(tier, 0)) for tiers in found] for tier, words in TIERS.items()}
    picture = column_chart(list(made), parts, "Synthetic requests by tier of the query and run")
    return {"names": tuple(parts), "picture": picture if any(map(any, parts.values())) else None}


def _multipliers(made: Mapping[date, Row]) -> object:
    """Samples and positives after the last stage over those of shown rows alone."""
    lines = []
    for name, style in (("samples", "champion"), ("positives", "challenger")):
        points = []
        for ds, row in made.items():
            stages: list[Any] = list(json.loads(row["$.multipliers"] or "{}").values())
            if stages:
                points.append(Point(ds=ds, value=stages[-1][name], href=f"/day/{ds}"))
        lines.append(Line(name=name, style=style, points=points))
    return line_chart(lines, "Size of the samples against shown rows with native labels", level=1.0)


def _landed(landed: Mapping[date, Row]) -> object:
    rows = [json.loads(row["$.rows"] or "{}") for row in landed.values()]
    lines = [
        Line(
            name=name,
            style=style,
            points=[Point(ds=ds, value=tables.get(name)) for ds, tables in zip(landed, rows, strict=True)],
        )
        for name, style in (("requests", "champion"), ("actions", "challenger"))
    ]
    return line_chart(lines, "Requests and actions landed by run")


def _growth(results: Any) -> object:
    """Share of labels known by age of their day, as a table: ages, and by action the shares."""
    growth = {} if results is None or results.samples is None else results.samples.growth
    known = {action: found for action, found in growth.items() if found.labels}
    if not known:
        return None
    ages = max(len(found.known) for found in known.values())
    return {"ages": list(range(ages)), "actions": known}
