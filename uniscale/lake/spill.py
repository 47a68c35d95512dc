"""Room for temporary files: a folder per process, which goes when the process has ended, however it ended."""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_ALIVE = ".alive"
_UNOWNED_SECONDS = 24 * 3600
"""Age from which files that stand in no process's folder are left over: earlier versions wrote them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Held:
    pid: int
    folder: Path
    alive: IO[str]


_held: dict[Path, _Held] = {}


def spill_folder(home: Path) -> Path:
    """The folder for this process's temporary files; it is removed when the process ends.

    The first call removes what killed processes have left. A process that lives holds a lock on its folder, so nothing
    of a living one is removed, in whatever container it runs.
    """
    held = _held.get(home)
    if held is not None and held.pid == os.getpid() and held.folder.is_dir():
        return held.folder
    root = home / "spill"
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".turn").open("a") as turn:  # no folder is taken for a dead one before its lock is held
        _lock(turn, fcntl.LOCK_EX)
        _remove_left(root)
        folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=root))
        alive = (folder / _ALIVE).open("w")
        _lock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
    _held[home] = _Held(pid=os.getpid(), folder=folder, alive=alive)
    atexit.register(_remove_mine, _held[home])
    return folder


def _lock(file: IO[str], how: int) -> bool:
    try:
        fcntl.flock(file, how)
    except OSError:  # somebody holds it, or the file system knows no locks: then nothing is known to be dead
        return False
    return True


def _remove_left(root: Path) -> None:
    for entry in root.iterdir():
        if entry.name == ".turn" or _is_owned(entry):
            continue
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)


def _is_owned(entry: Path) -> bool:
    try:
        with (entry / _ALIVE).open("r+") as alive:
            return not _lock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (FileNotFoundError, NotADirectoryError):
        return _age_seconds(entry) < _UNOWNED_SECONDS
    except PermissionError:  # of another account
        return True


def _age_seconds(entry: Path) -> float:
    """Since the entry, or anything in it, was last written."""
    written = []
    for path in (entry, *entry.rglob("*")):
        try:
            written.append(path.lstat().st_mtime)
        except FileNotFoundError:
            continue
    return time.time() - max(written, default=time.time())


def _remove_mine(held: _Held) -> None:
    if held.pid == os.getpid():  # a fork ends without taking its parent's files along
        shutil.rmtree(held.folder, ignore_errors=True)
