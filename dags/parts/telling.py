"""What DAGs do about failures and delays: they are written down for whoever alerts people."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from uniscale.pipeline.incidents import Incident, note_incident


def task_failed(context: Mapping[str, Any]) -> None:
    """Note a task that will not be tried again."""
    from uniscale.config import load_settings

    task, run = context["ti"], context["dag_run"]
    given = (context.get("params") or {}).get("ds") or run.partition_key
    incident = Incident(
        kind="failed",
        dag=task.dag_id,
        task=task.task_id,
        ds=str(given or _day(run.data_interval_start)),
        run=run.run_id,
        message=str(context.get("exception") or "it was killed, or its log says why"),
        at=time.time(),
    )
    note_incident(load_settings(), incident)


def run_late(context: Mapping[str, Any]) -> None:
    """Note a run that has not ended by its deadline."""
    from uniscale.config import load_settings

    run, deadline = context["dag_run"], context["deadline"]
    given = (run["conf"] or {}).get("ds") or run["partition_key"]
    incident = Incident(
        kind="late",
        dag=run["dag_id"],
        ds=str(given or _day(run["data_interval_start"])),
        run=run["dag_run_id"],
        message=f"it had to end by {deadline['deadline_time']}",
        at=time.time(),
    )
    note_incident(load_settings(), incident)


def _day(start: object) -> str:
    """The day of a moment, which Airflow gives as a time or as text; empty for none."""
    return str(start or "")[:10]
