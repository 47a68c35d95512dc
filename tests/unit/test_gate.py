"""The promotion rule on hand-made differences."""

import pytest

from uniscale.decision.gate import MIN_REQUESTS, Comparison, decide
from uniscale.evaluation.bootstrap import Estimate


def compared(metric, value, low, high, *, requests=500, error=0.002):
    return Comparison(
        metric=metric,
        champion=None if value is None else 0.6,
        challenger=None if value is None else 0.6 + value,
        difference=Estimate(value=value, low=low, high=high, standard_error=error, num_requests=requests),
    )


FLAT = compared("gmv_proxy", 0.1, -0.2, 0.4)
BETTER = compared("gauc", 0.01, 0.004, 0.016)


def test_a_certain_gain_with_a_flat_guardrail_is_promoted_and_the_reason_holds_the_numbers():
    verdict = decide(BETTER, FLAT, confidence=0.95)
    assert verdict.decision == "promoted"
    for part in ("0.6000 -> 0.6100", "+0.0100", "+0.0040 to +0.0160", "500 requests", "95 %", "gmv_proxy"):
        assert part in verdict.reason


def test_an_interval_that_holds_zero_is_kept():
    verdict = decide(compared("gauc", 0.004, -0.001, 0.009), FLAT, confidence=0.95)
    assert verdict.decision == "kept"
    assert "not certainly better" in verdict.reason
    assert "smallest visible effect 0.0056" in verdict.reason


def test_a_lower_bound_of_exactly_zero_is_kept():
    assert decide(compared("gauc", 0.0, 0.0, 0.0), FLAT, confidence=0.95).decision == "kept"


def test_a_certain_loss_is_kept():
    assert decide(compared("gauc", -0.01, -0.02, -0.005), FLAT, confidence=0.95).decision == "kept"


def test_a_gain_that_certainly_costs_the_guardrail_is_kept():
    verdict = decide(BETTER, compared("gmv_proxy", -0.4, -0.7, -0.1), confidence=0.95)
    assert verdict.decision == "kept"
    assert "gmv_proxy" in verdict.reason
    assert "worse" in verdict.reason


def test_a_guardrail_that_may_be_worse_does_not_stop_a_gain():
    assert decide(BETTER, compared("gmv_proxy", -0.4, -0.9, 0.1), confidence=0.95).decision == "promoted"


def test_a_guardrail_that_cannot_be_measured_is_said_so():
    verdict = decide(BETTER, compared("gmv_proxy", None, None, None, requests=0, error=None), confidence=0.95)
    assert verdict.decision == "promoted"
    assert "gmv_proxy could not be measured" in verdict.reason


def test_a_gain_on_too_few_requests_is_thin_evidence():
    verdict = decide(compared("gauc", 0.2, 0.1, 0.3, requests=MIN_REQUESTS - 1, error=0.05), FLAT, confidence=0.95)
    assert verdict.decision == "kept"
    assert "evidence too thin: 19 requests" in verdict.reason
    assert "smallest visible effect 0.1401" in verdict.reason
    assert (
        decide(compared("gauc", 0.2, 0.1, 0.3, requests=MIN_REQUESTS, error=0.05), FLAT, confidence=0.95).decision
        == "promoted"
    )


def test_an_undefined_deciding_metric_is_thin_evidence():
    verdict = decide(compared("gauc", None, None, None, requests=0, error=None), FLAT, confidence=0.95)
    assert verdict.decision == "kept"
    assert "evidence too thin: 0 requests carry gauc" in verdict.reason


@pytest.mark.parametrize(("low", "high", "decision"), [(-0.02, -0.01, "promoted"), (0.01, 0.02, "kept")])
def test_a_loss_is_better_when_it_is_lower(low, high, decision):
    loss = compared("log_loss", (low + high) / 2, low, high)
    assert decide(loss, FLAT, confidence=0.95).decision == decision


def test_a_loss_as_guardrail_is_worse_when_it_is_higher():
    assert decide(BETTER, compared("log_loss", 0.02, 0.01, 0.03), confidence=0.95).decision == "kept"


@pytest.mark.parametrize("metric", ["calibration", "true_auc", "gaucc"])
def test_a_metric_that_cannot_decide_is_refused_by_name(metric):
    with pytest.raises(ValueError, match=f"'{metric}' cannot decide.*'gauc'"):
        decide(compared(metric, 0.1, 0.05, 0.15), FLAT, confidence=0.95)


def test_the_evidence_holds_every_number_of_the_decision():
    evidence = decide(BETTER, FLAT, confidence=0.9).evidence
    assert evidence["metric"] == "gauc"
    assert (evidence["difference"], evidence["ci_low"], evidence["ci_high"]) == (0.01, 0.004, 0.016)
    assert evidence["confidence"] == 0.9
    assert evidence["num_requests"] == 500
    assert evidence["smallest_visible_effect"] == pytest.approx((1.644854 + 0.841621) * 0.002)
    assert evidence["guardrail"]["metric"] == "gmv_proxy"
