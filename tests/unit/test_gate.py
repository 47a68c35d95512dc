"""The two rules and their guardrails on hand-made readings."""

import pytest

from uniscale.config.settings import GateSettings, GuardrailSettings
from uniscale.decision.gate import judge_recipe, judge_refresh
from uniscale.decision.guardrails import Guardrail
from uniscale.decision.readings import Reading, over_days

GATE = GateSettings()


def read(low, high, *, metric="gauc", where="all", requests=500, days=9, baseline=0.6):
    middle = None if low is None else (low + high) / 2
    return Reading(
        metric=metric,
        slice=where,
        baseline=baseline,
        candidate=None if middle is None else baseline + middle,
        difference=middle,
        low=low,
        high=high,
        num_requests=requests,
        num_days=days,
        standard_error=0.002,
        day_deviation=0.004,
    )


def guardrail(low, high, *, proof=True, name="gmv", requests=500, **rule):
    fields = {"metric": "gmv_share", "margin": 0.02, **rule}
    reading = read(low, high, metric=fields["metric"], where=fields.get("slice", "all"), requests=requests)
    return Guardrail(
        name=name,
        rule=GuardrailSettings(**fields),
        reading=reading,
        takes_proof=proof,
        days_to_hold=12 if proof else None,
    )


BETTER = read(0.004, 0.016)


def test_a_recipe_that_is_certainly_better_and_costs_no_guardrail_passes_with_its_numbers():
    answer = judge_recipe(BETTER, [guardrail(-0.01, 0.03)], GATE)
    assert answer.passes
    for part in ("gauc +0.0100 over 9 days", "95 % interval +0.0040 to +0.0160", "better; no guardrail stops it"):
        assert part in answer.said


@pytest.mark.parametrize(("low", "high"), [(-0.001, 0.009), (0.0, 0.0), (-0.02, -0.005)])
def test_a_recipe_that_is_not_certainly_better_does_not_and_the_days_that_a_gain_takes_are_told(low, high):
    answer = judge_recipe(read(low, high), [], GATE)
    assert not answer.passes
    assert "not certainly better; at this rate a gain of 0.005 is seen after 15 days" in answer.said
    assert answer.evidence["days_to_see_effect"] == 15


def test_a_recipe_takes_few_requests_for_no_evidence():
    rows = [{"standard_error": 0.001, "num_requests": 19, "difference": 0.3, "baseline": 0.5, "candidate": 0.8}] * 30
    answer = judge_recipe(over_days(rows, "gauc", "all", GATE), [], GATE)
    assert not answer.passes
    assert "evidence too thin: 0 requests carry gauc (at least 20 of a day are needed)" in answer.said
    enough = over_days([{**row, "num_requests": 20} for row in rows], "gauc", "all", GATE)
    assert judge_recipe(enough, [], GATE).passes


def test_a_required_guardrail_must_be_shown_to_lose_less_than_the_margin():
    answer = judge_recipe(BETTER, [guardrail(-0.03, 0.03)], GATE)
    assert not answer.passes
    assert "may be worse than -0.0200; if nothing is lost, that is shown after 12 days" in answer.said
    assert judge_recipe(BETTER, [guardrail(-0.03, 0.03, required=False)], GATE).passes


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize("rule", [judge_recipe, judge_refresh])
def test_a_guardrail_that_certainly_breaks_stops_either_rule(rule, required):
    answer = rule(BETTER, [guardrail(-0.07, -0.03, required=required, proof=rule is judge_recipe)], GATE)
    assert not answer.passes
    assert "gmv_share -0.0500 (-0.0700 to -0.0300): certainly worse than -0.0200" in answer.said


@pytest.mark.parametrize("rule", [judge_recipe, judge_refresh])
@pytest.mark.parametrize(("low", "requests"), [(None, 500), (0.01, 19)])
def test_a_required_guardrail_that_could_not_be_measured_stops_and_says_what_to_do(rule, low, requests):
    high = None if low is None else low + 0.01
    answer = rule(BETTER, [guardrail(low, high, requests=requests, proof=rule is judge_recipe)], GATE)
    assert not answer.passes
    assert "gmv_share could not be measured" in answer.said
    assert "gate.guardrails.gmv.required = false" in answer.said
    waived = rule(BETTER, [guardrail(low, high, requests=requests, required=False)], GATE)
    assert waived.passes
    assert "not measured: gmv_share" in waived.said


