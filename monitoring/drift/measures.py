"""Measures of a column: numbers of a day's profile, and how far they are from what was expected of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import log, sqrt
from typing import Any

import numpy as np

from monitoring.drift.expectation import Expectation, Floats, expect, typical
from uniscale.contracts.monitor import QUANTILES

Profile = Mapping[str, Any]
"""One row of ``monitor.profiles``."""

_BODY = tuple(place for place, level in enumerate(QUANTILES) if 0.05 <= level <= 0.95)
"""Quantiles that levels are compared by: the outermost ones of a day rest on few rows."""
_NORMAL_RANGE = 3.29
"""From the 5 % to the 95 % quantile of a normal distribution, in standard deviations."""
_FIRM = 0.02
"""Spread of a number that hardly varies, as a share of its size: it may move by so little unseen."""
_CHANCE_DAYS = 5
"""Days that the variation which chance alone gives counts as, in addition to the days before."""
_DESIGN = 1.5
"""Standard error of rows that come in requests, over that of as many rows for themselves."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A number of today against what was expected of it.

    Attributes:
        value: What it is.
        expected: What was expected.
        effect: How far apart they are, as `uniscale.contracts.monitor.FINDINGS` says.
        score: The effect over its usual size.
    """

    value: float
    expected: float
    effect: float
    score: float


Measure = Callable[[date, Profile, Sequence[date], Sequence[Profile]], Measured | None]
"""Takes today, its profile, the days before and theirs; None where there is nothing to compare."""


def volume(ds: date, today: Profile, days: Sequence[date], before: Sequence[Profile]) -> Measured:
    """Rows of the population: ln(rows / expected)."""
    found = expect(ds, days, _column(log(one["num_rows"]) for one in before))
    expected = float(np.exp(found.value_J[0]))
    effect = log(today["num_rows"] / expected)
    noise = _DESIGN / sqrt(min(today["num_requests"], *(one["num_requests"] for one in before)))
    return _measured(today["num_rows"], expected, effect, found, noise)


def null_rate(ds: date, today: Profile, days: Sequence[date], before: Sequence[Profile]) -> Measured:
    """Share of rows without a value: its difference."""
    found = expect(ds, days, _column(_nulls(one) for one in before))
    value, expected = _nulls(today), float(np.clip(found.value_J[0], 0, 1))
    every = (today, *before)
    pooled = sum(one["num_nulls"] for one in every) / sum(one["num_rows"] for one in every)
    groups = min(one["num_requests"] for one in every)
    noise = _DESIGN * sqrt(pooled * (1 - pooled) / groups) + 0.5 / groups
    return _measured(value, expected, value - expected, found, noise)


def level(ds: date, today: Profile, days: Sequence[date], before: Sequence[Profile]) -> Measured | None:
    """Quantiles of a number: their mean absolute difference in standard deviations of the column.

    Quantiles of a number with few values jump from one to the next, so mean or standard deviation must bear them out.
    """
    if today["quantiles"] is None or any(one["quantiles"] is None for one in before):
        return None
    values_KJ = np.array([one["quantiles"] for one in before])[:, _BODY]
    found = expect(ds, days, values_KJ)
    today_J = np.array(today["quantiles"])[list(_BODY)]
    apart_J = today_J - found.value_J
    scale = _scale(values_KJ, [today, *before])
    moments = expect(ds, days, np.array([[one["mean"], one["std"]] for one in before]))
    borne_out = float(np.abs([today["mean"], today["std"]] - moments.value_J).max()) / scale
    place = int(np.argmax(np.abs(apart_J)))
    effect = min(float(np.abs(apart_J).mean()) / scale, 2 * borne_out) * (1.0 if apart_J.mean() >= 0 else -1.0)
    groups = min(min(_known(one), one["num_requests"]) for one in (today, *before))
    distance_K = np.abs(found.residual_KJ).mean(axis=1) / scale
    return _scored(today_J[place], found.value_J[place], effect, found, distance_K=distance_K, noise=1 / sqrt(groups))


def rate(ds: date, today: Profile, days: Sequence[date], before: Sequence[Profile]) -> Measured | None:
    """Rate of a flag: ln(rate / expected), half a row added to each."""
    if today["mean"] is None or any(one["mean"] is None for one in before):
        return None
    found = expect(ds, days, _column(_log_rate(one) for one in before))
    effect = _log_rate(today) - float(found.value_J[0])
    expected = float(np.exp(found.value_J[0]))
    every = (today, *before)
    rows = min(_known(one) for one in every)
    pooled = sum(one["mean"] * _known(one) for one in every) / sum(_known(one) for one in every)
    noise = _DESIGN * sqrt((1 - pooled) / (max(pooled, 1 / rows) * rows)) + 0.5 / rows
    return _measured(today["mean"], expected, effect, found, noise)


def share(ds: date, today: Profile, days: Sequence[date], before: Sequence[Profile]) -> Measured | None:
    """Shares of a category's values: total variation, of the most frequent values and all others together."""
    if not _known(today) or not all(_known(one) for one in before):
        return None
    names = sorted({name for one in (today, *before) for name in one["top_values"]})
    values_KJ = np.array([_shares(one, names) for one in before])
    found = expect(ds, days, values_KJ)
    today_J, expected_J = _shares(today, names), np.clip(found.value_J, 0, 1)
    apart_J = today_J - expected_J
    place = int(np.argmax(np.abs(apart_J)))
    groups = min(one["num_requests"] for one in (today, *before))
    noise = float(np.sqrt(expected_J * (1 - expected_J)).sum() * 0.4 / sqrt(groups))
    effect, distance_K = float(np.abs(apart_J).sum() / 2), np.abs(found.residual_KJ).sum(axis=1) / 2
    return _scored(today_J[place], expected_J[place], effect, found, distance_K=distance_K, noise=noise)


