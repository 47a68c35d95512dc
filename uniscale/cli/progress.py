"""What a running day tells: one line of JSON per change of a step, for whoever watches."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from uniscale.config import Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A step started, ended or failed.

    Attributes:
        step: Step name.
        state: ``running``, ``done``, ``was done`` (nothing had to be done) or ``failed``.
        at: Seconds since 1970-01-01 UTC.
        seconds: Time the step took, 0 while it runs.
        message: Why it failed; else empty.
    """

    step: str
    state: str
    at: float
    seconds: float = 0.0
    message: str = ""


def progress_file(settings: Settings, ds: date) -> Path:
    """Where the changes of a day's run are."""
    return settings.home / "runs" / ds.isoformat() / "progress.jsonl"


def tell(settings: Settings, ds: date, step: str, state: str, *, seconds: float = 0.0, message: str = "") -> None:
    """Append one change."""
    path = progress_file(settings, ds)
    path.parent.mkdir(parents=True, exist_ok=True)
    change = Change(step=step, state=state, at=time.time(), seconds=seconds, message=message)
    with path.open("a", encoding="utf-8") as handle:
        handle.write(json.dumps(asdict(change)) + "\n")


def changes(settings: Settings, ds: date, since: float) -> list[Change]:
    """All changes after a time, oldest first; a half-written last line is left for the next look."""
    path = progress_file(settings, ds)
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    found = [Change(**json.loads(line)) for line in lines]
    return [change for change in found if change.at >= since]
