"""Checkpoints that are whole or absent."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

FILE = "state.pt"


def save_checkpoint(state: dict[str, Any], folder: Path) -> None:
    """Write a checkpoint; a kill at any moment leaves the old one or the new one.

    Args:
        state: Tensors, numbers, text, lists and dicts of them.
        folder: Made if it does not exist; its earlier checkpoint is replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f".{FILE}.{os.getpid()}"
    with unfinished.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(folder / FILE)


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