def new_values(today: Profile, before: Sequence[Profile], min_requests: int) -> tuple[float, int, list[str]]:
    """Values of a category that none of the days before had.

    A value counts on days that would have shown it: its share of today's rows makes ``min_requests`` requests there.

    Returns:
        Share of today's rows with such values, the fewest days that would have shown one, and the values.
    """
    seen = {name for one in before for name in one["top_values"]}
    shares = {
        name: count / _known(today)
        for name, count in zip(today["top_values"], today["top_counts"], strict=True)
        if name not in seen
    }
    days = {name: sum(part * one["num_requests"] >= min_requests for one in before) for name, part in shares.items()}
    new = [name for name in shares if days[name]]
    return sum(shares[name] for name in new), min((days[name] for name in new), default=0), new


BY_KIND: Mapping[str, Mapping[str, Measure]] = {
    "number": {"null_rate": null_rate, "level": level},
    "text": {"null_rate": null_rate, "level": level},
    "category": {"null_rate": null_rate, "share": share},
    "flag": {"null_rate": null_rate, "rate": rate},
}
"""What is measured of a column of each kind."""


def _measured(value: float, expected: float, effect: float, found: Expectation, noise: float) -> Measured:
    return _scored(value, expected, effect, found, distance_K=np.abs(found.residual_KJ[:, 0]), noise=noise)


def _scored(
    value: float, expected: float, effect: float, found: Expectation, *, distance_K: Floats, noise: float
) -> Measured:
    """Score an effect by the usual distances of days and by chance, which counts as some more days (Smyth, 2004).

    A few quiet days may show too little variation by chance, and many columns are looked at.
    """
    days = len(distance_K)
    usual = sqrt((days * typical(distance_K) ** 2 + _CHANCE_DAYS * noise**2) / (days + _CHANCE_DAYS))
    return Measured(float(value), float(expected), float(effect), abs(effect) / max(usual * found.spread, 1e-9))


def _column(values: Any) -> Floats:
    return np.array(list(values), dtype=np.float64)[:, None]


def _known(one: Profile) -> int:
    return int(one["num_rows"] - one["num_nulls"])


def _nulls(one: Profile) -> float:
    return float(one["num_nulls"] / one["num_rows"])


def _log_rate(one: Profile) -> float:
    rows = _known(one)
    return log((one["mean"] * rows + 0.5) / (rows + 1))


def _scale(values_KJ: Floats, profiles: Sequence[Profile]) -> float:
    """Standard deviation of a column: of its rows, of a normal distribution with its quantiles, whichever is larger."""
    low, high = float(np.median(values_KJ[:, 0])), float(np.median(values_KJ[:, -1]))
    middle = float(np.abs(np.median(values_KJ, axis=0)).mean())
    return max((high - low) / _NORMAL_RANGE, float(np.median([one["std"] for one in profiles])), _FIRM * middle, 1e-9)


def _shares(one: Profile, names: Sequence[str]) -> Floats:
    """Shares of the values, and of all others."""
    counts = dict(zip(one["top_values"], one["top_counts"], strict=True))
    shares = [counts.get(name, 0) / _known(one) for name in names]
    return np.array([*shares, max(0.0, 1 - sum(shares))])
