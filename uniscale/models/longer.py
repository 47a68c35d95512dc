"""LONGER: a long sequence of actions, merged, and asked by its newest rows and by global tokens (arXiv 2505.04421).

`actions -> MLP -> inner transformer, merge -> [global tokens; sequence] -> causal layers -> MLP -> head of the domain`

What the paper leaves open, and what is done here:

- Rows stand in the order CLS, item, cross, user, query, domain, actions from the newest. Row i sees the rows j >= i. So
  only the first three differ between the items of a request; all others are computed once per request.
- A layer is a transformer block with LN before attention and before the FFN: 12 D^2 + 13 D parameters, as the paper
  counts them.
- The time gap is the age that `ActionEncoder` describes; the learned position is added before the MLP.
- A row of padding sees itself only and is seen by none.
- Heads read all global rows and the mean of the rows of the sequence that are left after the first layer.

Letters: R requests, N items, M places, L actions, S rows of a request, G rows of an item, E width of an action before
merging, J actions per merged row, W = J E width of a row, H heads, C width of a head, K tasks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from uniscale.contracts.frames import NumericNames
from uniscale.contracts.inputs import HISTORY_LENGTH
from uniscale.models.common.checks import check_at_least
from uniscale.models.common.embeddings import INITIAL_STD
from uniscale.models.common.heads import domain_heads
from uniscale.models.common.history import history_means
from uniscale.models.common.inputs import Group, Inputs
from uniscale.models.common.layers import linear, mlp, num_heads
from uniscale.models.common.layout import Layout
from uniscale.models.common.routing import Buckets
from uniscale.models.common.sequence import TransformerBlock, attend, see_all, see_onwards, split_heads
from uniscale.models.ranker import Ranker, RankerConfig
from uniscale.models.size import Size


@dataclass(frozen=True, kw_only=True, slots=True)
class LONGERConfig(RankerConfig):
    """Everything that sets the size and the shape of LONGER.

    Attributes:
        sequence_length: Newest actions that are read.
        action_width: E.
        merged_actions: J, neighbours that become one row.
        has_inner: Neighbours see each other before they are merged.
        num_recent: Newest merged rows that ask; the others only answer.
        num_layers: The cross-causal layer and the self-causal ones.
        sample_width: Width of what the heads read.
    """

    sequence_length: int = HISTORY_LENGTH
    action_width: int
    merged_actions: int = 4
    has_inner: bool = True
    num_recent: int = 5
    num_layers: int
    sample_width: int

    def __post_init__(self) -> None:
        check_at_least(
            1,
            sequence_length=self.sequence_length,
            action_width=self.action_width,
            merged_actions=self.merged_actions,
            num_recent=self.num_recent,
            num_layers=self.num_layers,
            sample_width=self.sample_width,
        )
        for name in ("action_width", "row_width"):
            width = getattr(self, name)
            if width % num_heads(width):
                raise ValueError(f"{name}={width} must be a multiple of {num_heads(width)}, its number of heads")

    @property
    def row_width(self) -> int:
        """W."""
        return self.merged_actions * self.action_width

    @classmethod
    def of(cls, size: Size) -> Self:
        """The configuration of a size."""
        return cls(
            embeddings=size.embeddings,
            action_width=size.width,
            num_layers=1 + size.depth,
            sample_width=8 * size.width,
        )


class LONGER(Ranker):
    """Long-sequence Optimized traNsformer for GPU-Efficient Recommenders."""

    name = "longer"
    Config = LONGERConfig

    def __init__(self, config: LONGERConfig, *, size: str, domains: tuple[str, ...], numeric: NumericNames) -> None:
        super().__init__(
            config,
            size=size,
            domains=domains,
            numeric=numeric,
            has_attention=False,
            history_length=config.sequence_length,
        )
        width = config.row_width
        self.sequence = MergedSequence(config, self.inputs.actions.width_out)
        self.request_globals = FamilyTokens(self.inputs.request_groups, width)
        self.item_globals = FamilyTokens(self.inputs.item_groups, width)
        self.cls_1W = nn.Parameter(torch.empty(1, width))
        nn.init.normal_(self.cls_1W, std=INITIAL_STD)
        self.layers = nn.ModuleList(CausalLayer(width, num_heads(width)) for _ in range(config.num_layers))
        self.norm = nn.LayerNorm(width)
        self.from_request = linear((self.request_globals.num_tokens + 1) * width, 2 * config.sample_width)
        self.from_item = linear((self.item_globals.num_tokens + 1) * width, 2 * config.sample_width)
        self.out = linear(2 * config.sample_width, config.sample_width)
        self.heads = domain_heads(config.sample_width, len(domains))

    def score(self, inputs: Inputs, buckets: Buckets) -> Tensor:
        """Logits of the tasks for each item, [N, K]."""
        globals_RSW = self.request_globals(inputs.requests)
        sequence_RSW, is_known_RS = self.sequence(inputs.actions_RLC, inputs.is_action_RL)
        num_globals = globals_RSW.shape[1]
        num_rows = num_globals + self.config.num_recent
        request_RSW = torch.cat([globals_RSW, sequence_RSW], 1)
        is_known_RS = functional.pad(is_known_RS, (num_globals, 0), value=True)
        tokens_NGW = self.item_globals(inputs.items)
        item_NGW = torch.cat([self.cls_1W.expand(tokens_NGW.shape[0], 1, -1), tokens_NGW], 1)
        for layer in self.layers:
            item_NGW, request_RSW = layer(item_NGW, request_RSW, is_known_RS, num_rows, inputs.layout)
            is_known_RS = is_known_RS[:, :num_rows]
        item_NGW, request_RSW = self.norm(item_NGW), self.norm(request_RSW)
        left_RW = history_means(request_RSW[:, num_globals:], is_known_RS[:, num_globals:])
        from_request_RC = self.from_request(torch.cat([request_RSW[:, :num_globals].flatten(1), left_RW], 1))
        hidden_NC = inputs.layout.expand(from_request_RC) + self.from_item(item_NGW.flatten(1))
        return self.heads(functional.gelu(self.out(functional.gelu(hidden_NC))), buckets)


class FamilyTokens(nn.Module):
    """One token per family of feature groups, each with a two-layer MLP of its own."""

    def __init__(self, groups: Sequence[Group], width: int) -> None:
        super().__init__()
        families = dict.fromkeys(group.family for group in groups)
        self._members = [[i for i, group in enumerate(groups) if group.family == family] for family in families]
        widths = [sum(groups[i].width for i in members) for members in self._members]
        self.mlps = nn.ModuleList(mlp(columns, width, width) for columns in widths)

    @property
    def num_tokens(self) -> int:
        """Families."""
        return len(self.mlps)

    def forward(self, values: Sequence[Tensor]) -> Tensor:
        """Values of the groups, [X, C] each -> [X, families, W]."""
        parts = [torch.cat([values[i] for i in members], 1) for members in self._members]
        return torch.stack([network(part) for network, part in zip(self.mlps, parts, strict=True)], 1)


class MergedSequence(nn.Module):
    """The actions, J neighbours in one row; the width grows as the length shrinks."""

    def __init__(self, config: LONGERConfig, width_in: int) -> None:
        super().__init__()
        width = config.action_width
        self.num_merged = config.merged_actions
        self.position_LC = nn.Parameter(torch.empty(config.sequence_length, width_in))
        nn.init.normal_(self.position_LC, std=INITIAL_STD)
        self.encode = mlp(width_in, 2 * width, width)
        self.inner = TransformerBlock(width, num_heads(width)) if config.has_inner else None

    def forward(self, actions_RLC: Tensor, is_action_RL: Tensor) -> tuple[Tensor, Tensor]:
        """[R, L, C] -> rows [R, S, W] and which of them hold an action [R, S]."""
        length = self.position_LC.shape[0]
        actions_RLC, is_action_RL = actions_RLC[:, :length], is_action_RL[:, :length]
        x_RLE = self.encode(actions_RLC + self.position_LC[: actions_RLC.shape[1]])
        return merge(x_RLE, is_action_RL, self.num_merged, self.inner)


def merge(x_RLE: Tensor, is_action_RL: Tensor, num_merged: int, inner: nn.Module | None) -> tuple[Tensor, Tensor]:
    """Put J neighbours side by side, after they have seen each other; the last row is filled up with zeros.

    Returns:
        Rows [R, S, J E], and which of them hold an action [R, S].
    """
    missing = -x_RLE.shape[1] % num_merged
    x_RSJE = functional.pad(x_RLE, (0, 0, 0, missing)).unflatten(1, (-1, num_merged))
    is_action_RSJ = functional.pad(is_action_RL, (0, missing)).unflatten(1, (-1, num_merged))
    if inner is not None:
        x_RSJE = inner(x_RSJE.flatten(0, 1), see_all(is_action_RSJ.flatten(0, 1))).view(x_RSJE.shape)
    return (x_RSJE * is_action_RSJ.unsqueeze(3)).flatten(2), is_action_RSJ.any(2)


class CausalLayer(TransformerBlock):
    """Row i sees the rows j >= i: rows of items see those of their request, which never see an item."""

    def forward(  # type: ignore[override]
        self, item_NGW: Tensor, request_RSW: Tensor, is_known_RS: Tensor, num_rows: int, layout: Layout
    ) -> tuple[Tensor, Tensor]:
        """Pass all rows through.

        Args:
            item_NGW: Rows of the items, which come before those of their request.
            request_RSW: Rows of the requests.
            is_known_RS: Which of them are no padding.
            num_rows: Rows of a request that ask and go on: the first.
            layout: Which item belongs to which request.

        Returns:
            Rows of the items, and the rows of the requests that go on.
        """
        normed_NGW, normed_RSW = self.norm(item_NGW), self.norm(request_RSW)
        k_RSW, v_RSW = self.key(normed_RSW), self.value(normed_RSW)
        q_RSW = self.query(normed_RSW[:, :num_rows])
        o_RSW = attend(q_RSW, k_RSW, v_RSW, see_onwards(is_known_RS)[:, :num_rows], self.num_heads)
        o_NGW = self._attend_items(normed_NGW, k_RSW, v_RSW, is_known_RS, layout)
        return self.finish(item_NGW, o_NGW), self.finish(request_RSW[:, :num_rows], o_RSW)

    def _attend_items(
        self, normed_NGW: Tensor, k_RSW: Tensor, v_RSW: Tensor, is_known_RS: Tensor, layout: Layout
    ) -> Tensor:
        """One softmax over the rows of the item from its own on and those of its request, which are never copied."""
        q_NHGC, k_NHGC, v_NHGC = (
            split_heads(project(normed_NGW), self.num_heads) for project in (self.query, self.key, self.value)
        )
        k_RHSC, v_RHSC = split_heads(k_RSW, self.num_heads), split_heads(v_RSW, self.num_heads)
        num_rows = normed_NGW.shape[1]
        is_onwards_GG = torch.ones(num_rows, num_rows, dtype=torch.bool, device=k_RSW.device).triu()
        own_NHGG = (q_NHGC @ k_NHGC.transpose(2, 3)).masked_fill(~is_onwards_GG, -math.inf)
        shared_RHXS = _pad(q_NHGC, layout) @ k_RHSC.transpose(2, 3)
        shared_RHXS = shared_RHXS.masked_fill(~is_known_RS[:, None, None], -math.inf)
        score_RHXS = torch.cat([_pad(own_NHGG, layout), shared_RHXS], 3)
        weight_RHXS = torch.softmax(score_RHXS / math.sqrt(k_RHSC.shape[3]), dim=3)
        own_NHGC = _unpad(weight_RHXS[..., :num_rows], num_rows, layout) @ v_NHGC
        shared_NHGC = _unpad(weight_RHXS[..., num_rows:] @ v_RHSC, num_rows, layout)
        return (own_NHGC + shared_NHGC).transpose(1, 2).flatten(2)


def _pad(x_NHGC: Tensor, layout: Layout) -> Tensor:
    """Rows of items -> rows of all items of a request, [R, H, M G, C]."""
    x_RMHGC = layout.pad(x_NHGC.flatten(1)).unflatten(2, x_NHGC.shape[1:])
    return x_RMHGC.transpose(1, 2).flatten(2, 3)


def _unpad(x_RHXC: Tensor, num_rows: int, layout: Layout) -> Tensor:
    """Undo `_pad`."""
    x_RMHGC = x_RHXC.unflatten(2, (-1, num_rows)).transpose(1, 2)
    return layout.unpad(x_RMHGC.flatten(2)).unflatten(1, x_RMHGC.shape[2:])
