"""Intervals: paired, seeded, as wide as they should be, and absent where they would mean nothing."""

import numpy as np
import pytest

from uniscale.evaluation.bootstrap import resample, visible_effect
from uniscale.evaluation.metrics import statistics
from uniscale.evaluation.outcomes import Outcomes, Scores
from uniscale.evaluation.statistic import Ratio


def mean_of(values):
    return Ratio(np.asarray(values, dtype=float), np.ones(len(values)), len(values))


def some_outcomes(num_requests=80, rows=6, seed=3):
    rng = np.random.default_rng(seed)
    n = num_requests * rows
    probability = rng.beta(1, 6, n)
    clicked = rng.random(n) < probability
    purchased = clicked & (rng.random(n) < 0.3)
    shown = Outcomes(
        request_N=np.repeat(np.arange(num_requests), rows),
        is_first_N=np.arange(n) % rows == 0,
        is_clicked_N=clicked,
        is_carted_N=clicked & (rng.random(n) < 0.5),
        is_purchased_N=purchased,
        purchase_value_N=purchased * rng.lognormal(3, 1, n),
        num_requests=num_requests,
    )
    return shown, probability


def test_the_difference_of_identical_scores_is_exactly_zero():
    shown, probability = some_outcomes()
    named = {
        (role, name): statistic
        for role in ("champion", "challenger")
        for name, statistic in statistics(
            shown, Scores(click_N=probability, cart_N=probability / 3, purchase_N=probability / 9)
        ).items()
    }
    drawn = resample(named, shown.num_requests, num_resamples=200, seed=1)
    names = {name for _, name in named}
    assert len(names) == 10
    for name in names:
        difference = drawn["challenger", name].minus(drawn["champion", name], 0.95)
        assert (difference.value, difference.low, difference.high) == (0.0, 0.0, 0.0), name


def test_pairing_sees_a_difference_that_separate_intervals_hide():
    noise = np.random.default_rng(0).normal(0, 10, 300)
    drawn = resample({"a": mean_of(noise), "b": mean_of(noise + 0.5)}, 300, num_resamples=300, seed=1)
    assert drawn["a"].estimate(0.95).high > drawn["b"].estimate(0.95).low
    difference = drawn["b"].minus(drawn["a"], 0.95)
    assert difference.low == pytest.approx(0.5)
    assert difference.high == pytest.approx(0.5)


def test_the_same_seed_gives_the_same_resamples_and_another_seed_others():
    values = {"m": mean_of(np.arange(50))}
    first, again, other = (resample(values, 50, num_resamples=100, seed=seed)["m"].draws_B for seed in (1, 1, 2))
    assert (first == again).all()
    assert not (first == other).all()


def test_resamples_do_not_depend_on_the_chunk_of_memory(monkeypatch):
    values = {"m": mean_of(np.arange(50))}
    whole = resample(values, 50, num_resamples=100, seed=1)["m"].draws_B
    monkeypatch.setattr("uniscale.evaluation.bootstrap._CHUNK_BYTES", 8 * 50 * 7)
    assert resample(values, 50, num_resamples=100, seed=1)["m"].draws_B == pytest.approx(whole)


def test_a_95_percent_interval_of_a_mean_covers_the_truth_about_95_times_in_100():
    rng = np.random.default_rng(5)
    covered = 0
    for seed in range(400):
        estimate = resample({"m": mean_of(rng.exponential(1, 100))}, 100, num_resamples=300, seed=seed)["m"].estimate(
            0.95
        )
        covered += estimate.low <= 1 <= estimate.high
    assert 0.90 <= covered / 400 <= 0.97


def test_the_standard_error_and_the_smallest_visible_effect_are_those_of_a_mean():
    values = np.random.default_rng(6).normal(0, 2, 400)
    estimate = resample({"m": mean_of(values)}, 400, num_resamples=2000, seed=1)["m"].estimate(0.95)
    assert estimate.standard_error == pytest.approx(values.std() / 20, rel=0.08)
    assert visible_effect(estimate.standard_error, 0.95) == pytest.approx(
        (1.959964 + 0.841621) * estimate.standard_error
    )


def test_a_metric_that_too_few_requests_carry_has_a_value_and_no_interval():
    carries = np.r_[1.0, np.zeros(99)]
    estimate = resample({"m": Ratio(carries, carries, 1)}, 100, num_resamples=200, seed=1)["m"].estimate(0.95)
    assert estimate.value == 1.0
    assert (estimate.low, estimate.high, estimate.standard_error) == (None, None, None)
    assert estimate.standard_error is None


def test_no_request_means_no_value():
    drawn = resample({"a": mean_of([]), "b": mean_of([])}, 0, num_resamples=100, seed=1)
    assert drawn["a"].estimate(0.95).value is None
    assert drawn["a"].minus(drawn["b"], 0.95).value is None


def test_a_difference_with_an_undefined_side_is_undefined():
    drawn = resample({"a": mean_of([1, 2]), "b": Ratio(np.zeros(2), np.zeros(2), 0)}, 2, num_resamples=100, seed=1)
    difference = drawn["a"].minus(drawn["b"], 0.95)
    assert (difference.value, difference.low, difference.num_requests) == (None, None, 0)
