"""The level of a ranker: what makes its chances those of an item that is looked at, without touching the order.

Rows that were not shown, weights and places far down a list all draw a ranker's chances down. Its order is right and
its level is not. A row that was shown first was looked at, as far as a log can tell: it is the reference of the
observation model too (`uniscale.models.observation`). So one constant per task is added to the logits, such that the
ranker predicts as many clicks, carts and purchases for these rows as there were. It is the same for every candidate of
a domain and is found on training days; the sum over thousands of rows does not suffer from the ranker having seen them.

Letters: N rows, K tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from uniscale.data.frames import keep_items, read_frames
from uniscale.data.mixture import count_requests
from uniscale.data.recipe import EXPOSED
from uniscale.evaluation.scoring import score_records
from uniscale.evaluation.statistic import Array
from uniscale.lake import Lake
from uniscale.models.batch import TASKS
from uniscale.models.observation import FIRST
from uniscale.models.ranker import Ranker

ROWS = 4096
"""Rows shown first that a level is found on, spread over all days; all of them if there are not twice as many."""

NATIVE = {"click": "is_natively_clicked", "cart": "is_carted", "purchase": "is_natively_purchased"}
"""Column of the frames that says what happened in the search itself, by task."""

_FARTHEST = 20.0  # a logit beyond which a chance is 0 or 1
_HALVINGS = 60


def set_level(
    model: Ranker, lake: Lake, days: Sequence[date], *, target_domain: str, snapshot_id: int | None = None
) -> dict[str, float]:
    """Give a trained ranker the level of the target domain; one that it had is replaced.

    Args:
        model: A trained ranker, on any device.
        lake: Its training frames are read.
        days: UTC days it was trained on.
        target_domain: Domain whose requests are scored.
        snapshot_id: Lake snapshot to read; default the newest.

    Returns:
        What is added to the logit, by task; 0 where no row was shown first.
    """
    domain = model.domains.index(target_domain)
    model.level_JK[domain] = 0
    total = count_requests(lake, days, EXPOSED, target_domain=target_domain, snapshot_id=snapshot_id)
    logits, happened = [np.empty((0, len(TASKS)))], [np.empty((0, len(TASKS)))]
    seen, every = 0, max(1, total // ROWS)
    for records in read_frames(lake, days, "train", domains=[target_domain], snapshot_id=snapshot_id):
        is_drawn_R = (np.arange(seen, seen + records.num_rows) % every) == 0
        seen += records.num_rows
        drawn = records.filter(is_drawn_R)
        is_first = pc.fill_null(pc.equal(drawn.column("position").flatten(), FIRST), fill_value=False)
        first = keep_items(drawn, is_first.to_numpy(zero_copy_only=False))
        scored = score_records(model, first)
        logits.append(_logit(_columns(scored, [f"{task}_probability" for task in TASKS])))
        happened.append(_columns(first, list(NATIVE.values())))
    level_K = level(np.concatenate(logits), np.concatenate(happened))
    model.level_JK[domain] = torch.as_tensor(level_K, dtype=model.level_JK.dtype)
    return dict(zip(TASKS, level_K.tolist(), strict=True))


def level(logits_NK: Array, happened_NK: Array) -> Array:
    """The constant per task that makes the chances add up to what happened, [K].

    The most likely one where levels are normally distributed around 0 with variance 1: what never happened in a few
    rows is not taken for impossible. With rows by the hundred this changes nothing.

    Args:
        logits_NK: What a ranker answers.
        happened_NK: 1 where it happened, else 0.
    """
    low_K, high_K = np.full(logits_NK.shape[1], -_FARTHEST), np.full(logits_NK.shape[1], _FARTHEST)
    for _ in range(_HALVINGS):
        middle_K = (low_K + high_K) / 2
        is_high_K = (_chance(logits_NK + middle_K) - happened_NK).sum(axis=0) + middle_K > 0
        low_K, high_K = np.where(is_high_K, low_K, middle_K), np.where(is_high_K, middle_K, high_K)
    found: Array = (low_K + high_K) / 2
    return found


def _columns(records: pa.RecordBatch | pa.Table, names: Sequence[str]) -> Array:
    """Values of the items of all requests, [N, len(names)]."""
    table = pa.Table.from_batches([records]) if isinstance(records, pa.RecordBatch) else records
    lists = [table.column(name).combine_chunks().flatten() for name in names]
    return np.stack([values.to_numpy(zero_copy_only=False).astype(float) for values in lists], axis=1)


def _chance(logits: Array) -> Array:
    chance: Array = 1 / (1 + np.exp(-np.clip(logits, -50, 50)))
    return chance


def _logit(chance: Array) -> Array:
    safe = np.clip(chance, 1e-7, 1 - 1e-7)
    logits: Array = np.log(safe / (1 - safe))
    return logits
