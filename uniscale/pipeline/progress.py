"""What a running day tells: one line of JSON per change of a step, for whoever watches."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from uniscale.config import Settings
from uniscale.config.state_files import append_line, read_lines


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A step started, ended or failed.

    Attributes:
        step: Step name.
        state: ``running``, ``done``, ``was done`` (nothing had to be done) or ``failed``.
        at: Seconds since 1970-01-01 UTC.
        seconds: Time the step took, 0 while it runs.
        message: Why it failed; else empty.
        dag_id: Airflow's DAG that started it; empty if a person did.
        run_id: Run of the DAG.
        try_number: Which try of that run's task it is, from 1; 0 if a person started it.
    """

    step: str
    state: str
    at: float
    seconds: float = 0.0
    message: str = ""
    dag_id: str = ""
    run_id: str = ""
    try_number: int = 0


def progress_file(settings: Settings, ds: date) -> Path:
    """Where the changes of a day's run are."""
    return settings.home / "runs" / ds.isoformat() / "progress.jsonl"


def tell(settings: Settings, ds: date, step: str, state: str, *, seconds: float = 0.0, message: str = "") -> None:
    """Append one change."""
    change = Change(
        step=step,
        state=state,
        at=time.time(),
        seconds=seconds,
        message=message,
        dag_id=os.environ.get("AIRFLOW_CTX_DAG_ID", ""),
        run_id=os.environ.get("AIRFLOW_CTX_DAG_RUN_ID", ""),
        try_number=int(os.environ.get("AIRFLOW_CTX_TRY_NUMBER", "0")),
    )
    append_line(progress_file(settings, ds), json.dumps(asdict(change)))


def changes(settings: Settings, ds: date, since: float) -> list[Change]:
    """All changes after a time, oldest first; a half-written line is left out, at the end for the next look."""
    return [change for change in read_lines(progress_file(settings, ds), Change) if change.at >= since]
