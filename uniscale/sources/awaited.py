"""Which logs of a day have not come yet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from uniscale.config import Settings
from uniscale.contracts.events import ACTIONS_TABLE, CANDIDATES, REQUESTS
from uniscale.lake.lake import Lake, table_has
from uniscale.sources.event_files import event_files

DAILY = (REQUESTS, CANDIDATES, ACTIONS_TABLE)
"""What every day of traffic has; users and items come when they change."""


def awaited(settings: Settings, lake: Lake, days: Sequence[date]) -> list[str]:
    """What is still to come of some days.

    With ``source.events_dir`` that is a table which the folder holds for other days but not for one of these; without,
    the requests of a day that have not been landed by hand.

    Args:
        settings: The installation.
        lake: Its lake.
        days: The days.

    Returns:
        One phrase per table and day, oldest first; empty if all has come.

    Raises:
        ValueError: The folder holds what is no log.
        FileNotFoundError: The folder does not exist.
    """
    folder = settings.source.events_dir
    if folder is None:
        if not lake.exists():
            return [f"{REQUESTS.name} of {day}" for day in days]
        with lake.read() as con:
            return [f"{REQUESTS.name} of {day}" for day in days if not table_has(con, REQUESTS, day)]
    held = {(file.table.name, file.day) for file in event_files(folder)}
    logged = [table for table in DAILY if table is REQUESTS or any(name == table.name for name, _ in held)]
    return [f"{table.name} of {day}" for day in days for table in logged if (table.name, day) not in held]
