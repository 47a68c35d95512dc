"""Checkpoints that are whole or absent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from uniscale.whole_files import whole_file

FILE = "state.pt"


def save_checkpoint(state: dict[str, Any], folder: Path) -> None:
    """Write a checkpoint; a kill at any moment leaves the old one or the new one.

    Args:
        state: Tensors, numbers, text, lists and dicts of them.
        folder: Made if it does not exist; its earlier checkpoint is replaced. One process writes into it.

    Raises:
        OSError: The file could not be written, say because the disk is full; the earlier checkpoint is as it was.
    """
    for left_over in folder.glob(f".*.{FILE}"):  # of a process that was killed while it wrote
        left_over.unlink()
    try:
        with whole_file(folder / FILE) as unfinished:
            torch.save(state, unfinished)
    except (OSError, RuntimeError) as error:  # torch makes a RuntimeError of a write that failed
        raise OSError(
            f"the checkpoint could not be written to {folder} ({_first_line(error)}); the earlier one is as it was. "
            "Make room there and run the same command again"
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]


def load_checkpoint(folder: Path) -> dict[str, Any]:
    """Read a checkpoint; nothing in it is executed.

    Raises:
        FileNotFoundError: The folder holds no finished checkpoint.
    """
    path = folder / FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} holds no finished checkpoint ({FILE}); start the run again from the beginning"
        )
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state
