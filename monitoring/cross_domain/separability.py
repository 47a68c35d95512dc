"""All columns together: how well a small classifier tells source rows from native rows (a classifier two-sample test).

Lopez-Paz and Oquab, "Revisiting classifier two-sample tests", ICLR 2017. The classifier is a logistic
regression on numeric inputs only, no label, and is judged on users that it was not fitted on.

Letters: N rows, F columns, D numbers that describe a column.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from monitoring.cross_domain.contrasts import is_native
from monitoring.profiling.scan import population_name
from monitoring.profiling.stages import NUMERIC_INPUTS
from uniscale.config.thresholds import ContrastThresholds
from uniscale.contracts.monitor import CLASSIFIER_COLUMNS

Floats = npt.NDArray[np.float64]
_FOLDS = 3
_DIGITS = 5
"""Digits after the point: the last ones depend on the processor's threads."""
_PENALTY = 0.1
"""Inverse of the strength of the L2 penalty: a population may have few rows."""
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
    """AUC of a logistic regression on users it was not fitted on, and the columns whose shuffling costs it most."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold

    both = pd.concat([part, native], ignore_index=True)
    x_NFD = _described(both[list(NUMERIC_INPUTS)].to_numpy(dtype=np.float64))
    is_source_N = np.arange(len(both)) < len(part)
    folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=0).split(x_NFD, is_source_N, both["user_id"])
    aucs, losses = [], []
    for fitted, judged in folds:
        if len({*is_source_N[fitted]}) < 2 or len({*is_source_N[judged]}) < 2:
            continue
        model = LogisticRegression(C=_PENALTY, max_iter=200).fit(
            x_NFD[fitted].reshape(len(fitted), -1), is_source_N[fitted]
        )
        given_NF = np.einsum("nfd,fd->nf", x_NFD[judged], model.coef_.reshape(x_NFD.shape[1:]))
        score_N = given_NF.sum(axis=1)
        auc = _auc(score_N, is_source_N[judged])
        shuffled_NF = np.random.default_rng(0).permutation(given_NF, axis=0)
        mixed_FN = (score_N[:, None] - given_NF + shuffled_NF).T
        aucs.append(auc)
        losses.append([auc - _auc(mixed_N, is_source_N[judged]) for mixed_N in mixed_FN])
    if len(aucs) < 2:
        return {"auc": None, "auc_se": None, "top_columns": [], "top_losses": []}
    mean_F = np.mean(losses, axis=0)
    top = [int(place) for place in np.argsort(-mean_F, kind="stable")[:CLASSIFIER_COLUMNS] if mean_F[place] > 0]
    return {
        "auc": round(float(np.mean(aucs)), _DIGITS),
        "auc_se": round(float(np.std(aucs, ddof=1) / sqrt(len(aucs))), _DIGITS),
        "top_columns": [NUMERIC_INPUTS[place] for place in top],
        "top_losses": [round(float(mean_F[place]), _DIGITS) for place in top],
    }


def _described(x_NF: Floats) -> Floats:
    """Of each column its rank among all rows from -1 to 1, the square of that, and whether it is missing: [N, F, 3]."""
    is_missing_NF = np.isnan(x_NF)
    rank_NF = pd.DataFrame(x_NF).rank(pct=True).fillna(0.5).to_numpy() * 2 - 1
    return np.stack([rank_NF, rank_NF**2, is_missing_NF.astype(np.float64)], axis=2)


def _auc(score_N: Floats, is_source_N: npt.NDArray[np.bool_]) -> float:
    """Share of pairs of a source and a native row in which the source row scores higher, ties half."""
    rank_N = pd.Series(score_N).rank().to_numpy()
    sources = int(is_source_N.sum())
    pairs = sources * (len(is_source_N) - sources)
    return float((rank_N[is_source_N].sum() - sources * (sources + 1) / 2) / pairs)
