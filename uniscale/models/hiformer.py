"""HiFormer: attention that knows which features meet (arXiv 2311.05884).

`Batch -> Tokenizer -> [task tokens; tokens] -> heterogeneous attention x L -> composite attention x M -> task tokens
-> one head per domain`

A heterogeneous layer gives every token matrices and an FFN of its own. A composite layer, the one the paper is named
after, projects all tokens side by side to the query, key and value of every token, at full or at low rank. One learned
token per task travels along; in the last layer only these ask, for only they are read (the paper's pruning).

What the paper leaves open, and what is done here:

- Layers: heterogeneous ones first, as many as the size is deep, then one composite layer.
- Residuals around attention and FFN, an output matrix per token, FFN ratio 4, GELU, no norm: as in HHSFT, so that a
  comparison of the two is one of what differs.
- Low rank: one pair of thin matrices for all heads together; the paper has a pair per head. Full rank is the default.
- A head reads the tokens of all tasks; in the paper a task's tower reads its own.

Letters: N items, T tokens with those of the tasks, S tokens that ask, D width, K tasks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from uniscale.contracts.frames import NumericNames
from uniscale.contracts.tasks import TASK_NAMES
from uniscale.models.common.attention import CompositeAttention, HeterogeneousAttention
from uniscale.models.common.checks import check_at_least, check_heads
from uniscale.models.common.embeddings import INITIAL_STD
from uniscale.models.common.heads import domain_heads
from uniscale.models.common.inputs import Inputs
from uniscale.models.common.layers import TokenLinear, num_heads
from uniscale.models.common.routing import Buckets
from uniscale.models.common.token_ffn import TokenMlp
from uniscale.models.common.tokenizer import SemanticTokenizer
from uniscale.models.ranker import Ranker, RankerConfig
from uniscale.models.size import Size


@dataclass(frozen=True, kw_only=True, slots=True)
class HiFormerConfig(RankerConfig):
    """Everything that sets the size and the shape of HiFormer.

    Attributes:
        width: D.
        heterogeneous_layers: L; 0 leaves them out.
        composite_layers: M, at least 1.
        composite_rank: Rank of the composite projections; None is full rank.
        num_heads: Heads of both kinds of layers; divides D.
    """

    width: int
    heterogeneous_layers: int
    composite_layers: int = 1
    composite_rank: int | None = None
    num_heads: int

    def __post_init__(self) -> None:
        check_heads(self.num_heads, width=self.width)
        check_at_least(0, heterogeneous_layers=self.heterogeneous_layers)
        check_at_least(1, composite_layers=self.composite_layers, composite_rank=self.composite_rank)

    @classmethod
    def of(cls, size: Size) -> Self:
        """The configuration of a size."""
        return cls(
            embeddings=size.embeddings,
            width=size.width,
            heterogeneous_layers=size.depth,
            num_heads=num_heads(size.width),
        )


class HiFormer(Ranker):
    """Heterogeneous Interaction Transformer."""

    name = "hiformer"
    Config = HiFormerConfig

    def __init__(self, config: HiFormerConfig, *, size: str, domains: tuple[str, ...], numeric: NumericNames) -> None:
        super().__init__(config, size=size, domains=domains, numeric=numeric)
        self.tokenizer = SemanticTokenizer(self.inputs, config.width)
        self.task_K1D = nn.Parameter(INITIAL_STD * torch.randn(len(TASK_NAMES), 1, config.width))
        num_tokens = len(TASK_NAMES) + self.tokenizer.num_tokens
        self.heterogeneous = nn.ModuleList(
            HeterogeneousAttention(num_tokens, config.width, config.num_heads)
            for _ in range(config.heterogeneous_layers)
        )
        asking = [num_tokens] * (config.composite_layers - 1) + [len(TASK_NAMES)]
        self.composite = nn.ModuleList(CompositeLayer(config, num_tokens, num_asking) for num_asking in asking)
        self.heads = domain_heads(len(TASK_NAMES) * config.width, len(domains))

    def score(self, inputs: Inputs, buckets: Buckets) -> Tensor:
        """Logits of the tasks for each item, [N, K]."""
        x_TND = self.tokenizer(inputs).values()
        x_TND = torch.cat([self.task_K1D.expand(-1, x_TND.shape[1], -1), x_TND])
        for layer in self.heterogeneous:
            x_TND = layer(x_TND)
        for layer in self.composite:
            x_TND = layer(x_TND)
        return self.heads(x_TND.transpose(0, 1).flatten(1), buckets)


class CompositeLayer(nn.Module):
    """Composite attention, then an FFN of its own for every token that asked; the first tokens ask.

    Args:
        config: Width, heads and rank.
        num_tokens: T.
        num_asking: S.
    """

    def __init__(self, config: HiFormerConfig, num_tokens: int, num_asking: int) -> None:
        super().__init__()
        width = config.width
        self.num_asking = num_asking
        self.attention = CompositeAttention(
            num_tokens, width, width, num_heads=config.num_heads, rank=config.composite_rank, num_asking=num_asking
        )
        self.out = TokenLinear(num_asking, width, width)
        self.ffn = TokenMlp(num_asking, width, 4 * width, width)

    def forward(self, x_TND: Tensor) -> Tensor:
        """[T, N, D] -> [S, N, D]."""
        x_SND = x_TND[: self.num_asking] + self.out(self.attention(x_TND).transpose(0, 1))
        return x_SND + self.ffn(x_SND)
