"""One loss per domain: weighted cross-entropy of every task.

Letters: N items, K tasks, J domains.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from uniscale.batch.tensors import Batch, Labels


def ranking_loss(
    logits_NK: Tensor,
    labels: Labels,
    *,
    total_weight: float | Tensor | None = None,
    task_weight_K: Tensor | None = None,
) -> Tensor:
    """Sum of the domains' losses: what one step descends.

    A domain's loss is the weighted cross-entropy of its items, summed over tasks and divided by the weight of the
    *whole* batch. So a domain counts by its share of the rows, and three rows of a domain do not shout. As every row
    has one divisor, the sum needs no bucketing.

    Args:
        logits_NK: What a ranker answered.
        labels: What happened.
        total_weight: Divisor, when the batch is split over workers: the weight of all parts, so that the parts' losses
            and gradients add up to those of the whole batch. Default is the weight of this batch.
        task_weight_K: As for `item_losses`.

    Raises:
        ValueError: Labels and logits differ in shape.
    """
    divisor = labels.weight_N.sum() if total_weight is None else total_weight
    return weighted_mean(item_losses(logits_NK, labels, task_weight_K), divisor)


def item_losses(logits_NK: Tensor, labels: Labels, task_weight_K: Tensor | None = None) -> Tensor:
    """Weighted cross-entropy of each item, summed over tasks.

    Args:
        logits_NK: What a ranker answered.
        labels: What happened.
        task_weight_K: What a task's cross-entropy counts; 1 by default.

    Returns:
        [N].

    Raises:
        ValueError: Labels and logits differ in shape.
    """
    if logits_NK.shape != labels.targets_NK.shape:
        raise ValueError(
            f"Logits are {tuple(logits_NK.shape)}, targets {tuple(labels.targets_NK.shape)}; both must be [N, K]."
        )
    loss_NK = functional.binary_cross_entropy_with_logits(logits_NK, labels.targets_NK, reduction="none")
    loss_N = loss_NK.sum(1) if task_weight_K is None else loss_NK @ task_weight_K
    return loss_N * labels.weight_N


def weighted_mean(loss_N: Tensor, total_weight: float | Tensor) -> Tensor:
    """Sum of what `item_losses` gave over the weight of the items; 0 where nothing has a weight."""
    return loss_N.sum() / torch.as_tensor(total_weight).clamp(min=1e-12)


@torch.no_grad()
def domain_sums(loss_N: Tensor, batch: Batch, labels: Labels, num_domains: int) -> tuple[Tensor, Tensor]:
    """What the losses of the domains are made of.

    Args:
        loss_N: What `item_losses` gave.
        batch: What was asked.
        labels: What happened.
        num_domains: J.

    Returns:
        Losses of each domain's items added up, [J]; and their weights, [J]. The quotient is the domain's loss.
    """
    domain_N = batch.domain_R[batch.request_of_item_N].long()
    loss_J, weight_J = (
        torch.zeros(num_domains, device=value_N.device).index_add(0, domain_N, value_N)
        for value_N in (loss_N, labels.weight_N)
    )
    return loss_J, weight_J
