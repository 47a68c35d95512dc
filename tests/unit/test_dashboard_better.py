"""Is it getting better: certain only where intervals and the spread from day to day allow it."""

from datetime import date, timedelta

import pytest

from uniscale.contracts.metrics import CATALOGUE
from uniscale.ui.better import gained, last_weeks
from uniscale.ui.weeks import by_week

GAUC = CATALOGUE["gauc"]
DS = date(2026, 3, 1)


def row(value, half=0.01, requests=100):
    ends = (None, None) if value is None else (value - half, value + half)
    return {"value": value, "ci_low": ends[0], "ci_high": ends[1], "num_requests": requests}


def days(*values, half=0.01):
    return {DS + timedelta(days=index): row(value, half) for index, value in enumerate(values)}


def test_a_clear_rise_is_better_and_a_clear_fall_worse():
    assert last_weeks(days(*[0.60] * 7, *[0.70] * 7), GAUC).standing == "better"
    assert last_weeks(days(*[0.70] * 7, *[0.60] * 7), GAUC).standing == "worse"


def test_a_rise_within_the_spread_of_days_is_not_certain_however_narrow_the_intervals():
    wild = [0.5, 0.8, 0.55, 0.75, 0.6, 0.7, 0.65]
    assert last_weeks(days(*wild, *[value + 0.02 for value in wild], half=0.0001), GAUC).standing == "unsure"


def test_too_few_days_are_not_compared():
    assert last_weeks({}, GAUC) is None
    assert last_weeks(days(0.6, 0.7), GAUC) is None
    assert last_weeks(days(*[0.6] * 7, None, None, None, None, None, 0.7, 0.7), GAUC) is None


def test_the_gain_of_promotions_is_the_sum_of_their_paired_differences():
    decided = {DS: {"decision": "promoted"}, DS + timedelta(days=1): {"decision": "kept"}}
    decided[DS + timedelta(days=2)] = {"decision": "promoted"}
    metrics = {ds: {"gauc": {"difference": row(0.02)}} for ds in decided}
    gain = gained(decided, metrics, GAUC, DS)
    assert (gain.count, gain.total) == (2, pytest.approx(0.04))
    assert gain.bound == pytest.approx(0.01 * 2**0.5)
    assert gained(decided, metrics, GAUC, DS + timedelta(days=3)).count == 0


def test_a_week_is_the_mean_of_its_days_with_a_narrower_interval():
    monday = date(2026, 3, 2)
    week = {monday + timedelta(days=day): {"gauc": {"champion": row(0.6 + 0.01 * day)}} for day in range(7)}
    week[monday + timedelta(days=7)] = {"gauc": {"champion": row(None)}}
    found = by_week(week)
    assert list(found) == [monday + timedelta(days=6), monday + timedelta(days=7)]
    mean = found[monday + timedelta(days=6)]["gauc"]["champion"]
    assert mean["value"] == pytest.approx(0.63)
    assert mean["ci_high"] - mean["value"] == pytest.approx(0.01 / 7**0.5)
    assert mean["num_requests"] == 700
    assert found[monday + timedelta(days=7)]["gauc"]["champion"]["value"] is None
