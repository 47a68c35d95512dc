"""Write dbt's declaration of the feature tables from their contract: ``python -m uniscale.warehouse.declare``.

dbt cannot import Python, and a column should be declared once.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from uniscale.contracts.features import FEATURE_TABLES, FeatureTable
from uniscale.contracts.schema import Column
from uniscale.warehouse.project import DBT_PROJECT

DECLARATION = DBT_PROJECT / "models" / "features" / "_features__models.yml"
_HEAD = "# Written by `make dbt-yml` from uniscale/contracts/features.py: change it there.\n"
_BUILT_DAYS = {"where": "__built_days__"}


def declaration(tables: Iterable[FeatureTable] = FEATURE_TABLES) -> str:
    """Models with columns, types, NOT NULL constraints and data tests, as dbt reads them."""
    content = {"version": 2, "models": [_model(table) for table in tables]}
    return _HEAD + yaml.safe_dump(content, sort_keys=False, width=110, allow_unicode=True)


def write(path: Path = DECLARATION) -> Path:
    """Write the declaration; returns its file."""
    path.write_text(declaration(), encoding="utf-8")
    return path


def _model(table: FeatureTable) -> dict[str, Any]:
    arguments: dict[str, Any] = {"key": list(table.key)}
    conditions = {column.name: condition for column in table.columns if (condition := _condition(column))}
    if conditions:
        arguments["conditions"] = conditions
    test = {"name": f"sound_rows_of_{table.name}", "arguments": arguments, "config": dict(_BUILT_DAYS)}
    return {
        "name": table.name,
        "description": f"{table.description} {table.grain}",
        "config": {"meta": {"fresh_hours": table.fresh_hours}},
        "data_tests": [{"sound_rows": test}],
        "columns": [_column(column) for column in table.columns],
    }


def _column(column: Column) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": column.name,
        "data_type": column.type.lower(),
        "description": column.description,
    }
    if not column.nullable:
        told["constraints"] = [{"type": "not_null"}]
    return told


def _condition(column: Column) -> str | None:
    """SQL that holds for every value of a column, NULL left to the constraint."""
    if column.minimum is not None:
        return f"{column.name} >= {column.minimum:g}"
    if column.model_input == "age":
        return f"{column.name} <= epoch(feature_at)"
    if column.nullable:
        return f"{column.name} != ''"
    return None


if __name__ == "__main__":
    print(write(), file=sys.stderr)
