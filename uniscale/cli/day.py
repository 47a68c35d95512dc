"""`uniscale day`: a whole day through the Airflow DAG."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
