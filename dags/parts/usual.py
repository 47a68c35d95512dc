"""What all DAGs have in common."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Param
from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from dags.parts.days import LONG_AGO
from dags.parts.telling import run_late, task_failed
from uniscale.contracts.days import GIVEN_DAY


def usual(*, late_after: timedelta) -> dict[str, Any]:
    """Arguments of a DAG: one run at a time, each for a day; failures are tried again and then told.

    Args:
        late_after: A run that has not ended so long after it was due is told too.
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
        },
        "deadline": DeadlineAlert(
            name="late",
            reference=DeadlineReference.DAGRUN_QUEUED_AT,
            interval=late_after,
            callback=SyncCallback(run_late),
        ),
    }
