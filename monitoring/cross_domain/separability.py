"""All columns together: how well a small classifier tells source rows from native rows (a classifier two-sample test).

Lopez-Paz and Oquab, "Revisiting classifier two-sample tests", ICLR 2017. The classifier sees numeric inputs only, no
label, and is judged on users that it was not fitted on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from monitoring.cross_domain.contrasts import is_native
from monitoring.profiling.scan import population_name
from monitoring.profiling.stages import NUMERIC_INPUTS
from uniscale.config.thresholds import ContrastThresholds
from uniscale.contracts.monitor import CLASSIFIER_COLUMNS

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

_FOLDS = 3
_CELL = ["domain", "provenance", "query_tier"]


def separability(
    ds: date, rows: pd.DataFrame, target_domain: str, weights: Mapping[str, float], limits: ContrastThresholds
) -> Iterator[dict[str, Any]]:
    """Rows of ``monitor.separability``, for every population that has rows enough.

    Args:
        ds: The day.
        rows: Its sampled rows (`monitoring.rows.sampled_rows`).
        target_domain: Domain of native rows.
        weights: Share of each population in the training weight.
        limits: Fewest rows.
    """
    cells = dict(iter(rows.groupby(_CELL, sort=True)))
    natives = [part for cell, part in cells.items() if is_native(dict(zip(_CELL, cell, strict=True)), target_domain)]
    if not natives or len(natives[0]) < limits.min_rows:
        return
    for cell, part in cells.items():
        parts = dict(zip(_CELL, cell, strict=True))
        if is_native(parts, target_domain) or len(part) < limits.min_rows:
            continue
        population = population_name("training", cell)
        yield {
            "ds": ds,
            "population": population,
            "stage": "training",
            **{**parts, "query_tier": int(parts["query_tier"])},
            "num_rows": len(part),
            "num_native": len(natives[0]),
            **_told_apart(part, natives[0]),
            "weight_share": weights.get(population, 0.0),
        }


def _told_apart(part: pd.DataFrame, native: pd.DataFrame) -> dict[str, Any]:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedGroupKFold

    both = pd.concat([part, native], ignore_index=True)
    x_NF = both[list(NUMERIC_INPUTS)].to_numpy(dtype=np.float64)
    is_source_N = np.arange(len(both)) < len(part)
    folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=0).split(x_NF, is_source_N, both["user_id"])
    aucs, losses = [], []
    for fitted, judged in folds:
        if len({*is_source_N[fitted]}) < 2 or len({*is_source_N[judged]}) < 2:
            continue
        model = HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=8, early_stopping=False, random_state=0)
        model.fit(x_NF[fitted], is_source_N[fitted])
        auc = float(roc_auc_score(is_source_N[judged], model.predict_proba(x_NF[judged])[:, 1]))
        aucs.append(auc)
        losses.append(_losses(model, x_NF[judged], is_source_N[judged], auc))
    if len(aucs) < 2:
        return {"auc": None, "auc_se": None, "top_columns": [], "top_losses": []}
    mean_F = np.mean(losses, axis=0)
    top = [int(place) for place in np.argsort(-mean_F, kind="stable")[:CLASSIFIER_COLUMNS] if mean_F[place] > 0]
    return {
        "auc": float(np.mean(aucs)),
        "auc_se": float(np.std(aucs, ddof=1) / sqrt(len(aucs))),
        "top_columns": [NUMERIC_INPUTS[place] for place in top],
        "top_losses": [float(mean_F[place]) for place in top],
    }


def _losses(model: HistGradientBoostingClassifier, x_NF: Any, is_source_N: Any, auc: float) -> list[float]:
    """AUC that is lost when a column is shuffled, by column."""
    from sklearn.metrics import roc_auc_score

    shuffled_N = np.random.default_rng(0).permutation(len(x_NF))
    found = []
    for place in range(x_NF.shape[1]):
        mixed_NF = x_NF.copy()
        mixed_NF[:, place] = x_NF[shuffled_N, place]
        found.append(auc - float(roc_auc_score(is_source_N, model.predict_proba(mixed_NF)[:, 1])))
    return found
