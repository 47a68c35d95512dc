"""The loss, counted by hand."""

import math
from dataclasses import replace

import pytest
import torch
from support_models import DOMAINS, random_batch, random_labels

from uniscale.batch.tensors import Labels
from uniscale.contracts.tasks import TASK_NAMES
from uniscale.models.loss import domain_sums, item_losses, ranking_loss

LABELS = Labels(
    targets_NK=torch.tensor([[1.0, 0.0], [0.0, 0.0]]), weight_N=torch.tensor([1.0, 0.5]), place_N=torch.tensor([1, 2])
)


def softplus(x):
    return math.log1p(math.exp(x))


def test_the_loss_is_the_weighted_cross_entropy_of_all_tasks_per_weight_of_the_batch():
    logits = torch.tensor([[2.0, -1.0], [0.5, 0.0]])
    expected = 1.0 * (softplus(-2.0) + softplus(-1.0)) + 0.5 * (softplus(0.5) + softplus(0.0))
    assert float(ranking_loss(logits, LABELS)) == pytest.approx(expected / 1.5, rel=1e-6)


def test_a_task_counts_what_its_weight_says():
    logits = torch.tensor([[2.0, -1.0], [0.5, 0.0]])
    expected = 1.0 * (2 * softplus(-2.0) + 0) + 0.5 * (2 * softplus(0.5) + 0)
    weighted = ranking_loss(logits, LABELS, task_weight_K=torch.tensor([2.0, 0.0]))
    assert float(weighted) == pytest.approx(expected / 1.5, rel=1e-6)


def test_the_losses_of_parts_add_up_to_that_of_the_whole():
    batch = random_batch()
    labels, logits = random_labels(batch), torch.randn(batch.num_items, len(TASK_NAMES))
    weight = labels.weight_N.sum()
    parts = [
        ranking_loss(
            logits[rows],
            Labels(targets_NK=labels.targets_NK[rows], weight_N=labels.weight_N[rows], place_N=labels.place_N[rows]),
            total_weight=weight,
        )
        for rows in (slice(0, 9), slice(9, None))
    ]
    torch.testing.assert_close(sum(parts), ranking_loss(logits, labels))


def test_the_domains_losses_weighted_by_their_rows_are_the_loss():
    batch = random_batch()
    labels, logits = random_labels(batch), torch.randn(batch.num_items, len(TASK_NAMES))
    losses, weights = domain_sums(item_losses(logits, labels), batch, labels, len(DOMAINS))
    domain_N = batch.domain_R[batch.request_of_item_N]
    assert weights.tolist() == pytest.approx([float(labels.weight_N[domain_N == index].sum()) for index in range(3)])
    assert float(losses.sum() / weights.sum()) == pytest.approx(float(ranking_loss(logits, labels)), rel=1e-5)


def test_a_domain_without_items_has_no_loss():
    batch = random_batch(sizes=(2, 2))
    batch = replace(batch, domain_R=torch.tensor([0, 1]))
    labels = random_labels(batch)
    losses, weights = domain_sums(item_losses(torch.zeros(4, len(TASK_NAMES)), labels), batch, labels, len(DOMAINS))
    assert float(losses[0] / weights[0]) == pytest.approx(len(TASK_NAMES) * math.log(2))
    assert (losses[2], weights[2]) == (0, 0)


def test_a_batch_without_weight_has_loss_zero():
    labels = replace(LABELS, weight_N=torch.zeros(2))
    assert float(ranking_loss(torch.ones(2, 2), labels)) == 0.0


def test_labels_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"Logits are \(2, 1\), targets \(2, 2\)"):
        ranking_loss(torch.zeros(2, 1), LABELS)
