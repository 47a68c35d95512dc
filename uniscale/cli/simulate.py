"""`uniscale simulate`: write a marketplace's logs and, apart from them, its truth."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
