"""The `uniscale` command: one module per group of commands, heavy imports inside the command that needs them."""

from __future__ import annotations

import typer

from uniscale.cli import (
    day,
    doctor,
    features,
    forget,
    ingest,
    lineage,
    maintain,
    models,
    nightly,
    push,
    rankers,
    replay,
    reports,
    services,
    simulate,
    steps,
)

app = typer.Typer(
    name="uniscale",
    help="Daily retraining of search rankers on entire-space samples (ES3 + HHSFT).",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
for group in (
    doctor,
    simulate,
    ingest,
    day,
    steps,
    models,
    rankers,
    features,
    nightly,
    push,
    reports,
    lineage,
    replay,
    forget,
    maintain,
    services,
):
    group.register(app)
