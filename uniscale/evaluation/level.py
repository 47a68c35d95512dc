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
import pyarrow.compute as pc
import torch
from torch import Tensor

from uniscale.contracts.frames import FIRST
from uniscale.contracts.tasks import TASK_NAMES, TASKS
from uniscale.data.collate import collate
from uniscale.data.frames import keep_items, read_frames
from uniscale.data.histories import read_histories
from uniscale.data.mixture import count_requests
from uniscale.data.recipe import EXPOSED
from uniscale.evaluation.scoring import score_batch
from uniscale.lake import Lake
from uniscale.models.ranker import Ranker

ROWS = 4096
"""Rows shown first that a level is found on, spread over all days; all of them if there are not twice as many."""

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
    logits, happened = [torch.empty(0, len(TASK_NAMES))], [torch.empty(0, len(TASK_NAMES))]
    histories = read_histories(lake, days, "train", model.domains, model.inputs.history_length, snapshot_id=snapshot_id)
    seen, every = 0, max(1, total // ROWS)
    for records in read_frames(lake, days, "train", domains=[target_domain], snapshot_id=snapshot_id):
        is_drawn_R = (np.arange(seen, seen + records.num_rows) % every) == 0
        seen += records.num_rows
        drawn = records.filter(is_drawn_R)
        is_first = pc.fill_null(pc.equal(drawn.column("position").flatten(), FIRST), fill_value=False)
        first = keep_items(drawn, is_first.to_numpy(zero_copy_only=False))
        if first.num_rows:
            logits.append(score_batch(model, collate(first, model.domains, histories)[0]).cpu())
            native = [first.column(task.native_label).flatten() for task in TASKS]
            columns = [happened_N.to_numpy(zero_copy_only=False) for happened_N in native]
            happened.append(torch.as_tensor(np.stack(columns, axis=1)))
    level_K = level(torch.cat(logits), torch.cat(happened))
    model.level_JK[domain] = level_K.to(model.level_JK)
    return dict(zip(TASK_NAMES, level_K.tolist(), strict=True))


def level(logits_NK: Tensor, happened_NK: Tensor) -> Tensor:
    """The constant per task that makes the chances add up to what happened, [K].

    The most likely one where levels are normally distributed around 0 with variance 1: what never happened in a few
    rows is not taken for impossible. With rows by the hundred this changes nothing.

    Args:
        logits_NK: What a ranker answers.
        happened_NK: 1 where it happened, else 0.
    """
    logits_NK, num_happened_K = logits_NK.double(), happened_NK.double().sum(0)
    low_K = torch.full_like(num_happened_K, -_FARTHEST)
    high_K = -low_K
    for _ in range(_HALVINGS):
        middle_K = (low_K + high_K) / 2
        is_high_K = torch.sigmoid(logits_NK + middle_K).sum(0) - num_happened_K + middle_K > 0
        low_K, high_K = torch.where(is_high_K, low_K, middle_K), torch.where(is_high_K, middle_K, high_K)
    return (low_K + high_K) / 2
