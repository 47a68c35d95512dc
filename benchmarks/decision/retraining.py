"""How much retraining moves GAUC, from the newest record of the rankers: the reason for `gate.retrain_deviation`."""

from __future__ import annotations

import json
from math import sqrt
from statistics import mean, variance
from typing import Any

from benchmarks.record import newest


def over_seeds() -> dict[str, Any]:
    """Deviation of GAUC over the seeds of one recipe, pooled over recipes, and that of a difference of two."""
    path = newest("rankers_xs_es3", ".json")
    by_recipe: dict[str, list[float]] = {}
    for trial in json.loads(path.read_text(encoding="utf-8"))["trials"]:
        by_recipe.setdefault(trial["model"], []).append(trial["gauc"])
    pooled = mean(variance(values) for values in by_recipe.values())
    return {
        "record": path.name,
        "recipes": len(by_recipe),
        "deviation": sqrt(pooled),
        "of_difference": sqrt(2 * pooled),
    }
