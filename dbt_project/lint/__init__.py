"""What sqlfluff knows of dbt's `var` and `adapter`, and of the macro `setting`.

The values of dbt_project.yml, with two days and two rules where a run would tell them: the SQL that is linted is SQL
that runs, without dbt and without a lake.
"""

from pathlib import Path
from typing import Any

import yaml
from jinja2 import pass_context
from jinja2.runtime import Context, Macro

_SAMPLES = {
    "target_domain": "search",
    "policy_version": "1",
    "tasks": [{"label": "is_clicked", "actions": ["click", "purchase"]}],  # one: all of a loop count as one line
    "feature_windows": [1, 7, 30],
    "version_days": [{"ds": "2026-01-05"}, {"ds": "2026-01-06"}],
    "request_days": [
        {"ds": "2026-01-05", "label_as_of": "2026-01-14 00:00:00", "is_final": "True"},
        {"ds": "2026-01-06", "label_as_of": "2026-01-15 00:00:00", "is_final": "True"},
    ],
    "query_stat_days": [{"ds": "2026-01-05"}, {"ds": "2026-01-06"}],
    "feature_days": [
        {"ds": "2026-01-04", "feature_at": "2026-01-05 00:00:00", "is_first": "True"},
        {"ds": "2026-01-05", "feature_at": "2026-01-06 00:00:00", "is_first": "False"},
    ],
    "fresh_days": [{"ds": "2026-01-05"}, {"ds": "2026-01-06"}],
    "attribution_rules": [
        {
            "action": action,
            "target": "exposed",
            "target_rank": 1,
            "window_hours": 24,
            "before_request_hours": 0,
            "tie": "most_recent",
            "cluster_attribute": None,
            "label_weight": 1.0,
        }
        for action in ("click", "purchase")
    ],
}
_PROJECT = yaml.safe_load((Path(__file__).parents[1] / "dbt_project.yml").read_text(encoding="utf-8"))
_TOLD: dict[str, Any] = {**_PROJECT["vars"]["at_parse"], **_SAMPLES}


def var(name: str, default: Any = None) -> Any:
    """The value of a dbt variable while linting."""
    return _PROJECT["vars"].get(name, default)


def setting(name: str) -> Any:
    """What a run would tell."""
    return _TOLD[name]


class adapter:  # noqa: N801, dbt's name for it
    """The engine of the project, DuckDB."""

    @staticmethod
    @pass_context
    def dispatch(context: Context, name: str) -> Macro:
        """The macro as this engine writes it."""
        return context[f"duckdb__{name}"]
