"""DLRM-MLP: embeddings, dot products, one MLP, one head per domain (after arXiv 1906.00091).

It reads the same features as every ranker of this package: numeric features go into the MLP beside embeddings and dot
products instead of through a bottom MLP, and the dot products are those between the request and the item.

Letters: R requests, N items, C columns, Z width of the MLP, K tasks.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from uniscale.contracts.frames import NumericNames
from uniscale.models.batch import Batch
from uniscale.models.common.embeddings import EmbeddingSizes
from uniscale.models.common.heads import domain_heads
from uniscale.models.common.inputs import InputEncoder
from uniscale.models.common.layers import linear, mlp
from uniscale.models.common.routing import DomainBuckets
from uniscale.models.ranker import Ranker


@dataclass(frozen=True, kw_only=True, slots=True)
class DLRMConfig:
    """Everything that sets the size and the shape of DLRM-MLP.

    Attributes:
        embeddings: Hashed tables.
        mlp_width: Width of the MLP's first layer.
        sample_width: Z, width of its last layer, which the heads read.
    """

    embeddings: EmbeddingSizes
    mlp_width: int
    sample_width: int


def _config(*, embedding_width: int, num_item_rows: int, width: int) -> DLRMConfig:
    return DLRMConfig(
        embeddings=EmbeddingSizes.of(width=embedding_width, items=num_item_rows),
        mlp_width=4 * width,
        sample_width=width,
    )


DLRM_SIZES = {
    "xs": _config(embedding_width=16, num_item_rows=2**14, width=64),
    "s": _config(embedding_width=16, num_item_rows=2**16, width=128),
    "m": _config(embedding_width=32, num_item_rows=2**18, width=256),
    "l": _config(embedding_width=32, num_item_rows=2**20, width=512),
    "xl": _config(embedding_width=64, num_item_rows=2**22, width=1024),
}


class DLRM(Ranker):
    """Deep Learning Recommendation Model with an MLP on top."""

    name = "dlrm"

    def __init__(self, config: DLRMConfig, *, size: str, domains: tuple[str, ...], numeric: NumericNames) -> None:
        super().__init__(config, size=size, domains=domains, numeric=numeric)
        self.encoder = InputEncoder(config.embeddings, len(domains), numeric)
        self.from_request = linear(sum(group.width for group in self.encoder.request_groups), config.mlp_width)
        self.from_item = linear(sum(group.width for group in self.encoder.item_groups), config.mlp_width)
        self.mlp = nn.Sequential(nn.GELU(), mlp(config.mlp_width, 2 * config.sample_width, config.sample_width))
        self.heads = domain_heads(config.sample_width, len(domains))

    @property
    def inputs(self) -> InputEncoder:
        """The part that reads features."""
        return self.encoder

    def forward(self, batch: Batch) -> Tensor:
        """Logits of the tasks for each item, [N, K]."""
        inputs = self.encoder(batch)
        # The first layer of a concatenation is the sum of two layers; the request's part is computed once.
        request_RC = self.from_request(torch.cat(inputs.requests, 1))
        hidden_NC = inputs.layout.expand(request_RC) + self.from_item(torch.cat(inputs.items, 1))
        sample_NZ = functional.gelu(self.mlp(hidden_NC))
        return self.heads(sample_NZ, DomainBuckets(batch.domain_R[batch.request_of_item_N], len(self.domains)))
