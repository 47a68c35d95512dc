"""What `uniscale doctor` finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: What was checked.
        ok: Whether it will do.
        found: What is there.
        remedy: What to do about it; empty when it will do.
    """

    what: str
    ok: bool
    found: str
    remedy: str = ""
