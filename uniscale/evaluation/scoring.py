"""Scoring frames with a trained ranker: the probability of every task for every candidate."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from uniscale.batch.tensors import Batch
from uniscale.contracts.tasks import TASKS
from uniscale.data.collate import collate
from uniscale.data.frames import read_frames
from uniscale.data.histories import Histories, read_histories
from uniscale.lake import Lake
from uniscale.models.ranker import Ranker

BATCH_REQUESTS = 256
SCHEMA = pa.schema(
    [
        ("request_id", pa.string()),
        ("item_ids", pa.list_(pa.string())),
        *((task.probability, pa.list_(pa.float32())) for task in TASKS),
    ]
)


def score_frames(model: Ranker, lake: Lake, days: Sequence[date], *, target_domain: str) -> pa.Table:
    """Predictions for all candidates of the test requests of some days.

    Args:
        model: A trained ranker; it is put into eval mode.
        lake: The lake, whose ``ml.frames`` of split ``eval`` are read.
        days: UTC days of the requests.
        target_domain: Only requests of this domain are scored.

    Returns:
        One row per request with the columns of `SCHEMA`, ordered by day and request; lists run over the candidates.
    """
    snapshot = lake.snapshot_id()
    histories = read_histories(lake, days, "eval", model.domains, model.inputs.history_length, snapshot_id=snapshot)
    records = read_frames(lake, days, "eval", domains=[target_domain], snapshot_id=snapshot)
    return pa.concat_tables([SCHEMA.empty_table(), *(score_records(model, batch, histories) for batch in records)])


def score_records(model: Ranker, records: pa.RecordBatch | pa.Table, histories: Histories | None = None) -> pa.Table:
    """Predictions for requests in memory, `BATCH_REQUESTS` at a time; columns as in `score_frames`.

    Args:
        model: A trained ranker.
        records: Frames.
        histories: Their actions; None where the records carry them.
    """
    parts = [
        _score_records(model, records.slice(start, BATCH_REQUESTS), histories)
        for start in range(0, len(records), BATCH_REQUESTS)
    ]
    return pa.concat_tables([SCHEMA.empty_table(), *parts])


def score_batch(model: Ranker, batch: Batch) -> Tensor:
    """Logits of a batch [N, K], on the model's device; the model is put into eval mode.

    Raises:
        RuntimeError: A score is not a number.
    """
    model.eval()
    with torch.inference_mode():
        logits_NK: Tensor = model(batch.to(next(model.parameters()).device)).float()
    if logits_NK.isnan().any():
        raise RuntimeError(f"{model.name} ({model.size}) gave a score that is not a number; train it again")
    return logits_NK


def _score_records(model: Ranker, records: pa.RecordBatch | pa.Table, histories: Histories | None) -> pa.Table:
    batch, _, meta = collate(records, model.domains, histories)
    probability_NK = torch.sigmoid(score_batch(model, batch)).cpu().numpy()
    offsets = pa.array(np.asarray(meta.offsets, dtype=np.int32))
    tasks = [pa.array(values) for values in np.ascontiguousarray(probability_NK.T)]
    items = meta.item_ids.cast(pa.string())
    lists = [pa.ListArray.from_arrays(offsets, values) for values in (items, *tasks)]
    return pa.Table.from_arrays([meta.sample_ids.cast(pa.string()), *lists], schema=SCHEMA)
