"""Wukong: stacked factorization machines (arXiv 2403.02545).

`Batch -> Tokenizer -> LN([FMB(X); LCB(X)] + X) x L -> MLP -> one head per domain`

A layer turns n embeddings into n_F + n_L: a factorization machine block takes the dot products of all embeddings and
maps them to n_F new ones, a linear compression block mixes the embeddings to n_L. Layer l holds products of up to 2^l
embeddings. The factorization machine is `X X^T`, or `X (X^T Y)` with k columns instead of n.

What the paper leaves open, and what is done here:

- Embeddings: one per feature group, made by the group's MLP, as the paper does with small features; important groups
  own several, see `IMPORTANT_GROUPS`.
- Attentive Y, of which the paper gives the idea only: embeddings are compressed to a few, and an MLP as wide as that of
  the block makes Y of them. Off by default, as the paper's scaling runs do not name it.
- Sizes differ in d, in the MLP and in layers; n_F = n_L = k = 16 in all.

Letters: N items, T embeddings of a layer (n in the paper), D their width (d), S embeddings made of them, k rank.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from uniscale.contracts.frames import NumericNames
from uniscale.models.common.checks import check_at_least
from uniscale.models.common.heads import domain_heads
from uniscale.models.common.inputs import Inputs
from uniscale.models.common.layers import linear, mlp
from uniscale.models.common.routing import Buckets
from uniscale.models.common.tokenizer import SemanticTokenizer
from uniscale.models.ranker import Ranker, RankerConfig
from uniscale.models.size import Size

IMPORTANT_GROUPS = ("user_profile", "query_text", "item_identity", "cross")
"""Who asks for what, what is offered, and how the two meet: these groups own several embeddings."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WukongConfig(RankerConfig):
    """Everything that sets the size and the shape of Wukong.

    Attributes:
        width: d, of all embeddings.
        important_embeddings: Embeddings that each of IMPORTANT_GROUPS owns.
        fm_embeddings: n_F of every layer; a falling row makes a pyramid.
        lc_embeddings: n_L of every layer, as many numbers.
        fm_rank: k; None is the full `X X^T`.
        attentive_embeddings: To how many embeddings a layer's input is compressed for Y; None is a learned Y.
        mlp_width: Width of the MLP's hidden layers in every factorization machine block.
        mlp_layers: How many they are.
        sample_width: Width of what the heads read.
    """

    width: int
    important_embeddings: int = 2
    fm_embeddings: tuple[int, ...]
    lc_embeddings: tuple[int, ...]
    fm_rank: int | None
    attentive_embeddings: int | None = None
    mlp_width: int
    mlp_layers: int = 1
    sample_width: int

    def __post_init__(self) -> None:
        for name in ("fm_embeddings", "lc_embeddings"):  # JSON knows lists only
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not self.fm_embeddings or len(self.fm_embeddings) != len(self.lc_embeddings):
            raise ValueError(
                f"fm_embeddings={self.fm_embeddings} and lc_embeddings={self.lc_embeddings} must hold one number per "
                "layer each, and at least one"
            )
        for num_fm, num_lc in zip(self.fm_embeddings, self.lc_embeddings, strict=True):
            check_at_least(1, fm_embeddings=num_fm, lc_embeddings=num_lc)
        check_at_least(1, width=self.width, important_embeddings=self.important_embeddings, fm_rank=self.fm_rank)
        check_at_least(1, mlp_width=self.mlp_width, mlp_layers=self.mlp_layers, sample_width=self.sample_width)
        check_at_least(1, attentive_embeddings=self.attentive_embeddings)
        if self.attentive_embeddings is not None and self.fm_rank is None:
            raise ValueError(f"attentive_embeddings={self.attentive_embeddings} needs a Y: set fm_rank")

    @classmethod
    def of(cls, size: Size) -> Self:
        """The configuration of a size."""
        num_layers = size.depth + 1
        return cls(
            embeddings=size.embeddings,
            width=size.width,
            fm_embeddings=(16,) * num_layers,
            lc_embeddings=(16,) * num_layers,
            fm_rank=16,
            mlp_width=16 * size.width,
            sample_width=4 * size.width,
        )


class Wukong(Ranker):
    """Stacked factorization machines."""

    name = "wukong"
    Config = WukongConfig

    def __init__(self, config: WukongConfig, *, size: str, domains: tuple[str, ...], numeric: NumericNames) -> None:
        super().__init__(config, size=size, domains=domains, numeric=numeric)
        self.tokenizer = SemanticTokenizer(
            self.inputs, config.width, several=dict.fromkeys(IMPORTANT_GROUPS, config.important_embeddings)
        )
        num_embeddings = self.tokenizer.num_tokens
        self.layers = nn.ModuleList()
        for num_fm, num_lc in zip(config.fm_embeddings, config.lc_embeddings, strict=True):
            self.layers.append(WukongLayer(config, num_embeddings, num_fm=num_fm, num_lc=num_lc))
            num_embeddings = num_fm + num_lc
        self.out = mlp(num_embeddings * config.width, 2 * config.sample_width, config.sample_width)
        self.heads = domain_heads(config.sample_width, len(domains))

    def score(self, inputs: Inputs, buckets: Buckets) -> Tensor:
        """Logits of the tasks for each item, [N, K]."""
        x_TND = self.tokenizer(inputs).values()
        for layer in self.layers:
            x_TND = layer(x_TND)
        return self.heads(self.out(x_TND.transpose(0, 1).flatten(1)), buckets)


