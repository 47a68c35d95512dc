"""What a landed day was made from: the content of its files, so that an unchanged day is not landed again."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from uniscale.config import Settings
from uniscale.config.state_files import read_state
from uniscale.lake.keys import input_key
from uniscale.sources.event_files import EventFile
from uniscale.whole_files import write_whole

EVENTS = "raw/events"
"""Name under which `uniscale.lake.partitions` remembers landed days."""
_CLOCK_TICK_NS = 2_000_000_000
"""The coarsest step in which a file system counts time."""


def day_keys(settings: Settings, files: Sequence[EventFile]) -> dict[date | None, str]:
    """Fingerprint of the files of each day; under None that of the files that hold all days.

    It covers the names and contents of the files, and the declared domains and the start of positions, which decide
    what is quarantined; not the code that checks them: raw rows are data, and a change of code makes none stale.
    """
    digests = content_digests(settings.home, [file.path for file in files])
    whole = [(file.name, digests[file.path]) for file in files if file.day is None]
    start = {} if settings.source.positions_from == 1 else {"positions_from": settings.source.positions_from}
    keys: dict[date | None, str] = {None: input_key({"files": whole, "domains": settings.domains, **start})}
    for day in sorted({file.day for file in files if file.day is not None}):
        named = [(file.name, digests[file.path]) for file in files if file.day == day]
        keys[day] = input_key({"files": [*named, *whole], "domains": settings.domains, **start})
    return keys


def source_key(home: Path, paths: Sequence[Path]) -> str:
    """Fingerprint of a data set: the names and contents of its files."""
    digests = content_digests(home, paths)
    return input_key({path.name: digests[path] for path in paths})


def content_digests(home: Path, paths: Sequence[Path]) -> dict[Path, str]:
    """BLAKE2 digest of every file; a file that was not written since it was last read is not read again.

    Size and modification time alone do not tell: a corrected copy may keep both (``cp -p``, ``rsync -t``). The time of
    the last change of the inode is set by the system at every write and cannot be set back.
    """
    store = home / "digests.json"
    known = read_state(store, dict[str, tuple[str, str]]) or {}
    digests, changed = {}, False
    for path in paths:
        status = path.stat()
        stamp = f"{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}-{status.st_ino}"
        entry = known.get(str(path))
        if entry is None or entry[0] != stamp:
            is_settled = time.time_ns() - status.st_ctime_ns > _CLOCK_TICK_NS
            # A file of this very moment may change once more within the same tick of the clock.
            entry = known[str(path)] = (stamp if is_settled else "", _digest(path))
            changed = True
        digests[path] = entry[1]
    if changed:
        write_whole(store, json.dumps(known, indent=0, sort_keys=True))
    return digests


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
