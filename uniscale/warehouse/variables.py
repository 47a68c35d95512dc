"""What the SQL of the warehouse is told: the policy, the settings that matter, and the days to build."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from uniscale.config import Settings
from uniscale.contracts.features import FEATURE_WINDOWS, MAX_CATEGORIES
from uniscale.contracts.marts import CONFIDENCE_Z
from uniscale.contracts.policy import ActionRule, Policy
from uniscale.contracts.tasks import TASKS, labelling_actions

DAY_VARIABLES = (
    "version_days",
    "outside_days",
    "request_days",
    "query_stat_days",
    "carried_days",
    "count_days",
    "feature_days",
    "fresh_days",
)
"""What models name as ``days_from``."""


def dbt_variables(
    settings: Settings, policy: Policy, days: Mapping[str, Iterable[Mapping[str, Any]]]
) -> dict[str, Any]:
    """What models ask for by the macro ``setting``: every name under ``at_parse`` in ``dbt_project.yml``.

    Args:
        settings: The installation.
        policy: The ES3 policy.
        days: By variable, the days to build with the fields its models want to know.
    """
    return {
        "attribution_rules": _attribution_rules(policy),
        "policy_version": policy.version,
        "tasks": [{"label": task.label, "actions": list(labelling_actions(task))} for task in TASKS],
        "target_domain": settings.target_domain,
        "feature_windows": list(FEATURE_WINDOWS),
        "max_categories": MAX_CATEGORIES,
        "max_fresh_actions": settings.features.max_fresh_actions,
        "max_fresh_versions": settings.features.max_fresh_versions,
        "sequence_length": settings.features.history_length,
        "honour_knowledge_time": not settings.features.leaky,
        "query_history_days": policy.searchification.history_days,
        "query_prior_clicks": policy.searchification.prior_clicks,
        "confidence_z": CONFIDENCE_Z,
        "notes": "",
        **{name: [] for name in DAY_VARIABLES},
        **{name: [{key: str(value) for key, value in day.items()} for day in told] for name, told in days.items()},
    }


def _attribution_rules(policy: Policy) -> list[dict[str, Any]]:
    """The attribution policy as rows: one per action and target, best target first."""
    rules: dict[str, ActionRule] = {"click": policy.attribution.click, "purchase": policy.attribution.purchase}
    return [
        {
            "action": action,
            "target": target,
            "target_rank": rank,
            **rule.model_dump(include={"window_hours", "before_request_hours", "tie", "cluster_attribute"}),
            "label_weight": rule.label_weight,
        }
        for action, rule in rules.items()
        for rank, target in enumerate(rule.targets, start=1)
    ]
