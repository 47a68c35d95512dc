"""Drift: source rows against native ones over days, what stood out, and one column's profile and history."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from urllib.parse import urlencode

from uniscale.contracts.monitor import QUANTILES
from uniscale.ui.charts.heat import Cell, heat_map
from uniscale.ui.charts.lines import Line, Point, line_chart
from uniscale.ui.filters import NOTHING
from uniscale.ui.queries.drift import (
    click_rates,
    contrasts,
    findings,
    history_of,
    newest_profile,
    populations,
    profiles_of,
    separability,
)
from uniscale.ui.queries.judged import Row
from uniscale.ui.queries.steps import timings, values_over_days
from uniscale.ui.reading import Look
from uniscale.ui.site import Context, Site
from uniscale.ui.spans import CHOICES, chosen_span, first_day

_FULL_DISTANCE = 1.0
"""Distance from native rows at which a cell is darkest: one standard deviation, or no value in common."""

_MOST_REPORTED = 28


def drift(site: Site, look: Look, query: Mapping[str, str]) -> Context:
    """What the page of drift shows: all populations, or one of them, or one column.

    Raises:
        ValueError: ``days`` is no choice.
    """
    del site
    span = chosen_span(query, "28")
    newest = look(newest_profile)
    runs = look(timings)
    shared: Context = {"span": span, "choices": CHOICES, "newest": newest}
    if newest is None:
        return {**shared, "view": "none", "reported": _reported(look)}
    first = first_day(span, list(runs) or [newest])
    population, column = query.get("population", ""), query.get("column", "")
    if population and column:
        return {**shared, **_column(look, population, column)}
    if population:
        return {**shared, **_population(look, population, first, newest)}
    return {**shared, **_all(look, first, newest), "reported": _reported(look)}


def _address(**values: str) -> str:
    return f"/drift?{urlencode(values)}"


def _all(look: Look, first: date, newest: date) -> Context:
    rows = look(separability, first)
    days = sorted({row["ds"] for row in rows})
    cells: dict[str, dict[date, Cell]] = {}
    for row in rows:
        cells.setdefault(row["population"], {})[row["ds"]] = _told_apart(row)
    latest = {row["population"]: row for row in rows if row["ds"] == newest}
    links = {name: _address(population=name) for name in cells}
    return {
        "view": "all",
        "heat": heat_map(cells, days, "How well source rows are told from native search rows", row_href=links),
        "latest": sorted(latest.values(), key=lambda row: -_weighted(row)),
        "findings": look(findings, first)[:60],
        "populations": look(populations, newest),
    }


def _weighted(row: Row) -> float:
    """Distance of a population, weighed by its share of the training weight."""
    return 0.0 if row["auc"] is None else max(row["auc"] - 0.5, 0.0) * row["weight_share"]


def _told_apart(row: Row) -> Cell:
    if row["auc"] is None:
        return Cell(strength=None, words=NOTHING, said="too few rows")
    columns = ", ".join(row["top_columns"][:3])
    certain = "" if row["auc_se"] is None else f" ± {1.96 * row['auc_se']:.2f}"
    return Cell(
        strength=(row["auc"] - 0.5) * 2,
        words=f"{row['auc']:.2f}",
        said=f"AUC {row['auc']:.2f}{certain} by {columns or 'nothing'}, weight share {row['weight_share']:.3f}",
    )


def _population(look: Look, population: str, first: date, newest: date) -> Context:
    rows = look(contrasts, population, first)
    days = sorted({row["ds"] for row in rows})
    cells: dict[str, dict[date, Cell]] = {}
    for row in rows:
        cells.setdefault(row["column_name"], {})[row["ds"]] = _distance(row)
    by_distance = sorted(cells, key=lambda name: -_newest(cells[name]))
    links = {name: _address(population=population, column=name) for name in cells}
    return {
        "view": "population",
        "population": population,
        "heat": heat_map(
            {name: cells[name] for name in by_distance}, days, f"Columns of {population} against native", row_href=links
        ),
        "profiles": look(profiles_of, population, newest),
        "findings": [row for row in look(findings, first) if row["population"] == population][:40],
        "rates": _rates(look, population, newest),
    }


def _newest(cells: Mapping[date, Cell]) -> float:
    return cells[max(cells)].strength or 0.0


def _distance(row: Row) -> Cell:
    if row["distance"] is None:
        return Cell(strength=None, words=NOTHING, said="no values")
    said = f"distance {row['distance']:.2f}"
    if row["value"] is not None and row["native_value"] is not None:
        said += f", mean {row['value']:.4g} against {row['native_value']:.4g}"
    said += f", without a value {100 * row['null_rate']:.1f} % against {100 * row['native_null_rate']:.1f} %"
    return Cell(strength=row["distance"] / _FULL_DISTANCE, words=f"{row['distance']:.2f}", said=said)


def _rates(look: Look, population: str, newest: date) -> list[Row]:
    """Click rates by tenth of the score: here and of native rows."""
    by_decile: dict[int, Row] = {}
    for row in look(click_rates, population, newest):
        side = "here" if row["population"] == population else "native"
        entry = by_decile.setdefault(row["decile"], {"decile": row["decile"]})
        rows, clicks = (
            entry.get(f"{side}_rows", 0) + row["num_rows"],
            entry.get(f"{side}_clicks", 0) + row["num_clicks"],
        )
        entry[f"{side}_rows"], entry[f"{side}_clicks"] = rows, clicks
    return [by_decile[decile] for decile in sorted(by_decile)]


def _column(look: Look, population: str, column: str) -> Context:
    rows = look(history_of, population, column)
    if not rows:
        raise LookupError(f"there is no profile of column {column!r} of population {population!r}")
    means = [_mean(row) for row in rows]
    nulls = [Point(ds=row["ds"], value=row["num_nulls"] / row["num_rows"] if row["num_rows"] else None) for row in rows]
    sizes = [Point(ds=row["ds"], value=float(row["num_rows"])) for row in rows]
    last = rows[-1]
    return {
        "view": "column",
        "population": population,
        "column": column,
        "last": last,
        "quantiles": list(zip(QUANTILES, last["quantiles"] or (), strict=False)),
        "values": list(zip(last["top_values"] or (), last["top_counts"] or (), strict=True)),
        "charts": [
            ("Mean; the band is the middle 80 %" if last["quantiles"] else "Mean", _one("mean", means)),
            ("Share without a value", _one("without a value", nulls)),
            ("Rows", _one("rows", sizes)),
        ],
    }


def _mean(row: Row) -> Point:
    """Mean of a day with the middle 80 % of its values, of a number."""
    if not row["quantiles"]:
        return Point(ds=row["ds"], value=row["mean"])
    low, high = (row["quantiles"][QUANTILES.index(level)] for level in (0.1, 0.9))
    return Point(ds=row["ds"], value=row["mean"], low=low, high=high)


def _one(name: str, points: Sequence[Point]) -> object:
    return line_chart([Line(name=name, style="champion", points=points)], f"{name} by day", height=180)


def _reported(look: Look) -> object:
    """Which share of the tests in each day's reports failed."""
    reported = look(values_over_days, "monitor", ("$.reports",))
    days = sorted(reported)[-_MOST_REPORTED:]
    cells: dict[str, dict[date, Cell]] = {}
    for ds in days:
        for found in json.loads(reported[ds]["$.reports"] or "[]"):
            failed, tests = found["failed"], found["num_tests"]
            cells.setdefault(found["name"], {})[ds] = (
                Cell(
                    strength=len(failed) / tests,
                    words=f"{len(failed)}/{tests}",
                    said=f"{len(failed)} of {tests} tests failed{': ' + ', '.join(failed[:3]) if failed else ''}",
                )
                if tests
                else Cell(strength=None, words=NOTHING, said=found["note"])
            )
    return heat_map(cells, days, "Tests that failed in the reports of each day")
