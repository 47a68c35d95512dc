"""The metrics that a ranker is judged by, and which of them can decide."""

from __future__ import annotations

from collections.abc import Mapping

HIGHER_IS_BETTER: Mapping[str, bool | None] = {
    "auc": True,
    "gauc": True,
    "hr_at_5": True,
    "ndcg_at_10": True,
    "log_loss": False,
    "calibration": None,  # best at 1
    "gmv_proxy": True,
    "gmv_share": True,
    "purchase_auc": True,
}


def check_metric(name: str) -> None:
    """Refuse a metric that cannot decide.

    Raises:
        ValueError: It is unknown, or has no better direction.
    """
    able = [metric for metric, higher in HIGHER_IS_BETTER.items() if higher is not None]
    if name not in able:
        raise ValueError(f"gate metric {name!r} cannot decide; set gate.metric or gate.guardrail to one of {able}")
