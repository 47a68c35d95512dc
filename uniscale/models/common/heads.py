"""Heads: a sample vector to one logit per task."""

from __future__ import annotations

import torch
from torch import nn

from uniscale.contracts.training import TASKS
from uniscale.models.common.layers import mlp
from uniscale.models.common.routing import DomainNetworks

INITIAL_LOGITS = {"click": -2.0, "cart": -3.5, "purchase": -4.0}
"""Usual order of magnitude of the rates (12 %, 3 % and 2 %), so that the first steps do not go into finding it."""


def domain_heads(width: int, num_domains: int) -> DomainNetworks:
    """One head per domain, [N, width] -> [N, K] logits in the order of TASKS."""

    def head() -> nn.Module:
        network = mlp(width, width, len(TASKS))
        with torch.no_grad():
            network[-1].bias.copy_(torch.tensor([INITIAL_LOGITS[task] for task in TASKS]))
        return network

    return DomainNetworks(head, num_domains)
