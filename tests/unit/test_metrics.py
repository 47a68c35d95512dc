"""The metrics on three requests a person can check by eye, and what is undefined."""

import numpy as np
import pytest

from uniscale.contracts.metrics import CATALOGUE
from uniscale.evaluation.metrics import auc, measure, statistics
from uniscale.evaluation.outcomes import Outcomes, Scores


def outcomes(requests, clicked=(), bought=None, carted=()):
    n = len(requests)
    values = np.zeros(n)
    for row, value in (bought or {}).items():
        values[row] = value
    return Outcomes(
        request_N=np.array(requests, dtype=int),
        is_first_N=np.diff(np.array(requests, dtype=int), prepend=-1) > 0,
        is_clicked_N=np.isin(np.arange(n), list(clicked)),
        is_carted_N=np.isin(np.arange(n), list(carted)),
        is_purchased_N=values > 0,
        purchase_value_N=values,
        num_requests=len(set(requests)),
    )


def scores_of(click_N, purchase_N, cart_N=None):
    return Scores(click_N=click_N, cart_N=np.zeros(len(click_N)) if cart_N is None else cart_N, purchase_N=purchase_N)


def test_a_small_test_set_by_hand():
    # Request 0: six rows, the clicked one comes fifth; request 1: two rows, the clicked one first; request 2: no click.
    shown = outcomes([0] * 6 + [1] * 2 + [2], clicked=[4, 6], bought={5: 30.0, 6: 12.0})
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.9, 0.1, 0.3])
    found = measure(shown, scores_of(click_N=scores, purchase_N=scores))
    assert found["gauc"] == pytest.approx((6 * 1 / 5 + 2 * 1.0) / 8)
    assert found["hr_at_5"] == 1.0
    assert found["ndcg_at_10"] == pytest.approx((1 / np.log2(6) + 1) / 2)
    assert found["gmv_proxy"] == pytest.approx(12 / 3)  # the sixth row's 30 are not among the five best
    assert found["gmv_share"] == pytest.approx(12 / 42)
    assert found["calibration"] == pytest.approx((0.9 + 0.9 + 0.3) / 1)  # of the rows shown first, one was clicked
    assert set(found) == {metric.name for metric in CATALOGUE.values() if not metric.is_truth}


def test_carts_are_judged_by_their_own_probability():
    shown = outcomes([0, 0, 0], clicked=[0], carted=[2])
    clicks = np.array([0.9, 0.5, 0.1])
    assert measure(shown, scores_of(clicks, clicks, cart_N=np.array([0.1, 0.4, 0.3])))["cart_auc"] == 0.5
    assert measure(outcomes([0, 0, 0]), scores_of(clicks, clicks))["cart_auc"] is None


def test_requests_that_carry_a_metric_are_counted():
    shown = outcomes([0, 0, 1, 1, 2], clicked=[0, 2, 3, 4], bought={0: 5.0})
    found = statistics(shown, scores_of(click_N=np.full(5, 0.5), purchase_N=np.full(5, 0.5)))
    carrying = {name: statistic.num_requests for name, statistic in found.items()}
    assert carrying["auc"] == carrying["log_loss"] == 3
    assert carrying["gauc"] == 1  # in the other two every row is clicked
    assert carrying["hr_at_5"] == carrying["ndcg_at_10"] == 3
    assert carrying["gmv_proxy"] == 1


def test_chances_are_judged_by_the_rows_that_were_shown_first():
    shown = outcomes([0, 0, 1, 1], clicked=[1, 2])
    found = measure(shown, scores_of(click_N=np.array([0.5, 0.9, 0.25, 0.9]), purchase_N=np.zeros(4)))
    assert found["calibration"] == pytest.approx(0.75)
    assert found["log_loss"] == pytest.approx((np.log(2) + np.log(4)) / 2)


def test_without_clicks_click_metrics_are_none_and_never_zero():
    found = measure(outcomes([0, 0, 1]), scores_of(click_N=np.array([0.1, 0.2, 0.3]), purchase_N=np.zeros(3)))
    undefined = {
        "auc",
        "gauc",
        "hr_at_5",
        "ndcg_at_10",
        "calibration",
        "gmv_proxy",
        "gmv_share",
        "cart_auc",
        "purchase_auc",
    }
    assert {name for name, value in found.items() if value is None} == undefined
    assert found["log_loss"] > 0


def test_an_empty_test_set_defines_nothing():
    nothing = np.empty(0)
    found = measure(outcomes([]), scores_of(click_N=nothing, purchase_N=nothing))
    assert set(found.values()) == {None}


def test_equal_scores_rank_nothing():
    assert auc(np.array([True, False, True]), np.full(3, 0.2)) == 0.5


def test_a_certain_and_wrong_prediction_has_a_finite_loss():
    found = measure(outcomes([0, 0], clicked=[0]), scores_of(click_N=np.array([0.0, 1.0]), purchase_N=np.zeros(2)))
    assert found["log_loss"] == pytest.approx(-np.log(1e-7), rel=1e-3)
