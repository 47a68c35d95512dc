"""The attributions that a policy would make of a lake, without writing them: the warehouse's SQL, compiled and read."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import duckdb
import yaml

from uniscale.config import Settings
from uniscale.contracts.days import midnight_after
from uniscale.contracts.policy import DEFAULT_POLICY, Policy
from uniscale.lake import Lake
from uniscale.warehouse.project import run_dbt, state_folder
from uniscale.warehouse.variables import dbt_variables


def policy_with(**changes: Any) -> Policy:
    """The packaged policy with the same changes to the rules of both actions."""
    content = yaml.safe_load(DEFAULT_POLICY.read_text(encoding="utf-8"))
    for action in ("click", "purchase"):
        content["attribution"][action].update(changes)
    return Policy.model_validate(content)


def attribute(con: duckdb.DuckDBPyConnection, settings: Settings, policy: Policy, first: date, last: date) -> None:
    """Make the temporary table ``attributions`` as ``marts.fct_attributions`` would be, its days ``first`` to ``last``.

    Labels are as known when ``last`` ends.

    Args:
        con: An open connection to the lake.
        settings: The installation.
        policy: The policy.
        first: First request day.
        last: Last request day.
    """
    known = midnight_after(last)
    days = [first + timedelta(days=ahead) for ahead in range((last - first).days + 1)]
    told = {"request_days": [{"ds": day, "label_as_of": known, "is_final": False} for day in days]}
    variables = json.dumps(dbt_variables(settings, policy, told))
    # With more than one model selected dbt does not print the compiled SQL.
    command = ["compile", "--select", "fct_exposures", "fct_attributions", "--no-populate-cache", "--no-introspect"]
    run_dbt(settings, Lake(settings), [*command, "--vars", variables])
    compiled = state_folder(settings) / "target" / "compiled" / "uniscale" / "models" / "marts" / "fct_attributions.sql"
    con.execute(f"create or replace temp table attributions as {compiled.read_text(encoding='utf-8')}")
