"""Whether who serves is still good, well calibrated and young."""

from __future__ import annotations

from datetime import timedelta
from statistics import median
from typing import Any

from uniscale.alerts.look import Firing, Look, NotMadeError
from uniscale.contracts.outcomes import CHAMPIONS, DECISIONS, METRICS

_NORMAL_95 = 1.959964
"""Half the width of a 95 % interval, in standard errors."""
_MAD = 1.4826
"""Standard deviation over median absolute deviation, of a normal distribution."""


def fallen_metric(look: Look, parts: tuple[str, ...]) -> list[Firing]:
    """Metrics of the champion that lie below the median of the days before, beyond the day's error and the days' own.

    The score is (median - value) / sqrt(se^2 + s^2), with the day's bootstrap standard error and the median absolute
    deviation of the days before as standard deviation; the fewer they are, the more is asked for.
    """
    limits = look.limits.quality
    rows = _metrics(look)
    found = []
    for metric in parts:
        days = [row for row in rows if row["metric"] == metric and row["value"] is not None]
        today = next((row for row in days if row["ds"] == look.ds), None)
        before = [row["value"] for row in days if row["ds"] < look.ds]
        if today is None or today["ci_low"] is None or len(before) < limits.min_days:
            continue
        usual = median(before)
        spread = _MAD * median(abs(value - usual) for value in before)
        error = (today["ci_high"] - today["ci_low"]) / (2 * _NORMAL_95)
        distance = (spread**2 + error**2) ** 0.5
        if usual - today["value"] > distance * limits.score * (1 + limits.few_days / len(before)):
            detail = (
                f"{metric} of the champion (version {today['model_version']}) is {today['value']:.4f} "
                f"[{today['ci_low']:.4f}, {today['ci_high']:.4f}]; the median of the last {len(before)} days is "
                f"{usual:.4f}"
            )
            found.append(Firing(subject=metric, value=today["value"], detail=detail))
    return found


def bad_calibration(look: Look, parts: tuple[str, ...]) -> list[Firing]:
    """The version that serves, if its mean prediction is certainly too far from the rate of what it predicts."""
    del parts
    version, limits = _serving(look), look.limits.calibration
    rows = look.rows(
        f"select * from lake.{METRICS.qualified} where ds = ? and metric = 'calibration' and model_version = ? "
        "and role <> 'difference' and ci_low is not null",
        look.ds,
        version,
    )
    return [
        Firing(
            subject=f"version {version}",
            value=row["value"],
            detail=(
                f"the mean prediction of version {version}, which serves, is {row['value']:.2f} times the click rate "
                f"[{row['ci_low']:.2f}, {row['ci_high']:.2f}]; {limits.low:g} to {limits.high:g} can be lived with"
            ),
        )
        for row in rows[:1]
        if row["ci_high"] < limits.low or row["ci_low"] > limits.high
    ]


def old_champion(look: Look, parts: tuple[str, ...]) -> list[Firing]:
    """The version that serves, if the day it was trained for lies far back."""
    del parts
    version = _serving(look)
    [row] = look.rows(f"select min(ds) as ds from lake.{METRICS.qualified} where model_version = ?", version)
    age = 0 if row["ds"] is None else (look.ds - row["ds"]).days
    if age <= look.limits.upkeep.champion_days:
        return []
    detail = f"version {version}, which serves, was trained for {row['ds']}: {age} days before {look.ds}"
    return [Firing(value=float(age), detail=detail)]


def _metrics(look: Look) -> list[dict[str, Any]]:
    """The champion's metrics of the day and the days before it; raises `NotMadeError` if it was not judged."""
    first = look.ds - timedelta(days=look.limits.quality.days)
    rows = []
    if look.has(METRICS):
        query = f"select * from lake.{METRICS.qualified} where role = 'champion' and ds between ? and ? order by ds"
        rows = look.rows(query, first, look.ds)
    if not any(row["ds"] == look.ds for row in rows):
        raise NotMadeError(f"{look.ds} has not been judged")
    return rows


def _serving(look: Look) -> str:
    """The version that served once the day was decided.

    Raises:
        NotMadeError: It has not been decided.
    """
    decided = []
    if look.has(DECISIONS):
        query = f"select champion_version as version from lake.{DECISIONS.qualified} where ds = ?"
        decided = look.rows(query, look.ds)
    if not decided:
        raise NotMadeError(f"{look.ds} has no decision")
    if look.has(CHAMPIONS):
        query = f"select version from lake.{CHAMPIONS.qualified} where ds = ? order by changed_at desc limit 1"
        decided = look.rows(query, look.ds) or decided
    return str(decided[0]["version"])
