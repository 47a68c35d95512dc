"""`uniscale train, evaluate, promote, sweep`:uniscale train, evaluate, promote, sweep."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
