"""What a reader of a day should be told in so many words: each remark is a sentence, or there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from uniscale.contracts.metrics import CATALOGUE
from uniscale.pipeline.progress import Change
from uniscale.pipeline.results import DayResults, SamplesBuilt, Trained
from uniscale.pipeline.standing import WORDS, standing
from uniscale.pipeline.steps import DAY_STEPS


def warmup_remark(trained: Trained) -> str | None:
    """Training that ended within its warm-up: its rates never became what the recipe says."""
    steps, warmup = trained.num_steps, trained.warmup_steps
    if steps is None or not warmup or steps >= warmup:
        return None
    return (
        f"{trained.recipe} made {steps:,} steps, its warm-up takes {warmup:,}: the learning rates reached "
        f"{100 * steps / (warmup + 1):.0f} % of what the recipe says. More days, more passes or a shorter warm-up help."
    )


def es3_remark(samples: SamplesBuilt) -> str | None:
    """Kinds of rows that ES3 should have added and did not."""
    kinds = {"unexposed": samples.unexposed, "attributed": samples.attributed, "synthetic": samples.synthetic}
    lacking = [kind for kind, rows in kinds.items() if rows == 0]
    if len(lacking) == len(kinds):
        return (
            "ES3 added nothing: no unexposed, attributed or synthetic row. A ranker on ES3 samples then learns from "
            "the same shown rows as one without; look whether candidate lists and outside actions are in the logs."
        )
    return f"ES3 added no {' and no '.join(lacking)} rows on these days." if lacking else None


def kept_remark(decision: str, deciding: str, metrics: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str | None:
    """Why a challenger was kept out although something else says that it is certainly better.

    Args:
        decision: ``promoted`` or ``kept``.
        deciding: Metric that the gate decides by.
        metrics: By metric and role, as in ``ml.metrics``.
    """
    if decision != "kept" or "difference" not in metrics.get(deciding, {}):
        return None
    better = [
        metric
        for name, metric in CATALOGUE.items()
        if name != deciding and "difference" in metrics.get(name, {})
        if standing(metric, metrics[name]["difference"]) == "better"
    ]
    if not better:
        return None
    told = ", ".join(f"{metric.title} {metrics[metric.name]['difference']['value']:+.4f}" for metric in better)
    stands = standing(CATALOGUE[deciding], metrics[deciding]["difference"])
    alone = " alone, and what is certain there may not be so over the days together" if stands == "better" else ""
    why = f"The gate decides by {CATALOGUE[deciding].title} on shown rows: {WORDS[stands]} on this day{alone}."
    if any(metric.is_truth for metric in better):
        why += " The truth of the whole candidate list is known of a simulated shop only, so no decision uses it."
    return f"Kept although certainly better in {told}. {why}"


def seconds_between(changes: Sequence[Change]) -> float | None:
    """Seconds of a run that no step shows: from the end of a step to the start of the next one.

    Processes start, and the scheduler looks for what is next. None if the run was not in one piece, as after a failure:
    then nobody was waiting.

    Args:
        changes: What the day told, oldest first.
    """
    starts = [
        place for place, change in enumerate(changes) if change.step == DAY_STEPS[0].name and change.state == "running"
    ]
    run = list(changes[starts[-1] :]) if starts else []
    order = [change.step for change in run if change.state == "running"]
    if not order or any(change.state == "failed" for change in run) or len(set(order)) < len(order):
        return None
    idle, ended = 0.0, None
    for change in run:
        if change.state == "running":
            idle += 0.0 if ended is None else change.at - ended
        else:
            ended = change.at
    return idle


def remarks(results: DayResults, metrics: Mapping[str, Mapping[str, Mapping[str, Any]]], deciding: str) -> list[str]:
    """All remarks on a day, whose gate decides by the metric ``deciding``."""
    trained = [] if results.train is None else results.train.models.values()
    decided = results.promote
    found = [
        None if decided is None else kept_remark(decided.decision, deciding, metrics),
        *(warmup_remark(model) for model in trained),
        None if results.samples is None else es3_remark(results.samples),
    ]
    return [remark for remark in found if remark]
