"""Judging a ranker that no registry knows: a trial of a sweep or of a study."""

from __future__ import annotations

from datetime import date

from uniscale.config import Settings
from uniscale.config.calendar import eval_days
from uniscale.evaluation.metrics import measure
from uniscale.evaluation.outcomes import read_judged
from uniscale.evaluation.scoring import score_frames
from uniscale.lake import Lake
from uniscale.models.ranker import Ranker


def judge_trial(settings: Settings, model: Ranker, ds: date) -> dict[str, float | None]:
    """Metrics of a ranker on the test requests of the days after ``ds``, native labels; None where undefined."""
    lake, days = Lake(settings), eval_days(settings, ds)
    predictions = score_frames(model, lake, days, target_domain=settings.target_domain)
    with lake.read() as con:
        con.register("trial_predictions", predictions)
        outcomes, scores = read_judged(con, "from trial_predictions", days, settings.target_domain)
    return measure(outcomes, scores)
