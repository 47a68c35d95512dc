"""Column by column: profiles of source rows against the profile of native rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

import numpy as np

from monitoring.drift.findings import Day
from uniscale.contracts.marts import PROVENANCES

COMPARED = ("samples", "training")
"""Stages whose populations are compared."""
PARTS = ("population", "stage", "domain", "provenance", "query_tier")
"""Columns that name a population."""
NATIVE = PROVENANCES[0]


def is_native(one: Mapping[str, Any], target_domain: str) -> bool:
    """Whether a population holds rows that were shown in real requests of the target domain, with their own labels."""
    return (one["domain"], one["provenance"], one["query_tier"]) == (target_domain, NATIVE, 0)


def contrasts(ds: date, profiles: Day, target_domain: str) -> list[dict[str, Any]]:
    """Rows of ``monitor.contrasts`` from the profiles of a day; none without native rows."""
    return [row for stage in COMPARED for row in _of_stage(ds, profiles.values(), stage, target_domain)]


def weight_shares(profiles: Day) -> dict[str, float]:
    """Share of each population of training rows in the day's training weight."""
    weights = {one["population"]: one["weight"] for one in profiles.values() if one["stage"] == "training"}
    total = sum(weights.values())
    return {name: weight / total if total else 0.0 for name, weight in weights.items()}


def _of_stage(
    ds: date, profiles: Iterable[Mapping[str, Any]], stage: str, target_domain: str
) -> Iterator[dict[str, Any]]:
    rows = [one for one in profiles if one["stage"] == stage]
    native = {one["column_name"]: one for one in rows if is_native(one, target_domain)}
    for one in rows:
        if one["column_name"] in native and not is_native(one, target_domain):
            other = native[one["column_name"]]
            yield {
                "ds": ds,
                **{name: one[name] for name in PARTS},
                "column_name": one["column_name"],
                "kind": one["kind"],
                "value": one["mean"],
                "native_value": other["mean"],
                "null_rate": one["num_nulls"] / one["num_rows"],
                "native_null_rate": other["num_nulls"] / other["num_rows"],
                "distance": _distance(one, other),
            }


def _distance(one: Mapping[str, Any], native: Mapping[str, Any]) -> float | None:
    if one["num_nulls"] == one["num_rows"] or native["num_nulls"] == native["num_rows"]:
        return None
    if one["kind"] == "flag":
        return abs(float(one["mean"]) - float(native["mean"]))
    if one["kind"] == "category":
        return _total_variation(one, native)
    apart = float(np.abs(np.subtract(one["quantiles"], native["quantiles"])).mean())
    scale = max(native["std"], one["std"])
    return apart / scale if scale else 0.0


def _total_variation(one: Mapping[str, Any], native: Mapping[str, Any]) -> float:
    """Of the values that either keeps, and all others together."""
    shares = [_shares(profile) for profile in (one, native)]
    names = sorted(shares[0].keys() | shares[1].keys())  # a sum of doubles depends on its order, a set's on the process
    apart = sum(abs(shares[0].get(name, 0.0) - shares[1].get(name, 0.0)) for name in names)
    return float(apart + abs(sum(shares[0].values()) - sum(shares[1].values()))) / 2


def _shares(one: Mapping[str, Any]) -> dict[str, float]:
    known = one["num_rows"] - one["num_nulls"]
    return {name: count / known for name, count in zip(one["top_values"], one["top_counts"], strict=True)}
