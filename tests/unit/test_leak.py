"""The leak guard: what each input alone, and all together, can rank within a request."""

import math
import random

import numpy as np
import pytest
from support_es3 import policy

from uniscale.features.leak.guard import TOGETHER, LeakError, check_leak, excess, measure_leak, standard_errors
from uniscale.features.leak.lists import INPUTS, Lists


def lists(*rows):
    """Lists of rows: (clicked or not, the values that are not 0) each."""
    flat = [(place, *row) for place, items in enumerate(rows) for row in items]
    values = np.zeros((len(flat), len(INPUTS)))
    for row, (_, _, given) in enumerate(flat):
        for name, value in given.items():
            values[row, INPUTS.index(name)] = value
    return Lists(
        list_N=np.array([place for place, *_ in flat], np.int64),
        is_clicked_N=np.array([is_clicked for _, is_clicked, _ in flat], np.bool_),
        values_NF=values,
    )


NONE = lists()


def measured(made, real=NONE, channels=NONE):
    return measure_leak({"native": real, "channels": channels, "tier 2": made})


def allowing(max_leak):
    return policy(searchification={"max_leak": max_leak}).searchification


def by_pairs(rows):
    """Chance that a clicked row has the larger score, ties counting half, by looking at every pair."""
    clicked = [score for score, is_clicked in rows if is_clicked]
    others = [score for score, is_clicked in rows if not is_clicked]
    wins = sum((a > b) + (a == b) / 2 for a in clicked for b in others)
    return wins / (len(clicked) * len(others))


def test_the_auc_is_the_share_of_well_ordered_pairs_of_a_request_and_its_mean_over_requests():
    rng = random.Random(3)
    names = ("text_match", "log_price")
    rows, expected = [], {name: [] for name in names}
    for _ in range(30):
        clicked = rng.sample(range(4), rng.randrange(1, 4))
        items = [(place in clicked, {name: rng.choice([0.0, 0.5, 1.0]) for name in names}) for place in range(4)]
        rows.append(items)
        for name in names:
            expected[name].append(by_pairs([(values[name], is_clicked) for is_clicked, values in items]))
    found = measured(lists(*rows))["tier 2"]
    assert (found["requests"], found["rows"]) == (30, 120)
    for name, shares in expected.items():
        mean = sum(shares) / 30
        counted = [*shares, 0.0, 0.0, 1.0, 1.0]
        centre = sum(counted) / 34
        error = math.sqrt(sum((share - centre) ** 2 for share in counted) / 33 / 34)
        assert found["inputs"][name]["auc"] == pytest.approx(mean, abs=1e-4)
        assert found["inputs"][name]["se"] == pytest.approx(error, abs=1e-4)


