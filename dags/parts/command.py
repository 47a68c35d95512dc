"""The tasks that DAGs are made of: a command of this project for the day of the run, and waiting for its logs."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import Asset, BaseOperator, BaseSensorOperator, Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from dags.parts.telling import logs_late
from uniscale.console import BAD_INPUT, NOT_YET
from uniscale.pipeline.pools import INSTALLATION

DS = "{{ params.ds or dag_run.partition_key or (data_interval_start | ds) }}"
"""The day; it reaches the command as a variable of its environment, never as text of the command."""

PYTHON = f"exec {shlex.quote(sys.executable)} -m"


class Command(BashOperator):
    """Run ``python -m`` with the day as the last argument, alone on the installation.

    Bad input fails at once: it would fail again. Everything else is tried again as the DAG says. Each asset that the
    task makes is announced with the day as its partition, so that DAGs scheduled on it know which day there is.

    Args:
        words: Module and arguments, say ``uniscale step land``.
        day: How the day is given: ``--`` for an argument, or an option; empty for a command that takes none.
        hours: The task is ended after so long.
    """

    def __init__(self, *, words: str, day: str = "--", hours: float, **kwargs: Any) -> None:
        super().__init__(
            bash_command=f'{PYTHON} {words} {day} "$DS"' if day else f"{PYTHON} {words}",
            env={"DS": DS},
            append_env=True,
            skip_on_exit_code=BAD_INPUT,
            do_xcom_push=False,
            execution_timeout=timedelta(hours=hours),
            **{"pool": INSTALLATION.name, **kwargs},
        )

    def execute(self, context: Context) -> None:
        """Run it.

        Raises:
            AirflowFailException: Its input is bad.
            AirflowException: It failed.
        """
        try:
            super().execute(context)
        except AirflowSkipException as error:  # what the base class makes of the exit code
            raise AirflowFailException("bad input, which no retry will change; see above") from error
        assert self.env is not None
        announce(self, context, self.env["DS"])


class WaitForLogs(BaseSensorOperator):
    """Wait until the logs that a run reads have come; between two looks it holds no slot.

    It looks every five minutes, or as ``UNISCALE_POKE_SECONDS`` tells.

    Args:
        words: Words of ``uniscale`` that ask.
        late_hours: People are told when it has waited for so long.
        hours: Give up after so long.
    """

    template_fields = ("env",)

    def __init__(self, *, words: str, late_hours: float, hours: float, **kwargs: Any) -> None:
        super().__init__(
            mode="reschedule",
            poke_interval=timedelta(seconds=float(os.environ.get("UNISCALE_POKE_SECONDS", "300"))),
            timeout=timedelta(hours=hours),
            execution_timeout=timedelta(minutes=10),
            do_xcom_push=False,
            **kwargs,
        )
        self.bash_command = f'{PYTHON} uniscale {words} -- "$DS"'
        self.env = {"DS": DS}
        self.late_after = timedelta(hours=late_hours)

    def poke(self, context: Context) -> bool:
        """Ask once.

        Raises:
            AirflowFailException: The folder of logs holds what is no log.
            AirflowException: The question failed.
        """
        done = subprocess.run(
            ["bash", "-c", self.bash_command],
            env={**os.environ, **self.env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        self.log.info("%s", done.stdout.strip())
        if done.returncode == BAD_INPUT:
            raise AirflowFailException(done.stdout.strip())
        if done.returncode not in (0, NOT_YET):
            raise AirflowException(done.stdout.strip())
        if done.returncode == 0:
            return True
        since = context["ti"].get_first_reschedule_date(context)
        if since is not None and datetime.now(UTC) - since > self.late_after:
            logs_late(context, done.stdout.strip())
        return False


class Announce(BaseOperator):
    """Announce assets for the day of the run, and nothing else."""

    template_fields = ("ds",)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(execution_timeout=timedelta(minutes=5), do_xcom_push=False, **kwargs)
        self.ds = DS

    def execute(self, context: Context) -> None:
        """Announce them."""
        announce(self, context, self.ds)


def announce(task: BaseOperator, context: Context, ds: str) -> None:
    """Name the day as the partition of every asset that a task makes."""
    for asset in task.outlets:
        if isinstance(asset, Asset):
            context["outlet_events"][asset].add_partitions(ds)
