"""The training set of some days under a data recipe, ready to be drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from uniscale.config import Settings
from uniscale.data.collate import encode
from uniscale.data.frame_store import FrameStore
from uniscale.data.histories import read_histories
from uniscale.data.mixture import read_training
from uniscale.data.recipe import DataRecipe
from uniscale.lake import Lake


def training_set(
    settings: Settings,
    lake: Lake,
    days: Sequence[date],
    recipe: DataRecipe,
    *,
    history_length: int,
    snapshot_id: int | None = None,
) -> FrameStore:
    """Read frames and histories at one state of the lake.

    Args:
        settings: Domains, and where the columns are kept meanwhile.
        lake: Holds both.
        days: UTC days of the requests.
        recipe: What is added to the exposed rows.
        history_length: Newest actions of a request that the ranker reads.
        snapshot_id: Lake snapshot to read; default the newest.

    Raises:
        ValueError: There is no frame.
    """
    snapshot = lake.snapshot_id() if snapshot_id is None else snapshot_id
    histories = read_histories(lake, days, "train", settings.domains, history_length, snapshot_id=snapshot)
    records = read_training(lake, days, recipe, target_domain=settings.target_domain, snapshot_id=snapshot)
    encoded = (encode(batch, settings.domains, histories) for batch in records)
    return FrameStore(encoded, settings.home / "spill", histories)
