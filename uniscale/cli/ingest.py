"""`uniscale ingest`: map a data set to the event contract and land it."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