class WukongLayer(nn.Module):
    """`LN([FMB(X); LCB(X)] + X)`; X is compressed for the sum where the numbers of embeddings differ.

    Args:
        config: Widths and rank.
        num_embeddings: T.
        num_fm: n_F.
        num_lc: n_L.
    """

    def __init__(self, config: WukongConfig, num_embeddings: int, *, num_fm: int, num_lc: int) -> None:
        super().__init__()
        num_out = num_fm + num_lc
        self.fmb = FactorizationMachineBlock(config, num_embeddings, num_fm)
        self.lcb = Compression(num_embeddings, num_lc)
        self.residual = nn.Identity() if num_out == num_embeddings else Compression(num_embeddings, num_out)
        self.norm = nn.LayerNorm(config.width)

    def forward(self, x_TND: Tensor) -> Tensor:
        """[T, N, D] -> [n_F + n_L, N, D]."""
        return self.norm(torch.cat([self.fmb(x_TND), self.lcb(x_TND)]) + self.residual(x_TND))


class Compression(nn.Module):
    """Embeddings as weighted sums of embeddings, the same for every item: one matrix product.

    Args:
        num_in: T.
        num_out: S.
    """

    def __init__(self, num_in: int, num_out: int) -> None:
        super().__init__()
        self.weight_ST = nn.Parameter(torch.empty(num_out, num_in))
        nn.init.xavier_uniform_(self.weight_ST)

    def forward(self, x_TND: Tensor) -> Tensor:
        """[T, N, D] -> [S, N, D]."""
        num_out = self.weight_ST.shape[0]
        return (self.weight_ST @ x_TND.flatten(1)).view(num_out, *x_TND.shape[1:])


class FactorizationMachineBlock(nn.Module):
    """Dot products of embeddings, normed, through an MLP to new embeddings.

    Args:
        config: Widths and rank.
        num_embeddings: T.
        num_out: n_F.
    """

    def __init__(self, config: WukongConfig, num_embeddings: int, num_out: int) -> None:
        super().__init__()
        self.num_out = num_out
        self.products = _products(config, num_embeddings)
        num_products = num_embeddings * (config.fm_rank or num_embeddings)
        self.norm = nn.LayerNorm(num_products)
        self.mlp = nn.Sequential(linear(num_products, config.mlp_width), nn.ReLU())
        for _ in range(config.mlp_layers - 1):
            self.mlp.extend([linear(config.mlp_width, config.mlp_width), nn.ReLU()])
        self.mlp.append(linear(config.mlp_width, num_out * config.width))

    def forward(self, x_TND: Tensor) -> Tensor:
        """[T, N, D] -> [n_F, N, D]."""
        products_NP = self.products(x_TND).flatten(1)
        return self.mlp(self.norm(products_NP)).unflatten(1, (self.num_out, -1)).transpose(0, 1)


def _products(config: WukongConfig, num_embeddings: int) -> nn.Module:
    if config.fm_rank is None:
        return FactorizationMachine()
    if config.attentive_embeddings is None:
        return LowRankMachine(num_embeddings, config.fm_rank)
    return AttentiveMachine(config, num_embeddings, config.fm_rank, config.attentive_embeddings)


class FactorizationMachine(nn.Module):
    """`X X^T`: all dot products of two embeddings."""

    def forward(self, x_TND: Tensor) -> Tensor:
        """[T, N, D] -> [N, T, T]."""
        x_NTD = x_TND.transpose(0, 1)
        return torch.bmm(x_NTD, x_NTD.transpose(1, 2))


class LowRankMachine(nn.Module):
    """`X (X^T Y)`: dot products with k weighted sums of the embeddings.

    Args:
        num_embeddings: T.
        rank: k.
    """

    def __init__(self, num_embeddings: int, rank: int) -> None:
        super().__init__()
        self.sums = Compression(num_embeddings, rank)

    def forward(self, x_TND: Tensor) -> Tensor:
        """[T, N, D] -> [N, T, k]."""
        return torch.bmm(x_TND.transpose(0, 1), self.sums(x_TND).permute(1, 2, 0))


class AttentiveMachine(nn.Module):
    """`X (X^T Y)` with a Y of each item: an MLP makes it of the compressed embeddings.

    Args:
        config: Widths.
        num_embeddings: T.
        rank: k.
        num_compressed: Embeddings that the MLP reads.
    """

    def __init__(self, config: WukongConfig, num_embeddings: int, rank: int, num_compressed: int) -> None:
        super().__init__()
        self.rank = rank
        self.compress = Compression(num_embeddings, num_compressed)
        self.make = mlp(num_compressed * config.width, config.mlp_width, num_embeddings * rank)

    def forward(self, x_TND: Tensor) -> Tensor:
        """[T, N, D] -> [N, T, k]."""
        y_NTk = self.make(self.compress(x_TND).transpose(0, 1).flatten(1)).unflatten(1, (-1, self.rank))
        return torch.bmm(x_TND.transpose(0, 1), torch.bmm(x_TND.permute(1, 2, 0), y_NTk))
