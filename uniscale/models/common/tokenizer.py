"""From feature groups to tokens of one width.

`SemanticTokenizer` makes one token of each group, so a token has a meaning. `EvenTokenizer` cuts all features into as
many equal parts as asked for, so the number of tokens is free.

Letters: R requests, N items, T tokens, D token width, C columns of a part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from uniscale.models.common.inputs import Group, InputEncoder, Inputs
from uniscale.models.common.layers import TokenLinear, mlp
from uniscale.models.common.layout import Layout


@dataclass(frozen=True, kw_only=True, slots=True)
class Tokens:
    """Tokens of a batch; those of user, query and domain exist once per request.

    Attributes:
        request_TRD: Tokens of the request.
        item_TND: Tokens of the item.
        request_families: Family of each request token; empty if tokens have no meaning of their own.
        layout: Which item belongs to which request.
    """

    request_TRD: Tensor
    item_TND: Tensor
    request_families: tuple[str, ...]
    layout: Layout

    def values(self) -> Tensor:
        """All tokens of every item, [T, N, D]: first those of its request."""
        return torch.cat([self.layout.expand_tokens(self.request_TRD), self.item_TND])

    def of_request(self, families: Iterable[str]) -> Tensor:
        """The request tokens of these families side by side, [R, tokens D]."""
        wanted = [index for index, family in enumerate(self.request_families) if family in families]
        return self.request_TRD[wanted].transpose(0, 1).flatten(1)


class SemanticTokenizer(nn.Module):
    """One token per feature group: each has a two-layer MLP of its own and meets the others only in the blocks."""

    def __init__(self, inputs: InputEncoder, width: int, *, several: Mapping[str, int] | None = None) -> None:
        """Make the MLPs.

        Args:
            inputs: Tells the features.
            width: D.
            several: Tokens of a group that has more than one, by the group's name.
        """
        super().__init__()
        counts = several or {}
        self.width = width
        self.request_mlps = _token_mlps(inputs.request_groups, width, counts)
        self.item_mlps = _token_mlps(inputs.item_groups, width, counts)
        self.request_families = tuple(
            group.family for group in inputs.request_groups for _ in range(counts.get(group.name, 1))
        )
        self.num_request_tokens = len(self.request_families)
        self.num_tokens = self.num_request_tokens + sum(counts.get(group.name, 1) for group in inputs.item_groups)

    def forward(self, inputs: Inputs) -> Tokens:
        """Tokenise."""
        return Tokens(
            request_TRD=_apply(self.request_mlps, inputs.requests, self.width),
            item_TND=_apply(self.item_mlps, inputs.items, self.width),
            request_families=self.request_families,
            layout=inputs.layout,
        )


class EvenTokenizer(nn.Module):
    """All features side by side, cut into equal parts, each with an affine map of its own (RankMixer, eq. 2).

    The parts of the request and those of the item are cut apart, so that the former are mapped once per request. They
    share the T tokens by their widths; the last part of each is filled up with zeros.
    """

    def __init__(self, inputs: InputEncoder, width: int, num_tokens: int) -> None:
        """Make the maps.

        Args:
            inputs: Tells the features.
            width: D.
            num_tokens: T, at least 2.

        Raises:
            ValueError: There are fewer than two tokens: the request and the item need one each.
        """
        super().__init__()
        if num_tokens < 2:
            raise ValueError(f"num_tokens={num_tokens} leaves none for the request or the item; use at least 2")
        share = inputs.request_width / (inputs.request_width + inputs.item_width)
        self.num_request_tokens = min(num_tokens - 1, max(1, round(share * num_tokens)))
        self.num_tokens = num_tokens
        self._request_part = -(-inputs.request_width // self.num_request_tokens)
        self._item_part = -(-inputs.item_width // (num_tokens - self.num_request_tokens))
        self.request = TokenLinear(self.num_request_tokens, self._request_part, width)
        self.item = TokenLinear(num_tokens - self.num_request_tokens, self._item_part, width)

    def forward(self, inputs: Inputs) -> Tokens:
        """Tokenise."""
        return Tokens(
            request_TRD=self.request(_cut(inputs.requests, self.num_request_tokens, self._request_part)),
            item_TND=self.item(_cut(inputs.items, self.num_tokens - self.num_request_tokens, self._item_part)),
            request_families=(),
            layout=inputs.layout,
        )


def _cut(groups: Sequence[Tensor], num_parts: int, part: int) -> Tensor:
    """Groups of features side by side, filled up with zeros and cut: [parts, X, C]."""
    together = torch.cat(list(groups), 1)
    filled = functional.pad(together, (0, num_parts * part - together.shape[1]))
    return filled.view(-1, num_parts, part).transpose(0, 1)


def _token_mlps(groups: Sequence[Group], width: int, counts: Mapping[str, int]) -> nn.ModuleList:
    return nn.ModuleList(mlp(group.width, 2 * width, counts.get(group.name, 1) * width) for group in groups)


def _apply(networks: nn.ModuleList, groups: Sequence[Tensor], width: int) -> Tensor:
    together = torch.cat([network(group) for network, group in zip(networks, groups, strict=True)], 1)
    return together.unflatten(1, (-1, width)).transpose(0, 1)
