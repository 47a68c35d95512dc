"""Metrics against scikit-learn, against all orders of tied rows, and against resamples that are really built."""

from itertools import groupby, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss, ndcg_score, roc_auc_score

from uniscale.evaluation.metrics import auc, gauc, measure, statistics
from uniscale.evaluation.outcomes import Outcomes, Scores
from uniscale.evaluation.ranking import hit_chance, mean_discount, place, top_share
from uniscale.evaluation.statistic import PooledAuc

FEW = settings(max_examples=60, deadline=None)


@st.composite
def judged_sets(draw, max_requests=6, max_rows=8):
    """Outcomes with few score levels, so that ties are common; probabilities are multiples of 1/8."""
    lengths = draw(st.lists(st.integers(1, max_rows), min_size=1, max_size=max_requests))
    n = sum(lengths)
    levels = st.lists(st.integers(1, 7), min_size=n, max_size=n)
    flags = st.lists(st.booleans(), min_size=n, max_size=n)
    clicked = np.array(draw(flags))
    purchased = clicked & np.array(draw(flags))
    values = np.array(draw(levels)) * purchased * 1.0
    outcomes = Outcomes(
        request_N=np.repeat(np.arange(len(lengths)), lengths),
        is_first_N=np.array(draw(flags)),
        is_clicked_N=clicked,
        is_carted_N=np.array(draw(flags)),
        is_purchased_N=purchased,
        purchase_value_N=values,
        num_requests=len(lengths),
    )
    clicks, carts, purchases = (np.array(draw(levels)) / 8 for _ in range(3))
    return outcomes, Scores(click_N=clicks, cart_N=carts, purchase_N=purchases)


def rows_of(outcomes, request):
    return np.flatnonzero(outcomes.request_N == request)


def orders(scores):
    """All orders of the rows, best first, that their scores allow."""
    best_first = sorted(range(len(scores)), key=lambda row: -scores[row])
    ties = [list(group) for _, group in groupby(best_first, key=lambda row: scores[row])]
    found = [()]
    for tie in ties:
        found = [done + order for done in found for order in permutations(tie)]
    return found


@FEW
@given(judged_sets())
def test_auc_equals_scikit_learn(test_set):
    outcomes, scores = test_set
    clicked = outcomes.is_clicked_N
    found = measure(outcomes, scores)["auc"]
    if clicked.all() or not clicked.any():
        assert found is None
    else:
        assert found == pytest.approx(roc_auc_score(clicked, scores.click_N))
        assert auc(clicked, scores.click_N) == pytest.approx(found)


@FEW
@given(judged_sets())
def test_gauc_is_the_mean_of_request_aucs_weighted_by_rows(test_set):
    outcomes, scores = test_set
    parts = []
    for request in range(outcomes.num_requests):
        rows = rows_of(outcomes, request)
        clicked = outcomes.is_clicked_N[rows]
        if clicked.any() and not clicked.all():
            parts.append((len(rows), roc_auc_score(clicked, scores.click_N[rows])))
    expected = None if not parts else np.average([a for _, a in parts], weights=[n for n, _ in parts])
    found = measure(outcomes, scores)["gauc"]
    assert found == (None if expected is None else pytest.approx(expected))
    assert gauc(outcomes.request_N * 3 + 5, outcomes.is_clicked_N, scores.click_N) == found


@FEW
@given(judged_sets(max_rows=14))
def test_ndcg_equals_scikit_learn_on_requests_with_a_click(test_set):
    outcomes, scores = test_set
    parts = []
    for request in range(outcomes.num_requests):
        rows = rows_of(outcomes, request)
        if outcomes.is_clicked_N[rows].any():
            padded = np.r_[outcomes.is_clicked_N[rows], False], np.r_[scores.click_N[rows], -1.0]
            parts.append(ndcg_score([padded[0]], [padded[1]], k=10))  # it refuses lists of one
    found = measure(outcomes, scores)["ndcg_at_10"]
    assert found == (pytest.approx(np.mean(parts)) if parts else None)


