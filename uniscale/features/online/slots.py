"""Which values are served: two slots of the online store, and a pointer file that names the active one.

A materialisation fills the slot that nobody reads and then swaps the pointer, so a reader sees one generation of values
whole, or the next one whole, and a killed run changes nothing that is served.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from uniscale.config import Settings
from uniscale.config.state_files import read_state
from uniscale.whole_files import write_whole

SLOTS = ("uniscale_a", "uniscale_b")
"""Feast projects of which one is served and the other is filled."""

LIVE = "uniscale_live"
"""Feast project of pushed actions, which no materialisation touches."""

SHADOW = "uniscale_shadow"
"""Feast project of the actions that are pushed while logged requests are served again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """What a materialisation did to a view of a slot.

    Attributes:
        rows: Entities with values.
        written: New or changed ones that were written.
        deleted: Entities that had values before and have none now.
    """

    rows: int
    written: int
    deleted: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Pointer:
    """What is served.

    Attributes:
        moment: The values are those known at this moment (naive UTC).
        slot: Feast project that holds them.
        generation: Name of the generation: the hash of its content.
        snapshot_id: Lake snapshot they were read from.
        views: What the materialisation did, by view.
    """

    moment: datetime
    slot: str
    generation: str
    snapshot_id: int
    views: dict[str, Written]

    def __str__(self) -> str:
        return f"the values of {self.moment:%Y-%m-%d %H:%M} UTC (slot {self.slot}, generation {self.generation[:12]})"


def pointer_file(settings: Settings) -> Path:
    """Where the pointer is."""
    return settings.home / "feast" / "serving.json"


def read_pointer(settings: Settings) -> Pointer | None:
    """What is served, or None if nothing was ever materialised, or the pointer is damaged: materialise it again."""
    return read_state(pointer_file(settings), Pointer)


def write_pointer(settings: Settings, pointer: Pointer) -> None:
    """Serve something else from now on: a reader finds the old pointer or the new one, never a part."""
    text = json.dumps({**asdict(pointer), "moment": pointer.moment.isoformat()}, indent=2)
    write_whole(pointer_file(settings), text + "\n")


def inactive_slot(pointer: Pointer | None) -> str:
    """The slot that nobody reads."""
    return SLOTS[1] if pointer is not None and pointer.slot == SLOTS[0] else SLOTS[0]


def generation_folder(settings: Settings, generation: str) -> Path:
    """Where the files of a generation are: one Parquet file per view, sorted by key."""
    return generations_folder(settings) / generation


def generations_folder(settings: Settings) -> Path:
    """Where all generations are."""
    return settings.home / "feast" / "generations"


@contextmanager
def locked(settings: Settings, name: str) -> Iterator[None]:
    """Alone on this machine at what ``name`` stands for; the lock goes with its process."""
    folder = settings.home / "feast"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
