"""`uniscale features`: point-in-time and online look-ups."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
