"""Drift from profiles: what stands out is found on its day, and days like the days before are quiet."""

from datetime import date, datetime, time, timedelta

import numpy as np
import pytest

from monitoring.drift.expectation import expect
from monitoring.drift.findings import find
from uniscale.config.thresholds import load_thresholds
from uniscale.contracts.monitor import BY_LABEL_AGE, QUANTILES, ROWS

LIMITS = load_thresholds().drift
DS = date(2026, 2, 20)
ROWS_A_DAY = 2000


def day(back: int) -> date:
    return DS - timedelta(days=back)


def profile(kind="number", *, population="training/search/native/0", rows=ROWS_A_DAY, nulls=0, **facts):
    """A profile of a column; the values of a number are spread around ``mean``."""
    stage, domain, provenance, tier = (*population.split("/"), None, None, None)[:4]
    if kind == "number" and nulls < rows:
        mean = facts.get("mean", 0.0)
        facts = {"mean": mean, "std": 1.0, "quantiles": [mean + 2 * (level - 0.5) for level in QUANTILES], **facts}
    return {
        "population": population,
        "stage": stage,
        "domain": domain,
        "provenance": provenance,
        "query_tier": tier,
        "column_name": "x",
        "kind": kind,
        "num_rows": rows,
        "num_requests": rows // 10,
        "num_nulls": nulls,
        "label_as_of": None,
        **dict.fromkeys(("mean", "std", "quantiles", "top_values", "top_counts")),
        **facts,
    }


def of_day(*profiles):
    return {(one["population"], one["column_name"]): one for one in profiles}


def found(history, *today, domains=("search",)):
    """Findings of a day whose earlier days, the last one first, have these profiles."""
    profiles = {day(back): of_day(*ones) for back, ones in enumerate(history, start=1)}
    rows = find(DS, {**profiles, DS: of_day(*today)}, domains, LIMITS)
    return [(row["population"], row["column_name"], row["what"]) for row in rows]


def noisy(number, make):
    rng = np.random.default_rng(number)
    return [[make(rng)] for _ in range(number)]


@pytest.mark.parametrize("share", [0.5, 0.95, 1.0])
@pytest.mark.parametrize("days", [4, 9, 28])
def test_a_column_that_goes_empty_is_found_even_if_nothing_is_left_of_it(days, share):
    empty = profile(nulls=round(share * ROWS_A_DAY))
    assert ("training/search/native/0", "x", "null_rate") in found([[profile()]] * days, empty)


@pytest.mark.parametrize("days", [3, 6, 28])
def test_a_day_like_the_days_before_is_quiet(days):
    history = noisy(days, lambda rng: profile(mean=rng.normal(0, 0.05), nulls=int(rng.binomial(ROWS_A_DAY, 0.1))))
    assert found(history, profile(mean=0.03, nulls=195)) == []


@pytest.mark.parametrize(("today", "stands_out"), [(2.9, False), (4.4, True)])
def test_a_column_that_grows_with_the_log_is_expected_to_go_on_growing(today, stands_out):
    history = [[profile(mean=3.0 - 0.3 * back)] for back in range(1, 10)]
    assert (found(history, profile(mean=today)) != []) == stands_out


def test_a_change_is_measured_by_how_much_days_differ_anyway():
    calm = noisy(20, lambda rng: profile(mean=rng.normal(0, 0.02)))
    restless = noisy(20, lambda rng: profile(mean=rng.normal(0, 0.6)))
    moved = profile(mean=1.2)
    assert ("training/search/native/0", "x", "level") in found(calm, moved)
    assert found(restless, moved) == []


def test_a_fault_among_the_days_before_does_not_hide_the_next_one():
    history = [[profile("flag", mean=0.14)] for _ in range(10)]
    history[4] = [profile("flag", mean=0.01)]
    assert ("training/search/native/0", "x", "rate") in found(history, profile("flag", mean=0.09))


def test_half_of_the_rows_are_found_and_a_weekend_is_not():
    history = [[profile(rows=2300 if day(back).weekday() >= 5 else 2000)] for back in range(1, 29)]
    assert ("training/search/native/0", ROWS, "volume") in found(history, profile(rows=1000))
    assert found(history, profile(rows=2000)) == []


def test_values_never_seen_before_are_named():
    seen = profile("category", top_values=["hats", "shoes"], top_counts=[1000, 1000])
    renamed = profile("category", top_values=["shoes", "new-hats"], top_counts=[1000, 1000])
    rows = find(DS, {**{day(back): of_day(seen) for back in range(1, 8)}, DS: of_day(renamed)}, ("search",), LIMITS)
    (new,) = [row for row in rows if row["what"] == "new_values"]
    assert (new["value"], new["severity"]) == (0.5, "critical")
    assert "new-hats" in new["detail"]


def test_a_rare_value_that_the_days_before_were_too_small_to_show_is_not_new():
    seen = profile("category", rows=200, top_values=["shoes"], top_counts=[200])
    rare = profile("category", rows=200, top_values=["shoes", "hats"], top_counts=[194, 6])
    assert found([[seen]] * 8, rare) == []


def test_populations_that_come_go_or_name_an_undeclared_domain_are_told():
    usual, tier = profile(), profile(population="training/feed/synthetic/2")
    assert found([[usual, tier]] * 6, usual, domains=("search", "feed")) == [
        ("training/feed/synthetic/2", ROWS, "missing_population")
    ]
    assert found([[usual]] * 6, usual, tier, domains=("search", "feed")) == [
        ("training/feed/synthetic/2", ROWS, "new_population")
    ]
    rejected = profile(
        "category", population="rejected/requests", column_name="domain_given", top_values=["live"], top_counts=[300]
    )
    assert ("rejected/requests", "domain_given", "new_domain") in found([[usual]] * 6, usual, rejected)


def test_labels_are_compared_with_days_whose_labels_were_as_young():
    """Attributed labels of older days are more, as more of them are known."""
    population = f"training/search/{BY_LABEL_AGE[0]}/0"

    def labelled(back, age, rows):
        as_of = datetime.combine(day(back) + timedelta(days=age), time())
        return profile(population=population, rows=rows, label_as_of=as_of)

    old = [[labelled(back, 7, 4000)] for back in range(4, 10)]
    young = [[labelled(back, 1, 2000)] for back in range(1, 4)]
    assert found([*young, *old], labelled(0, 1, 2000)) == []
    assert found([*young, *old], labelled(0, 1, 400)) == [(population, ROWS, "volume")]
    assert found(old, labelled(0, 1, 400)) == []


def test_two_days_are_too_few_to_judge_by():
    assert found([[profile()]] * 2, profile(nulls=ROWS_A_DAY)) == []


def test_a_line_goes_through_days_with_one_outlier():
    days = [day(back) for back in range(10, 0, -1)]
    values = np.array([[float(number)] for number in range(10)])
    values[3] = 100.0
    assert expect(DS, days, values).value_J[0] == pytest.approx(10.0, abs=0.3)
