"""Heads: a sample vector to one logit per task."""

from __future__ import annotations

import torch
from torch import nn

from uniscale.contracts.tasks import TASKS
from uniscale.models.common.layers import mlp
from uniscale.models.common.routing import DomainNetworks


def domain_heads(width: int, num_domains: int) -> DomainNetworks:
    """One head per domain, [N, width] -> [N, K] logits in the order of TASKS."""

    def head() -> nn.Module:
        network = mlp(width, width, len(TASKS))
        with torch.no_grad():
            network[-1].bias.copy_(torch.tensor([task.initial_logit for task in TASKS]))
        return network

    return DomainNetworks(head, num_domains)
