"""The interval over days: right at every look, honest about few days, and its stated power is the one it has."""

import numpy as np
import pytest

from uniscale.evaluation.confidence_sequence import days_to_see, pool, reach, sequence

TEST_NOISE = 0.002
RETRAINING = 0.006
RULE = {"confidence": 0.95, "prior_days": 3}


def histories(effect=0.0, retraining=RETRAINING, histories=2_000, days=60, seed=1):
    """Daily differences of two recipes, with half the requests on weekends, and their declared variances."""
    rng = np.random.default_rng(seed)
    noise_D = TEST_NOISE / np.sqrt(np.resize([1, 1, 1, 1, 1, 0.5, 0.5], days))
    shape = (histories, days)
    difference_HD = effect + retraining * rng.standard_normal(shape) + noise_D * rng.standard_normal(shape)
    return difference_HD, np.broadcast_to(noise_D**2 + RETRAINING**2, shape)


@pytest.mark.parametrize("retraining", [0.0, RETRAINING / 2, RETRAINING])
def test_of_two_equal_recipes_one_is_found_better_in_sixty_days_at_most_as_often_as_stated(retraining):
    _, low_HD, high_HD, _ = sequence(*histories(retraining=retraining), **RULE)
    assert np.mean((low_HD > 0).any(axis=1)) <= 0.025
    assert np.mean(((low_HD > 0) | (high_HD < 0)).any(axis=1)) <= 0.05


def test_a_look_at_each_day_alone_finds_one_better_in_half_of_the_histories():
    difference_HD, _ = histories(retraining=0.0, days=30)
    noise_D = TEST_NOISE / np.sqrt(np.resize([1, 1, 1, 1, 1, 0.5, 0.5], 30))
    assert np.mean((difference_HD > 1.96 * noise_D).any(axis=1)) > 0.45


def test_an_effect_is_found_in_the_stated_days_with_the_stated_power():
    effect, seen = 0.008, 10
    difference_HD, variance_HD = histories(effect, histories=400)
    _, low_HD, _, deviation_HD = sequence(difference_HD, variance_HD, **RULE)
    is_found_HD = low_HD > 0
    first_H = np.where(is_found_HD.any(axis=1), is_found_HD.argmax(axis=1) + 1, np.inf)
    stated_H = np.array([days_to_see(effect, deviation, seen, **RULE) for deviation in deviation_HD[:, seen - 1]])
    assert 0.8 <= np.mean(first_H <= stated_H) <= 0.95
    assert np.mean(first_H <= stated_H / 2) < 0.5


def test_days_that_vary_more_than_declared_widen_the_interval():
    quiet, wild = (histories(retraining=sd, days=20)[0] for sd in (RETRAINING, 4 * RETRAINING))
    _, variance_HD = histories(days=20)
    widths = [np.median(high - low) for _, low, high, _ in (sequence(d, variance_HD, **RULE) for d in (quiet, wild))]
    assert widths[1] > 2.5 * widths[0]


def test_one_retraining_bounds_nothing_and_a_few_bound_it_widely():
    days_D = np.array([1, 2, 3, 5, 10, 60])
    found_D = reach(days_D, **RULE)
    assert np.isinf(found_D[:2]).all()
    assert (np.diff(found_D[2:]) < 0).all()
    assert found_D[-1] > 3  # 1.96 at one look


def test_a_day_counts_by_its_precision():
    found = pool(np.array([0.0, 0.0, 0.0, 0.01]), np.array([1e-5, 1e-5, 1e-5, 9e-5]), **RULE)
    assert found.value == pytest.approx(0.01 / 28)
    assert found.num_days == 4
    assert found.low < 0 < found.high


def test_what_would_take_years_is_not_stated_in_days():
    assert days_to_see(0.0001, 0.01, 30, **RULE) is None


@pytest.mark.parametrize("days", [3, 7, 40])
def test_at_the_reach_the_evidence_against_no_difference_is_just_enough(days):
    """The e-value of the Gaussian mixture with right Haar scale, written as the likelihood ratio that it is."""
    degrees = RULE["prior_days"] + days - 1
    square = float(reach(np.array([days]), **RULE)[0]) ** 2
    ratio = (1 + square / degrees) / (1 + square / (degrees * (days + 1)))
    assert ratio ** ((degrees + 1) / 2) / np.sqrt(days + 1) == pytest.approx(1 / (1 - RULE["confidence"]))
