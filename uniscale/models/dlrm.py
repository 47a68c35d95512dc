"""DLRM-MLP: embeddings, dot products, one MLP, one head per domain (after arXiv 1906.00091).

It reads the same features as every ranker of this package: numeric features go into the MLP together with embeddings
and dot products instead of through a bottom MLP, and the dot products are those between the request and the item.

Letters: R requests, N items, C columns, Z width of the MLP, K tasks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from uniscale.contracts.frames import NumericNames
from uniscale.models.common.heads import domain_heads
from uniscale.models.common.inputs import Inputs
from uniscale.models.common.layers import linear, mlp
from uniscale.models.common.routing import Buckets
from uniscale.models.ranker import Ranker, RankerConfig
from uniscale.models.size import Size


@dataclass(frozen=True, kw_only=True, slots=True)
class DLRMConfig(RankerConfig):
    """Everything that sets the size and the shape of DLRM-MLP.

    Attributes:
        mlp_width: Width of the MLP's first layer.
        sample_width: Z, width of its last layer, which the heads read.
    """

    mlp_width: int
    sample_width: int

    @classmethod
    def of(cls, size: Size) -> Self:
        """The configuration of a size."""
        return cls(embeddings=size.embeddings, mlp_width=16 * size.width, sample_width=4 * size.width)


class DLRM(Ranker):
    """Deep Learning Recommendation Model with an MLP on top."""

    name = "dlrm"
    Config = DLRMConfig

    def __init__(self, config: DLRMConfig, *, size: str, domains: tuple[str, ...], numeric: NumericNames) -> None:
        super().__init__(config, size=size, domains=domains, numeric=numeric)
        self.from_request = linear(self.inputs.request_width, config.mlp_width)
        self.from_item = linear(self.inputs.item_width, config.mlp_width)
        self.mlp = nn.Sequential(nn.GELU(), mlp(config.mlp_width, 2 * config.sample_width, config.sample_width))
        self.heads = domain_heads(config.sample_width, len(domains))

    def score(self, inputs: Inputs, buckets: Buckets) -> Tensor:
        """Logits of the tasks for each item, [N, K]."""
        # The first layer of a concatenation is the sum of two layers; the request's part is computed once.
        request_RC = self.from_request(torch.cat(inputs.requests, 1))
        hidden_NC = inputs.layout.expand(request_RC) + self.from_item(torch.cat(inputs.items, 1))
        return self.heads(functional.gelu(self.mlp(hidden_NC)), buckets)
