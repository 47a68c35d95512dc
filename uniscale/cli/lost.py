"""What people are told of lost files of the lake."""

from __future__ import annotations

from collections.abc import Sequence

from uniscale.lake.files import Fault

_SHOWN = 3


def lost_files(faults: Sequence[Fault]) -> str:
    """What is wrong with which files; of many the first ones, and the number of the others."""
    shown = "; ".join(f"{fault.file.path} {fault.reason}" for fault in faults[:_SHOWN])
    more = f"; and {len(faults) - _SHOWN:,} more" if len(faults) > _SHOWN else ""
    return f"{shown}{more}"
