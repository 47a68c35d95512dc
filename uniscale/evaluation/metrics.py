"""The metrics of a ranker: search (target-domain) requests, exposed rows, native labels.

Rows are ranked within their request by the click probability for click metrics, by the cart probability for `cart_auc`,
and by the purchase probability for purchase metrics (`purchase_auc`, `gmv_proxy`, `gmv_share`). Prices do not enter the
ranking: a model is measured by what it predicts, not by a rule that puts expensive items first. Tied rows count as the
average over their orders. A metric that the test set does not define is None, never 0.
"""

from __future__ import annotations

import numpy as np

from uniscale.evaluation.outcomes import Array, Outcomes, Scores
from uniscale.evaluation.ranking import hit_chance, ideal_discount, mean_discount, place, top_share
from uniscale.evaluation.statistic import PooledAuc, Ratio, Statistic, request_auc

_SMALLEST_PROBABILITY = 1e-7


def statistics(outcomes: Outcomes, scores: Scores) -> dict[str, Statistic]:
    """All metrics by name, ready to be valued on any resample of the requests.

    - ``auc``: a clicked row scores above an unclicked one, over all rows together.
    - ``gauc``: the same within a request, averaged with the request's exposed rows as weight; requests without both
      clicked and unclicked rows do not count.
    - ``hr_at_5``: share of requests with a click that have a clicked row among their 5 best.
    - ``ndcg_at_10``: of requests with a click; a click has gain 1.
    - ``log_loss``: mean over the rows shown first, natural logarithm. A chance is one of an item that is looked at
      (`uniscale.evaluation.level`), and further down not all are.
    - ``calibration``: predicted clicks divided by observed clicks, of the same rows.
    - ``gmv_proxy``: purchase value among the 5 best rows, mean per request, in the shop's currency; undefined when
      the test set has no purchase.
    - ``gmv_share``: the same as a share of all purchase value.
    - ``cart_auc``: as ``auc``, for carts and favourites.
    - ``purchase_auc``: as ``auc``, for purchases.
    """
    request_N, clicked_N = outcomes.request_N, outcomes.is_clicked_N
    return {
        "auc": PooledAuc(request_N, clicked_N, scores.click_N),
        "gauc": grouped_auc(request_N, clicked_N, scores.click_N, outcomes.num_requests),
        **_click_lists(outcomes, scores),
        **_click_probabilities(outcomes, scores),
        **_purchase_value(outcomes, scores),
        "cart_auc": PooledAuc(request_N, outcomes.is_carted_N, scores.cart_N),
        "purchase_auc": PooledAuc(request_N, outcomes.is_purchased_N, scores.purchase_N),
    }


def measure(outcomes: Outcomes, scores: Scores) -> dict[str, float | None]:
    """Value of every metric on the test set itself."""
    return {
        name: value_of(statistic, outcomes.num_requests) for name, statistic in statistics(outcomes, scores).items()
    }


def value_of(statistic: Statistic, num_requests: int) -> float | None:
    """The metric with every request counted once; None when undefined."""
    value = float(statistic.values(np.ones((1, num_requests)))[0])
    return None if np.isnan(value) else value


def auc(label_N: Array, score_N: Array) -> float | None:
    """Area under the ROC curve; None without both classes."""
    return value_of(PooledAuc(np.zeros(len(label_N), dtype=int), label_N, score_N), 1)


def gauc(request_N: Array, label_N: Array, score_N: Array) -> float | None:
    """AUC within requests, weighted by their rows; None when no request has both classes."""
    kept, request = np.unique(request_N, return_inverse=True)
    return value_of(grouped_auc(request, label_N, score_N, len(kept)), len(kept))


def grouped_auc(request_N: Array, label_N: Array, score_N: Array, num_requests: int) -> Ratio:
    """AUC within requests, weighted by the rows of the request, over requests where it is defined."""
    auc_R, is_defined = request_auc(request_N, label_N, score_N, num_requests)
    rows_R = np.bincount(request_N, minlength=num_requests) * is_defined
    return Ratio(auc_R * rows_R, rows_R.astype(float), int(is_defined.sum()))


def _click_lists(outcomes: Outcomes, scores: Scores) -> dict[str, Statistic]:
    places = place(outcomes.request_N, scores.click_N)
    clicks_R = _sum(outcomes, outcomes.is_clicked_N)
    has_click = (clicks_R > 0).astype(float)
    carrying = int(has_click.sum())
    hits_R = hit_chance(outcomes.request_N, outcomes.is_clicked_N, places, 5, outcomes.num_requests)
    gain_R = _sum(outcomes, outcomes.is_clicked_N * mean_discount(places, 10))
    ideal_R = ideal_discount(clicks_R.astype(int), 10)
    ndcg_R = np.divide(gain_R, ideal_R, out=np.zeros_like(gain_R), where=ideal_R > 0)
    return {
        "hr_at_5": Ratio(hits_R * has_click, has_click, carrying),
        "ndcg_at_10": Ratio(ndcg_R, has_click, carrying),
    }


def _click_probabilities(outcomes: Outcomes, scores: Scores) -> dict[str, Statistic]:
    probability = np.clip(scores.click_N, _SMALLEST_PROBABILITY, 1 - _SMALLEST_PROBABILITY)
    loss = -np.log(np.where(outcomes.is_clicked_N, probability, 1 - probability))
    first_N = outcomes.is_first_N
    rows_R = _sum(outcomes, first_N)
    clicks_R = _sum(outcomes, outcomes.is_clicked_N & first_N)
    carrying = int(np.sum(rows_R > 0))
    return {
        "log_loss": Ratio(_sum(outcomes, loss * first_N), rows_R, carrying),
        "calibration": Ratio(_sum(outcomes, scores.click_N * first_N), clicks_R, carrying),
    }


def _purchase_value(outcomes: Outcomes, scores: Scores) -> dict[str, Statistic]:
    places = place(outcomes.request_N, scores.purchase_N)
    found_R = _sum(outcomes, outcomes.purchase_value_N * top_share(places, 5))
    all_R = _sum(outcomes, outcomes.purchase_value_N)
    carrying = int(np.sum(all_R > 0))
    requests_R = np.full(outcomes.num_requests, float(carrying > 0))
    return {
        "gmv_proxy": Ratio(found_R, requests_R, carrying),
        "gmv_share": Ratio(found_R, all_R, carrying),
    }


def _sum(outcomes: Outcomes, values_N: Array) -> Array:
    sums = np.bincount(outcomes.request_N, weights=values_N, minlength=outcomes.num_requests)
    return sums.astype(float)  # of nothing, NumPy makes integers
