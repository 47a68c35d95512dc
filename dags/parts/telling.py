"""What DAGs do about failures and delays: they are written down for whoever alerts people."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uniscale.pipeline.incidents import Incident, IncidentKind, incidents, note_incident

if TYPE_CHECKING:
    from uniscale.config import Settings


def task_failed(context: Mapping[str, Any]) -> None:
    """Note a task that will not be tried again."""
    _note("failed", context, str(context.get("exception") or "it was killed, or its log says why"))


def task_over(context: Mapping[str, Any]) -> None:
    """Note that a task has ended well, if it was told of before."""
    found = _incident("over", context, "")
    known = [one for one in incidents(_settings()) if one.place == found.place]
    if known and known[-1].kind != "over":
        note_incident(_settings(), found)


def logs_late(context: Mapping[str, Any], missing: str) -> None:
    """Note, once for a run, that it has waited for its logs for longer than is usual."""
    _note("late", context, missing, once=True)


def _note(kind: IncidentKind, context: Mapping[str, Any], message: str, *, once: bool = False) -> None:
    settings, incident = _settings(), _incident(kind, context, message)
    if once and any(replace(known, at=incident.at, message=message) == incident for known in incidents(settings)):
        return
    note_incident(settings, incident)


def _incident(kind: IncidentKind, context: Mapping[str, Any], message: str) -> Incident:
    task, run = context["ti"], context["dag_run"]
    given = (context.get("params") or {}).get("ds") or run.partition_key
    return Incident(
        kind=kind,
        dag=task.dag_id,
        task=task.task_id,
        ds=str(given or run.data_interval_start or "")[: len("2026-01-07")],
        run=run.run_id,
        message=message,
        at=time.time(),
    )


def _settings() -> Settings:
    """Those of the installation; if it is their fault that a task failed, at least where it is."""
    from uniscale.config import load_settings
    from uniscale.config.settings import Settings

    try:
        return load_settings()
    except ValueError:
        return Settings.model_construct(home=Path(os.environ["UNISCALE_HOME"]))
