"""Judging a day: score both rankers on the days after it, measure, decide, and move the alias.

`evaluate_day` writes predictions and metrics in one commit. `promote_day` writes the decision first and moves the alias
then: killed between the two, it does the rest when it runs again.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb
import pyarrow as pa

from uniscale.config import Settings
from uniscale.config.calendar import eval_days
from uniscale.contracts.metrics import check_metric
from uniscale.decision.champion import is_overruled, make_champion
from uniscale.decision.contest import Contest, find_contest, is_last_decided
from uniscale.decision.gate import Comparison, Verdict, decide
from uniscale.decision.records import judged_versions, metric_rows, write_decision, write_evaluation
from uniscale.evaluation.comparison import measure_roles, stored_predictions
from uniscale.evaluation.truth import truth_world
from uniscale.lake import Lake
from uniscale.registry.store import Registry
from uniscale.registry.version import Version


def evaluate_day(settings: Settings, lake: Lake, ds: date) -> dict[str, Any]:
    """Score champion and challenger on the test days of ``ds``, and store predictions, metrics and differences.

    Returns:
        Counts and values for the report.

    Raises:
        ValueError: A version is missing, or a gate metric cannot decide.
    """
    check_metric(settings.gate.metric)
    check_metric(settings.gate.guardrail)
    registry = Registry(settings)
    contest = find_contest(lake, registry, ds)
    versions = {"champion": contest.champion}
    if not contest.is_single:
        versions["challenger"] = contest.challenger
    days = eval_days(settings, ds)
    predictions = {role: _score(settings, lake, days, registry, version) for role, version in versions.items()}
    with lake.read() as con:
        for role, table in predictions.items():
            con.register(f"predicted_{role}", table)
        measured = measure_roles(con, settings, days, {role: f"from predicted_{role}" for role in predictions})
    write_evaluation(lake, ds, versions, predictions, metric_rows(ds, versions, measured.samples))
    values = {role: {name: s.value for name, s in found.items()} for role, found in measured.samples.items()}
    for role, version in versions.items():
        registry.log_evaluation(version, ds=ds, metrics=values[role])
    outcomes = measured.outcomes
    return {
        "days": [day.isoformat() for day in days],
        "requests": outcomes.num_requests,
        "exposed_rows": len(outcomes.request_N),
        "clicks": int(outcomes.is_clicked_N.sum()),
        "purchases": int(outcomes.is_purchased_N.sum()),
        "versions": {role: {"version": version.version, "name": version.name} for role, version in versions.items()},
        "metrics": values,
        "world": truth_world(settings, days),
    }


def promote_day(settings: Settings, lake: Lake, ds: date) -> dict[str, Any]:
    """Decide whether the challenger of ``ds`` replaces the champion, keep the evidence, and move the alias.

    A re-run compares the same two versions. It moves no alias when a later day has decided since, or a person has.

    Returns:
        Decision, reason, versions and evidence.

    Raises:
        ValueError: The day was not evaluated, or a gate metric cannot decide.
    """
    registry = Registry(settings)
    with lake.read() as con:
        judged = judged_versions(con, ds)
        if not judged:
            raise ValueError(f"{ds} was not evaluated; run: uniscale step evaluate {ds}")
        champion = registry.get(judged["champion"])
        challenger = registry.get(judged.get("challenger", judged["champion"]))
        verdict = _judge(con, settings, ds, champion, challenger)
        moves_alias = is_last_decided(con, ds) and not is_overruled(con, ds)
    write_decision(
        lake,
        ds,
        verdict,
        champion_version=champion.version,
        challenger_version=challenger.version,
        snapshot_id=challenger.snapshot_id,
    )
    if moves_alias:
        _move_alias(lake, registry, ds, verdict, Contest(champion=champion, challenger=challenger))
    registry.log_decision(challenger, ds=ds, decision=verdict.decision, evidence=verdict.evidence)
    return {
        "decision": verdict.decision,
        "reason": verdict.reason,
        "champion_version": champion.version,
        "challenger_version": challenger.version,
        "evidence": verdict.evidence,
    }


def _score(settings: Settings, lake: Lake, days: list[date], registry: Registry, version: Version) -> pa.Table:
    from uniscale.evaluation.scoring import score_frames
    from uniscale.models.zoo import load_model

    model = load_model(registry.download(version)).to(settings.training.device)
    return score_frames(model, lake, days, target_domain=settings.target_domain)


def _judge(
    con: duckdb.DuckDBPyConnection, settings: Settings, ds: date, champion: Version, challenger: Version
) -> Verdict:
    if champion.version == challenger.version:
        return _without_comparison("champion and challenger are the same version, so there is nothing to compare")
    if champion.ds > ds:
        return _without_comparison(
            f"champion version {champion.version} was trained to {champion.ds} and has seen the test days, "
            "so the comparison says nothing"
        )
    names = (settings.gate.metric, settings.gate.guardrail)
    for name in names:
        check_metric(name)
    relations = {role: stored_predictions(ds, role) for role in ("champion", "challenger")}
    samples = measure_roles(con, settings, eval_days(settings, ds), relations, only=names).samples
    deciding, guardrail = (
        Comparison(
            metric=name,
            champion=samples["champion"][name].value,
            challenger=samples["challenger"][name].value,
            difference=samples["challenger"][name].minus(samples["champion"][name], settings.gate.confidence),
        )
        for name in names
    )
    return decide(deciding, guardrail, confidence=settings.gate.confidence)


def _without_comparison(reason: str) -> Verdict:
    return Verdict(decision="kept", reason=reason, evidence={"metric": None, "difference": None})


def _move_alias(lake: Lake, registry: Registry, ds: date, verdict: Verdict, contest: Contest) -> None:
    """Point the alias at the winner; a champion set by hand meanwhile stays, unless this challenger won."""
    holder = registry.champion()
    if verdict.decision == "promoted":
        make_champion(lake, registry, contest.challenger, how="promoted", reason=verdict.reason, ds=ds)
    elif holder is not None and holder.version == contest.challenger.version:
        make_champion(lake, registry, contest.champion, how="taken_back", reason=verdict.reason, ds=ds)
