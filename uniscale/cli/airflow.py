"""`uniscale airflow ...`: any command of Airflow, in the environment of this installation."""

from __future__ import annotations

import os

import typer

from uniscale.config import load_settings
from uniscale.console import exit_codes


def register(app: typer.Typer) -> None:
    """Add the command."""
    as_they_are = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
    app.command("airflow", context_settings=as_they_are)(airflow_command)


def airflow_command(context: typer.Context) -> None:
    """Run a command of Airflow on this installation's database and DAGs, e.g. airflow dags list; airflow --help.

    It gets all words as they are, and its exit code is that of Airflow.
    """
    with exit_codes():
        from uniscale.pipeline import airflow

        settings = load_settings()
        airflow.prepare_airflow(settings)
        program = airflow.airflow_command()
        os.execve(program, [program, *context.args], dict(airflow.airflow_environment(settings)))
