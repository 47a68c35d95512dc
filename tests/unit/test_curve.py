"""Early metrics against plain computations."""

import numpy as np
import pytest
import torch
from support_models import DOMAINS, random_batch, random_labels

from uniscale.contracts.tasks import TASK_NAMES
from uniscale.evaluation.metrics import auc
from uniscale.models.loss import item_losses
from uniscale.training.curve import TrainingMetrics, binned_auc


def watch(**options):
    return TrainingMetrics(
        **{"domains": DOMAINS, "steps_per_epoch": 4, "total_steps": 8, "done": 0, "workers": 1, **options}
    )


def test_the_click_auc_is_that_of_all_rows_since_the_last_point():
    seen, logits, clicks = watch(), [], []
    for seed in range(3):
        batch = random_batch(seed=seed)
        labels, answer = random_labels(batch, seed=seed), 3 * torch.randn(batch.num_items, len(TASK_NAMES))
        seen.add(batch, answer, labels, item_losses(answer, labels))
        seen.end_step(batch.num_items, loss=float(seed))
        logits.append(answer[:, 0])
        clicks.append(labels.targets_NK[:, 0])
    point = seen.point(3, {"part.figure": 2.0})
    expected = auc(torch.cat(clicks).numpy() > 0, torch.cat(logits).numpy())
    assert point.click_auc == pytest.approx(expected, abs=2e-3)
    assert point.loss == 1.0
    assert point.numbers()["part.figure"] == 2.0
    assert seen.point(3, {}).click_auc is None


def test_a_tie_counts_one_half():
    counts = torch.tensor([[2.0, 1.0, 0.0], [0.0, 1.0, 3.0]])
    negative, positive = [0, 0, 1], [1, 2, 2, 2]
    wins = np.mean([(p > n) + 0.5 * (p == n) for p in positive for n in negative])
    assert binned_auc(counts) == pytest.approx(wins)


def test_workers_add_up_their_sums_on_the_device_that_their_back_end_reaches(monkeypatch):
    seen = []

    def all_reduce(tensor):
        seen.append(tensor.device.type)
        raise InterruptedError  # a tensor on this device has no values that could be told

    monkeypatch.setattr("torch.distributed.all_reduce", all_reduce)
    with pytest.raises(InterruptedError):
        watch(workers=2, device="meta").point(1, {})
    assert seen == ["meta"]
