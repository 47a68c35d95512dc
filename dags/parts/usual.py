"""What all DAGs have in common."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Param

from dags.parts.days import LONG_AGO
from dags.parts.telling import task_failed, task_over
from uniscale.contracts.days import GIVEN_DAY


def usual() -> dict[str, Any]:
    """Arguments of a DAG: one run at a time, each for a day; failures are tried again and then told.

    No deadline of Airflow's own: in 3.3.2 a run of a DAG that has one can neither be cleared nor tested. Who waits for
    logs tells when they are late (`dags.parts.command.WaitForLogs`), and every task has a time limit.
    """
    return {
        "start_date": LONG_AGO,
        "catchup": False,
        "max_active_runs": 1,
        "params": {"ds": Param(None, **GIVEN_DAY, description="Day, YYYY-MM-DD; default the logical date of the run.")},
        "default_args": {
            "owner": "search-ranking",
            "retries": 3,
            "retry_delay": timedelta(minutes=1),
            "retry_exponential_backoff": 4,
            "max_retry_delay": timedelta(hours=1),
            "on_failure_callback": task_failed,
            "on_success_callback": task_over,
        },
    }
