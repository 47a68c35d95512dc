"""Judging a day: score its versions on the days after it, measure, decide, and move the alias.

`evaluate_day` writes predictions, metrics and comparisons in one commit. `promote_day` writes the decision first and
moves the alias then: killed between the two, it does the rest when it runs again.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa

from uniscale.config import Settings
from uniscale.config.calendar import eval_days
from uniscale.contracts.metrics import check_metric
from uniscale.decision.champion import is_overruled, make_champion
from uniscale.decision.comparisons import comparison_rows, watched_slices
from uniscale.decision.contest import Contest, find_contest, is_last_decided
from uniscale.decision.records import judged_versions, metric_rows, write_decision, write_evaluation
from uniscale.decision.verdict import Verdict, judge_contest
from uniscale.evaluation.comparison import measure_roles
from uniscale.evaluation.truth import truth_world
from uniscale.lake import Lake
from uniscale.registry.store import Registry
from uniscale.registry.version import Version


def evaluate_day(settings: Settings, lake: Lake, ds: date) -> dict[str, Any]:
    """Score the versions of ``ds`` on its test days, and store predictions, metrics and comparisons.

    Returns:
        Counts and values for the report.

    Raises:
        ValueError: A version is missing, or the gate metric cannot decide.
    """
    check_metric(settings.gate.metric)
    registry = Registry(settings)
    versions = find_contest(lake, registry, ds).versions()
    days = eval_days(settings, ds)
    predictions = {role: _score(settings, lake, days, registry, version) for role, version in versions.items()}
    with lake.read() as con:
        for role, table in predictions.items():
            con.register(f"predicted_{role}", table)
        measured = measure_roles(
            con,
            settings,
            days,
            {role: f"from predicted_{role}" for role in predictions},
            on_slices=watched_slices(settings.gate),
        )
    compared = comparison_rows(ds, versions, measured, settings.gate.confidence)
    measured_rows = metric_rows(ds, versions, measured.samples)
    write_evaluation(lake, ds, versions, predictions, metrics=measured_rows, comparisons=compared)
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
    """Decide who serves after ``ds``, keep the evidence, and move the alias.

    A re-run judges the same versions on the same rows. It moves no alias when a later day has decided since, or a
    person has.

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
        contest = Contest(
            champion=registry.get(judged["champion"]),
            challenger=registry.get(judged.get("challenger", judged["champion"])),
            refresh=registry.get(judged["refresh"]) if "refresh" in judged else None,
        )
        verdict = judge_contest(con, settings, ds, contest)
        moves_alias = is_last_decided(con, ds) and not is_overruled(con, ds)
    champion, challenger = contest.champion, contest.challenger
    write_decision(
        lake,
        ds,
        verdict,
        champion_version=champion.version,
        challenger_version=challenger.version,
        snapshot_id=challenger.snapshot_id,
    )
    if moves_alias:
        _move_alias(lake, registry, ds, verdict, contest)
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


def _move_alias(lake: Lake, registry: Registry, ds: date, verdict: Verdict, contest: Contest) -> None:
    """Point the alias at who serves; a champion set by hand meanwhile stays, unless another version won."""
    holder = registry.champion()
    tried = {version.version for role, version in contest.versions().items() if role != "champion"}
    if verdict.decision != "kept":
        make_champion(lake, registry, verdict.serves, how=verdict.decision, reason=verdict.reason, ds=ds)
    elif holder is not None and holder.version in tried:
        make_champion(lake, registry, contest.champion, how="taken_back", reason=verdict.reason, ds=ds)
