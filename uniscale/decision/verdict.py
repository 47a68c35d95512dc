"""The decision of a day: who serves after it, from the answers to the two questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import duckdb

from uniscale.config.settings import GateSettings, Settings
from uniscale.contracts.slices import WHOLE
from uniscale.decision.comparisons import day_rows, recipe_rows
from uniscale.decision.contest import Contest
from uniscale.decision.gate import Answer, judge_recipe, judge_refresh
from uniscale.decision.guardrails import Guardrail
from uniscale.decision.readings import Reading, days_until, of_day, over_days
from uniscale.registry.version import Version


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a day decides.

    Attributes:
        decision: One of `uniscale.contracts.outcomes.DECISION_WORDS`.
        reason: Why, in a sentence with the numbers.
        evidence: The numbers, JSON-like: ``serves`` (the version), and the answer to each question.
        serves: Who serves after the day.
    """

    decision: str
    reason: str
    evidence: dict[str, Any]
    serves: Version


def judge_contest(con: duckdb.DuckDBPyConnection, settings: Settings, ds: date, contest: Contest) -> Verdict:
    """Decide a day from what it and the days before it measured.

    Args:
        con: An open lake connection.
        settings: The rules' settings, and the test days of a run.
        ds: Day of the run.
        contest: Its versions.

    Raises:
        ValueError: A gate metric cannot decide, or was not measured on a day; the message names the command.
    """
    gate, champion, challenger, refresh = settings.gate, contest.champion, contest.challenger, contest.refresh
    if champion.version == challenger.version:
        return _kept(contest, "champion and challenger are the same version, so there is nothing to compare")
    if champion.ds > ds:
        return _kept(
            contest,
            f"the champion was trained to {champion.ds} and has seen the test days, so the comparison says nothing",
        )
    if champion.recipe_key == challenger.recipe_key:
        answer = _refresh(con, gate, ds, champion, challenger)
        return _decide(gate, contest, (answer,), "refreshed" if answer.passes else "kept", challenger)
    answers = [_new_recipe(con, settings, ds, contest)]
    if answers[0].passes:
        return _decide(gate, contest, answers, "promoted", challenger)
    if refresh is not None:
        answers.append(_refresh(con, gate, ds, champion, refresh))
        if answers[-1].passes:
            return _decide(gate, contest, answers, "refreshed", refresh)
    return _decide(gate, contest, answers, "kept", champion)


def _refresh(con: duckdb.DuckDBPyConnection, gate: GateSettings, ds: date, old: Version, fresh: Version) -> Answer:
    rows = day_rows(con, ds, old, fresh)
    readings = {place: of_day(row) for place, row in rows.items()}
    guardrails = [
        Guardrail(name=name, rule=rule, reading=_measured(readings, ds, rule.slice, rule.metric), takes_proof=False)
        for name, rule in gate.guardrails.items()
    ]
    return judge_refresh(_measured(readings, ds, WHOLE, gate.metric), guardrails, gate)


def _new_recipe(con: duckdb.DuckDBPyConnection, settings: Settings, ds: date, contest: Contest) -> Answer:
    """Better over the days as a recipe, and as a version not certainly worse than the one that serves."""
    gate, champion, challenger = settings.gate, contest.champion, contest.challenger
    rows = recipe_rows(con, ds, champion.recipe_key, challenger.recipe_key, settings.window.eval_days)
    guardrails = []
    for name, rule in gate.guardrails.items():
        reading = over_days(rows.get((rule.slice, rule.metric), ()), rule.metric, rule.slice, gate)
        days = days_until(reading, rule.margin * reading.scale, gate)
        guardrails.append(Guardrail(name=name, rule=rule, reading=reading, takes_proof=True, days_to_hold=days))
    answer = judge_recipe(over_days(rows.get((WHOLE, gate.metric), ()), gate.metric, WHOLE, gate), guardrails, gate)
    if contest.refresh is None and champion.days != challenger.days:
        said = (
            f"{answer.said}; {ds} does not count: {champion.recipe_name} was not trained on its days; run: uniscale "
            f"step train {ds} --force"
        )
        return replace(answer, passes=False, said=said, evidence={**answer.evidence, "passes": False})
    if not answer.passes:
        return answer
    version = _refresh(con, gate, ds, champion, challenger)
    return replace(
        answer,
        passes=version.passes,
        said=answer.said if version.passes else f"{answer.said}; but this version against the champion: {version.said}",
        evidence={**answer.evidence, "version": version.evidence, "passes": version.passes},
    )


def _measured(readings: Mapping[Any, Reading], ds: date, where: str, metric: str) -> Reading:
    if (where, metric) not in readings:
        raise ValueError(
            f"{metric} on {where} was not measured on {ds}; run: uniscale step evaluate {ds} --force, then uniscale "
            f"step promote {ds}"
        )
    return readings[where, metric]


def _decide(gate: GateSettings, contest: Contest, answers: Sequence[Answer], decision: str, winner: Version) -> Verdict:
    answers = list(reversed(answers)) if decision == "refreshed" else answers  # what decided comes first
    said = "; ".join(f"{_question(contest, answer)}: {answer.said}" for answer in answers)
    if gate.frozen and decision != "kept":
        said = f"frozen (gate.frozen), else {decision}; {said}"
        decision = "kept"
    serves = contest.champion if decision == "kept" else winner
    evidence = {
        "serves": serves.version,
        **{name: answers[0].evidence[name] for name in _HEADLINES},
        "questions": {answer.question: answer.evidence for answer in answers},
    }
    return Verdict(decision=decision, reason=said, evidence=evidence, serves=serves)


_HEADLINES = ("rule", "metric", "difference", "ci_low", "ci_high", "num_requests", "num_days")


def _question(contest: Contest, answer: Answer) -> str:
    champion, challenger = contest.champion, contest.challenger
    if answer.question == "new_recipe":
        return f"new recipe {challenger.recipe_name} against {champion.recipe_name}"
    fresh = contest.refresh or challenger
    return f"refresh of {champion.recipe_name} from {champion.ds} to {fresh.ds}"


def _kept(contest: Contest, reason: str) -> Verdict:
    evidence: dict[str, Any] = {
        "serves": contest.champion.version,
        **dict.fromkeys(_HEADLINES),
        "questions": {},
    }
    return Verdict(decision="kept", reason=reason, evidence=evidence, serves=contest.champion)