def test_what_differs_between_requests_alone_gives_nothing_away():
    made = lists(*([(place <= k // 10, {"log_price": 10.0 + k}) for place in range(3)] for k in range(20)))
    assert measured(made)["tier 2"]["inputs"]["log_price"]["auc"] == 0.5


def test_a_missing_value_ranks_below_all_others_and_a_missing_age_above():
    for name, won in (("log_price", 0.0), ("log_hours_since_item_last_acted", 1.0)):
        assert name in INPUTS
        made = lists(*([(True, {name: math.nan}), (False, {name: 3.0})] for _ in range(5)))
        assert measured(made)["tier 2"]["inputs"][name]["auc"] == won


def test_a_single_request_has_no_standard_error_and_stops_nothing():
    made = lists([(True, {"text_match": 1.0}), (False, {})])
    real = lists([(False, {"text_match": 1.0}), (True, {})])
    found = measured(made, real)
    assert found["tier 2"]["inputs"]["text_match"] == {"auc": 1.0, "se": None, "apart_auc": None, "apart_se": None}
    check_leak(found, allowing(0.0))


@pytest.mark.parametrize("requests", [2, 3, 5])
def test_a_few_requests_that_all_agree_prove_nothing(requests):
    real = two_kinds(0.5, name="log_price")
    check_leak(measured(two_kinds(1.0, requests, "log_price"), real), allowing(0.02))
    with pytest.raises(LeakError, match="log_price"):
        check_leak(measured(two_kinds(1.0, 20, "log_price"), real), allowing(0.02))


def two_kinds(share, requests=400, name="text_match"):
    """Lists of a good and a bad item; of so large a share the good one is clicked."""
    good = [k < share * requests for k in range(requests)]
    return lists(*([(is_good, {name: 1.0}), (not is_good, {})] for is_good in good))


def test_the_standard_error_falls_with_the_root_of_the_requests():
    few, many = (measured(two_kinds(0.6, requests=n))["tier 2"]["inputs"]["text_match"] for n in (100, 400))
    assert few["auc"] == many["auc"] == 0.6
    assert few["se"] == pytest.approx(2 * many["se"], rel=0.05)


def test_a_day_whose_synthetic_lists_are_easier_than_the_margin_is_refused_with_both_numbers():
    found = measured(two_kinds(0.9), two_kinds(0.54))
    assert excess(found, "tier 2", "text_match")[0] == pytest.approx(0.36 * 400 / 404)
    with pytest.raises(
        LeakError, match=r"tier 2: text_match has AUC 0\.900, real lists 0\.540.* difference of 0\.020 "
    ):
        check_leak(found, allowing(0.02))


def test_an_excess_within_the_margin_passes_and_so_does_one_that_few_requests_may_have_by_chance():
    check_leak(measured(two_kinds(0.6), two_kinds(0.54)), allowing(0.1))
    few = measured(two_kinds(0.7, requests=40), two_kinds(0.55, requests=40))
    assert few["tier 2"]["inputs"]["text_match"]["auc"] - few["native"]["inputs"]["text_match"]["auc"] > 0.1
    check_leak(few, allowing(0.02))


def test_many_inputs_together_are_as_sure_as_one_would_be():
    one = {"native": {"inputs": {"a": {}}}, "channels": {"inputs": {"a": {}}}, "tier 1": {"inputs": {"a": {}}}}
    many = {**one, "tier 2": {"inputs": {str(place): {} for place in range(49)}}}
    assert standard_errors(one, 2) == pytest.approx(2)
    # The chance of 2 standard errors by chance, one side, is .02275; its fiftieth part is passed at 3.32.
    assert standard_errors(many, 2) == pytest.approx(3.32, abs=0.01)


def test_words_that_matter_less_than_in_real_lists_are_refused_too():
    with pytest.raises(LeakError, match=r"text_match has AUC 0\.500, real lists 0\.700"):
        check_leak(measured(two_kinds(0.5), two_kinds(0.7)), allowing(0.02))


def test_words_that_differ_in_fewer_lists_but_tell_as_much_where_they_do_are_no_fault():
    def with_match(of_four):
        """Of the items two have the word, or in three of four lists none has it."""
        rows = []
        for k in range(400):
            match = {"text_match": 1.0} if k % 4 < of_four else {}
            is_good = k % 20 < 16
            rows.append([(is_good, match), (not is_good, {})])
        return lists(*rows)

    found = measured(with_match(1), with_match(4))
    real, made = (found[of]["inputs"]["text_match"] for of in ("native", "tier 2"))
    assert (real["auc"], made["auc"]) == (0.8, 0.575)
    assert (real["apart_auc"], made["apart_auc"]) == (0.8, 0.8)
    check_leak(found, allowing(0.02))


def test_another_input_may_tell_less_than_in_real_lists_but_not_more_to_either_side():
    name = "log_item_num_clicks"
    real = two_kinds(0.7, name=name)
    check_leak(measured(two_kinds(0.5, name=name), real), allowing(0.02))
    for share in (0.9, 0.1):
        with pytest.raises(LeakError, match=f"log_item_num_clicks has AUC {share}00, real lists 0.700"):
            check_leak(measured(two_kinds(share, name=name), real), allowing(0.02))


def test_what_clicks_of_a_channel_follow_by_themselves_is_no_leak():
    real, made, channel = (two_kinds(share, name="log_item_num_clicks") for share in (0.5, 0.9, 0.9))
    check_leak(measured(made, real, channel), allowing(0.02))
    with pytest.raises(LeakError):
        check_leak(measured(made, real), allowing(0.02))


def test_what_only_several_inputs_tell_together_is_found():
    """Two rates are drawn for each item; the clicked one of a synthetic list has the larger sum."""
    rng = random.Random(5)

    def drawn(is_told):
        rows = []
        for k in range(400):
            pairs = [(rng.random(), rng.random()) for _ in range(2)]
            best = int(sum(pairs[1]) > sum(pairs[0])) if is_told else k % 2
            rows.append([(place == best, {"item_ctr": a, "item_cvr": b}) for place, (a, b) in enumerate(pairs)])
        return lists(*rows)

    found = measured(drawn(True), drawn(False))
    assert found["tier 2"]["inputs"]["item_ctr"]["auc"] < 0.85
    assert found["tier 2"]["inputs"][TOGETHER]["auc"] > 0.97
    assert abs(found["native"]["inputs"][TOGETHER]["auc"] - 0.5) < 0.1
    assert found["tier 2"]["worst"] == TOGETHER
