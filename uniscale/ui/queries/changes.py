"""What changed from one run to the next: volume, labels, features, recipe, settings, policy and code."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median
from typing import Any

import duckdb

from uniscale.pipeline.results import DayResults
from uniscale.ui.queries.steps import code_versions, day_results, inputs_of_day, values_over_days

_USUAL_DAYS = 14
_LANDED = {"$.rows": "{} landed", "$.quarantined": "rows rejected"}
_SAMPLED = {
    "$.positives": "{} positives",
    **{f"$.{kind}": f"{kind} rows" for kind in ("exposed", "unexposed", "attributed", "synthetic")},
}
_FEWEST_DAYS = 4
_NOT_SETTINGS = frozenset(("files", "before", "versions", "code"))
_MOVED = 0.02
"""Share of rows by which a share has to move to be named."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Changed:
    """One thing that is not as it was.

    Attributes:
        area: Data, Labels, Features, Recipe, Settings, Policy or Code.
        what: What changed.
        before: As it was, in words.
        now: As it is.
        is_unusual: Whether it lies outside what the last days had, or is a change that somebody made.
        why: Where that is known.
    """

    area: str
    what: str
    before: str
    now: str
    is_unusual: bool = False
    why: str = ""


def changes_since(con: duckdb.DuckDBPyConnection, ds: date, before: date | None) -> list[Changed]:
    """What changed since the run of ``before``; without one there is nothing to compare with."""
    if before is None:
        return []
    now, then = (day_results(con, day)[0] for day in (ds, before))
    inputs = (inputs_of_day(con, before), inputs_of_day(con, ds))
    return [
        *_counts(con, "land", _LANDED, ds),
        *_counts(con, "samples", _SAMPLED, ds),
        *_features(now, then),
        *_recipe(now, then),
        *_settings(*inputs),
        *_code(con, before, ds, *inputs),
    ]


def _counts(con: duckdb.DuckDBPyConnection, step: str, paths: Mapping[str, str], ds: date) -> Iterator[Changed]:
    """Counts of a step against those of the runs before."""
    found = values_over_days(con, step, tuple(paths), ds - timedelta(days=_USUAL_DAYS), ds)
    if ds not in found or len(found) < 2:
        return
    days = [_flat(row, paths) for day, row in found.items() if day < ds]
    area = "Data" if step == "land" else "Labels"
    for what, value in _flat(found[ds], paths).items():
        yield from _number(area, what, value, [day.get(what, 0.0) for day in days])


def _flat(row: Mapping[str, str], paths: Mapping[str, str]) -> dict[str, float]:
    """Counts by what they count; ``{}`` in the words stands for the key of a mapping."""
    found: dict[str, float] = {}
    for path, words in paths.items():
        value = json.loads(row[path] or "0")
        if isinstance(value, Mapping):
            found.update({words.format(key): float(count) for key, count in value.items()})
        else:
            found[words] = float(value)
    return found


def _number(area: str, what: str, now: float, usual: Sequence[float]) -> Iterator[Changed]:
    """A count against the last days: unusual outside of what they had, widened by half their range."""
    if not usual or (now == usual[-1] and len(usual) < _FEWEST_DAYS):
        return
    low, high, middle = min(usual), max(usual), median(usual)
    room = (high - low) / 2
    is_unusual = len(usual) >= _FEWEST_DAYS and not low - room <= now <= high + room
    if not is_unusual and now == usual[-1]:
        return
    share = f", {100 * (now / middle - 1):+.0f} % against the median of {len(usual)} runs" if middle else ""
    yield Changed(
        area=area,
        what=what,
        before=f"{usual[-1]:,.0f}",
        now=f"{now:,.0f}",
        is_unusual=is_unusual,
        why=share.strip(", "),
    )


def _features(now: DayResults, then: DayResults) -> Iterator[Changed]:
    if now.frames is None or then.frames is None:
        return
    for view in sorted({*now.frames.missing, *then.frames.missing}):
        values = [frames.missing.get(view, 0.0) for frames in (then.frames, now.frames)]
        if abs(values[1] - values[0]) >= _MOVED:
            before, after = (f"{100 * value:.1f} %" for value in values)
            yield Changed(
                area="Features",
                what=f"rows without a known version in {view}",
                before=before,
                now=after,
                is_unusual=True,
            )


def _recipe(now: DayResults, then: DayResults) -> Iterator[Changed]:
    if now.train is None or then.train is None:
        return
    for role in ("champion", "challenger"):
        new, old = now.train.models.get(role), then.train.models.get(role)
        if new is None or old is None:
            continue
        if new.recipe != old.recipe:
            yield Changed(
                area="Recipe", what=f"recipe of the {role}", before=old.recipe, now=new.recipe, is_unusual=True
            )
        if new.num_params != old.num_params:
            yield Changed(
                area="Recipe",
                what=f"parameters of the {role}",
                before=f"{old.num_params:,}",
                now=f"{new.num_params:,}",
                is_unusual=True,
            )
        if role == "champion" and new.version != old.version:
            yield Changed(area="Recipe", what="champion", before=f"version {old.version}", now=f"version {new.version}")


def _settings(before: Mapping[str, Mapping[str, Any]], now: Mapping[str, Mapping[str, Any]]) -> Iterator[Changed]:
    told: set[str] = set()
    for step in now.keys() & before.keys():
        for name in sorted((now[step].keys() & before[step].keys()) - _NOT_SETTINGS - told):
            old, new = before[step][name], now[step][name]
            if old != new:
                told.add(name)
                area = "Policy" if name == "policy" else "Settings"
                for path, was, is_now in _leaves(name, old, new):
                    yield Changed(area=area, what=path, before=str(was), now=str(is_now), is_unusual=True)


def _leaves(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    """The values that differ, with their path."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted({*old, *new}):
            if old.get(name) != new.get(name):
                yield from _leaves(f"{path}.{name}", old.get(name), new.get(name))
    else:
        yield path, old, new


def _code(
    con: duckdb.DuckDBPyConnection,
    before: date,
    ds: date,
    old: Mapping[str, Mapping[str, Any]],
    new: Mapping[str, Mapping[str, Any]],
) -> Iterator[Changed]:
    changed = [step for step in new if step in old and old[step]["code"] != new[step]["code"]]
    versions = [code_versions(con, day) for day in (before, ds)]
    if changed or (versions[0] != versions[1] and not (old and new)):
        yield Changed(
            area="Code",
            what=f"code of {', '.join(changed)}" if changed else "code of the run",
            before=", ".join(versions[0]),
            now=", ".join(versions[1]),
            is_unusual=True,
        )
