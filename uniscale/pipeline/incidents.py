"""What went wrong while nobody looked: one line of JSON per incident, for whoever alerts people."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from uniscale.config import Settings
from uniscale.config.state_files import append_line, read_lines

_log = logging.getLogger(__name__)


IncidentKind = Literal["failed", "late", "over"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Incident:
    """A task that failed for good, a run whose logs are late, or that such a task has ended well after all.

    Attributes:
        kind: ``failed``, ``late`` or ``over``.
        dag: DAG.
        task: Task.
        ds: Day of the run, as text; empty if Airflow did not say.
        run: Airflow's name of the run.
        message: What went wrong.
        at: Seconds since 1970-01-01 UTC.
    """

    kind: IncidentKind
    dag: str
    task: str
    ds: str
    run: str
    message: str
    at: float

    @property
    def place(self) -> tuple[str, str, str]:
        """DAG, task and day: where it happened."""
        return self.dag, self.task, self.ds


def incident_file(settings: Settings) -> Path:
    """Where the incidents of an installation are."""
    return settings.home / "runs" / "incidents.jsonl"


def note_incident(settings: Settings, incident: Incident) -> None:
    """Append an incident, and log it as one line of JSON."""
    line = json.dumps(asdict(incident))
    append_line(incident_file(settings), line)
    _log.error("incident %s", line)


def incidents(settings: Settings, since: float = 0.0) -> list[Incident]:
    """All incidents after a time, oldest first; a half-written line is left out."""
    return [found for found in read_lines(incident_file(settings), Incident) if found.at >= since]