def test_a_guardrail_of_a_slice_is_told_by_the_name_of_its_requests():
    answer = judge_recipe(BETTER, [guardrail(-0.2, -0.1, metric="gauc", slice="tail_query", name="tail_query")], GATE)
    assert "gauc of tail queries" in answer.said


def test_a_refresh_serves_unless_it_is_certainly_worse_than_the_margin():
    answer = judge_refresh(read(-0.02, 0.01, days=1), [], GATE)
    assert answer.passes
    assert "not certainly worse than -0.0050 (a loss of 0.0106 would have been seen)" in answer.said
    assert answer.evidence["visible_loss"] == pytest.approx(0.005 + (1.959964 + 0.841621) * 0.002)
    assert judge_refresh(read(-0.02, -0.005, days=1), [], GATE).passes
    refused = judge_refresh(read(-0.02, -0.0051, days=1), [], GATE)
    assert not refused.passes
    assert "certainly worse than -0.0050" in refused.said


@pytest.mark.parametrize("reading", [read(0.1, 0.2, requests=19), read(None, None, requests=0)])
def test_a_refresh_on_too_few_requests_is_thin_evidence(reading):
    answer = judge_refresh(reading, [], GATE)
    assert not answer.passes
    assert "evidence too thin" in answer.said


def test_a_refresh_takes_no_proof_of_a_required_guardrail():
    assert judge_refresh(BETTER, [guardrail(-0.03, 0.03, proof=False)], GATE).passes


def test_of_a_loss_less_is_better_and_margins_are_fractions_of_its_value():
    assert judge_recipe(read(-0.02, -0.01, metric="log_loss"), [], GATE).passes
    assert not judge_recipe(read(0.01, 0.02, metric="log_loss"), [], GATE).passes
    loss = guardrail(-0.01, 0.02, metric="log_loss", margin=0.02)
    assert loss.margin == pytest.approx(0.02 * 0.6)
    assert (loss.state, guardrail(-0.01, 0.011, metric="log_loss").state) == ("open", "held")
    assert guardrail(0.013, 0.02, metric="log_loss").state == "broken"


@pytest.mark.parametrize("metric", ["calibration", "true_auc", "gaucc"])
@pytest.mark.parametrize("rule", [judge_recipe, judge_refresh])
def test_a_metric_that_cannot_decide_is_refused_by_name(rule, metric):
    with pytest.raises(ValueError, match=f"'{metric}' cannot decide.*'gauc'"):
        rule(read(0.05, 0.15, metric=metric), [], GATE)


def test_the_evidence_holds_every_number_of_the_answer():
    evidence = judge_recipe(BETTER, [guardrail(-0.01, 0.03)], GATE).evidence
    assert evidence["rule"] == "superiority over all days, valid at every look"
    assert (evidence["metric"], evidence["difference"], evidence["num_days"]) == ("gauc", 0.01, 9)
    assert (evidence["ci_low"], evidence["ci_high"], evidence["num_requests"]) == (0.004, 0.016, 500)
    assert (evidence["confidence"], evidence["effect"], evidence["passes"]) == (0.95, 0.005, True)
    (found,) = evidence["guardrails"]
    assert (found["name"], found["state"], found["margin"], found["min_requests"]) == ("gmv", "held", 0.02, 20)


def test_a_packaged_guardrail_is_changed_field_by_field_and_others_are_added():
    gate = GateSettings(guardrails={"gmv": {"required": False}, "auc": {"metric": "auc", "margin": 0.003}})
    assert (gate.guardrails["gmv"].metric, gate.guardrails["gmv"].margin) == ("gmv_proxy", 0.05)
    assert not gate.guardrails["gmv"].required
    assert gate.guardrails["auc"].required
    assert list(gate.guardrails) == [*GATE.guardrails, "auc"]