@FEW
@given(judged_sets())
def test_log_loss_and_calibration_equal_their_definitions(test_set):
    outcomes, scores = test_set
    found = measure(outcomes, scores)
    label, score = outcomes.is_clicked_N[outcomes.is_first_N], scores.click_N[outcomes.is_first_N]
    assert found["log_loss"] == (pytest.approx(log_loss(label, score, labels=[False, True])) if len(label) else None)
    assert found["calibration"] == (pytest.approx(score.sum() / label.sum()) if label.any() else None)


@settings(max_examples=40, deadline=None)
@given(judged_sets(max_requests=3, max_rows=6), st.integers(1, 4))
def test_tied_rows_count_as_the_mean_over_all_their_orders(test_set, k):
    outcomes, scores = test_set
    places = place(outcomes.request_N, scores.click_N)
    hits = hit_chance(outcomes.request_N, outcomes.is_clicked_N, places, k, outcomes.num_requests)
    value_in_top = top_share(places, k) * outcomes.purchase_value_N
    discount = mean_discount(places, k)
    for request in range(outcomes.num_requests):
        rows = rows_of(outcomes, request)
        clicked, value = outcomes.is_clicked_N[rows], outcomes.purchase_value_N[rows]
        tops = [list(order[:k]) for order in orders(scores.click_N[rows])]
        assert hits[request] == pytest.approx(np.mean([clicked[top].any() for top in tops]))
        assert value_in_top[rows].sum() == pytest.approx(np.mean([value[top].sum() for top in tops]))
        gains = [sum(clicked[row] / np.log2(2 + at) for at, row in enumerate(top)) for top in tops]
        assert (discount[rows] * clicked).sum() == pytest.approx(np.mean(gains))


@FEW
@given(judged_sets(), st.data())
def test_a_weighted_metric_equals_the_metric_of_the_rows_really_repeated(test_set, data):
    outcomes, scores = test_set
    times = data.draw(st.lists(st.integers(0, 3), min_size=outcomes.num_requests, max_size=outcomes.num_requests))
    drawn = np.repeat(np.arange(outcomes.num_requests), times)
    rows = [rows_of(outcomes, request) for request in drawn]
    chosen = np.concatenate(rows).astype(int) if rows else np.empty(0, int)
    repeated = Outcomes(
        request_N=np.repeat(np.arange(len(drawn)), [len(part) for part in rows]),
        is_first_N=outcomes.is_first_N[chosen],
        is_clicked_N=outcomes.is_clicked_N[chosen],
        is_carted_N=outcomes.is_carted_N[chosen],
        is_purchased_N=outcomes.is_purchased_N[chosen],
        purchase_value_N=outcomes.purchase_value_N[chosen],
        num_requests=len(drawn),
    )
    expected = measure(
        repeated,
        Scores(click_N=scores.click_N[chosen], cart_N=scores.cart_N[chosen], purchase_N=scores.purchase_N[chosen]),
    )
    for name, statistic in statistics(outcomes, scores).items():
        found = statistic.values(np.array([times], dtype=float))[0]
        if name == "gmv_proxy" and expected[name] is None and outcomes.is_purchased_N.any() and len(drawn):
            assert found == 0  # a resample without a purchase has no value, though the test set has
        else:
            assert found == pytest.approx(np.nan if expected[name] is None else expected[name], nan_ok=True), name


@FEW
@given(judged_sets())
def test_a_probable_label_gives_the_auc_of_all_pairs_weighted_by_both_probabilities(test_set):
    _, scores = test_set
    label, score = scores.purchase_N, scores.click_N
    pairs = [(i, j) for i in range(len(label)) for j in range(len(label)) if i != j]
    weight = [label[i] * (1 - label[j]) for i, j in pairs]
    worth = [1.0 if score[i] > score[j] else 0.5 if score[i] == score[j] else 0.0 for i, j in pairs]
    won = np.dot(weight, worth)
    found = PooledAuc(np.zeros(len(label), int), label, score).values(np.ones((1, 1)))[0]
    assert found == pytest.approx(won / sum(weight) if pairs else np.nan, nan_ok=True)
