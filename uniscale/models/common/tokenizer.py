"""From a `Batch` to tokens: one MLP per feature group, all to the same width.

Letters: R requests, N items, T tokens, D token width.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from uniscale.contracts.frames import NumericNames
from uniscale.models.batch import Batch
from uniscale.models.common.embeddings import EmbeddingSizes
from uniscale.models.common.inputs import Group, InputEncoder
from uniscale.models.common.layers import mlp
from uniscale.models.common.layout import RequestLayout


@dataclass(frozen=True, kw_only=True, slots=True)
class Tokens:
    """Tokens of a batch; those of user, query and domain exist once per request.

    Attributes:
        request_TRD: Tokens of the request.
        item_TND: Tokens of the item.
        request_families: Family of each request token.
        layout: Which item belongs to which request.
    """

    request_TRD: Tensor
    item_TND: Tensor
    request_families: tuple[str, ...]
    layout: RequestLayout

    def values(self) -> Tensor:
        """All tokens of every item, [T, N, D]: first those of its request."""
        request_TND = self.request_TRD.index_select(1, self.layout.request_of_item_N)
        return torch.cat([request_TND, self.item_TND])

    def of_request(self, families: Iterable[str]) -> Tensor:
        """The request tokens of these families side by side, [R, tokens D]."""
        wanted = [index for index, family in enumerate(self.request_families) if family in families]
        return self.request_TRD[wanted].transpose(0, 1).flatten(1)


class Tokenizer(nn.Module):
    """Feature groups to tokens: each group has a two-layer MLP of its own and meets the others only in the blocks."""

    def __init__(self, sizes: EmbeddingSizes, num_domains: int, numeric: NumericNames, width: int) -> None:
        super().__init__()
        self.inputs = InputEncoder(sizes, num_domains, numeric)
        self.request_mlps = _token_mlps(self.inputs.request_groups, width)
        self.item_mlps = _token_mlps(self.inputs.item_groups, width)
        self.request_families = tuple(group.family for group in self.inputs.request_groups)

    @property
    def num_tokens(self) -> int:
        """T."""
        return len(self.request_mlps) + len(self.item_mlps)

    def forward(self, batch: Batch) -> Tokens:
        """Tokenise a batch."""
        inputs = self.inputs(batch)
        return Tokens(
            request_TRD=_apply(self.request_mlps, inputs.requests),
            item_TND=_apply(self.item_mlps, inputs.items),
            request_families=self.request_families,
            layout=inputs.layout,
        )


def _token_mlps(groups: Sequence[Group], width: int) -> nn.ModuleList:
    return nn.ModuleList(mlp(group.width, 2 * width, width) for group in groups)


def _apply(networks: nn.ModuleList, groups: Sequence[Tensor]) -> Tensor:
    return torch.stack([network(group) for network, group in zip(networks, groups, strict=True)])
