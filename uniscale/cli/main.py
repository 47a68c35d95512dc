"""The `uniscale` command: one module per group of commands, heavy imports inside the command that needs them."""

from __future__ import annotations

import typer

from uniscale.cli import (
    airflow,
    champion,
    data,
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
    quarantine,
    rankers,
    ready,
    recipes,
    repair,
    replay,
    reports,
    samples,
    services,
    simulate,
    sql,
    steps,
    unland,
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
    sql,
    ingest,
    day,
    steps,
    ready,
    unland,
    repair,
    models,
    champion,
    data,
    rankers,
    recipes,
    features,
    nightly,
    push,
    quarantine,
    reports,
    lineage,
    replay,
    forget,
    maintain,
    samples,
    services,
    airflow,
):
    group.register(app)
