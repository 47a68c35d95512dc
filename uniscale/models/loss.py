"""One loss per domain: weighted cross-entropy of every task.

Letters: N items, K tasks, J domains.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from uniscale.models.batch import Batch, Labels


def ranking_loss(logits_NK: Tensor, labels: Labels, *, total_weight: float | Tensor | None = None) -> Tensor:
    """Sum of the domains' losses: what one step descends.

    A domain's loss is the weighted cross-entropy of its items, summed over tasks and divided by the weight of the
    *whole* batch. So a domain counts by its share of the rows, and three rows of a domain do not shout. As every row
    has one divisor, the sum needs no bucketing.

    Args:
        logits_NK: What a ranker answered.
        labels: What happened.
        total_weight: Divisor, when the batch is split over workers: the weight of all parts, so that the parts' losses
            and gradients add up to those of the whole batch. Default is the weight of this batch.

    Raises:
        ValueError: Labels and logits differ in shape.
    """
    divisor = labels.weight_N.sum() if total_weight is None else torch.as_tensor(total_weight)
    return _item_losses(logits_NK, labels).sum() / divisor.clamp(min=1e-12)


@torch.no_grad()
def domain_sums(logits_NK: Tensor, batch: Batch, labels: Labels, num_domains: int) -> tuple[Tensor, Tensor]:
    """What the losses of the domains are made of.

    Args:
        logits_NK: What a ranker answered.
        batch: What it was asked.
        labels: What happened.
        num_domains: J.

    Returns:
        Weighted cross-entropy of each domain's items, summed over tasks and items, [J]; and their weights, [J]. The
        quotient is the domain's loss.
    """
    domain_N = batch.domain_R[batch.request_of_item_N].long()
    loss_J, weight_J = (
        torch.zeros(num_domains, device=value_N.device).index_add(0, domain_N, value_N)
        for value_N in (_item_losses(logits_NK, labels), labels.weight_N)
    )
    return loss_J, weight_J


def _item_losses(logits_NK: Tensor, labels: Labels) -> Tensor:
    if logits_NK.shape != labels.targets_NK.shape:
        raise ValueError(
            f"Logits are {tuple(logits_NK.shape)}, targets {tuple(labels.targets_NK.shape)}; both must be [N, K]."
        )
    loss_NK = functional.binary_cross_entropy_with_logits(logits_NK, labels.targets_NK, reduction="none")
    return loss_NK.sum(1) * labels.weight_N
