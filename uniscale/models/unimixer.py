"""UniMixer: token mixing as a learned, almost doubly stochastic matrix, and its light form (arXiv 2604.00590).

`Batch -> even tokens -> (learned mixing, per-token SwiGLU) x L between two streams -> mean over tokens -> heads`

The mixing of RankMixer is a permutation of the T D numbers of an item. Here these are G blocks of B, and the matrix is
a Kronecker product: a local [B, B] per block, a global [G, G] between blocks. Both are symmetric logits over a
temperature, made doubly stochastic. The temperature falls while training goes on: mixing starts soft and ends sharp.

What the paper leaves open, and what is done here:

- B = D / T, so G = T^2: these blocks are the parts that RankMixer moves. Its permutation is where mixing starts: the
  logits are ln G there, plus unit noise. Small random logits, as in public code, start as plain averaging instead.
- Sinkhorn: 20 iterations on logarithms in fp32, rows last. The gradient passes all of them.
- Temperature: from 1 to 0.05 (the paper's) in a straight line, by share of the training, done at 80 %.
- SwiGLU is 2 D wide, has the token's width in and out, and no residual of its own: the streams are around the block.
- Light form: symmetric too; the coefficients of the bases are free. Rows of A and columns of B start as equal codes
  for blocks that RankMixer swaps, which puts its permutation into a product of low rank.
- Mean over tokens before the heads, as in RankMixer.

Letters: N items, T tokens, D width, G blocks of B numbers (G B = T D), R rank, Z bases.
"""

from __future__ import annotations

import math
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn

from uniscale.contracts.frames import NumericNames
from uniscale.models.common.checks import check_at_least
from uniscale.models.common.doubly_stochastic import effective_rank, row_entropy, sinkhorn, symmetric
from uniscale.models.common.heads import domain_heads
from uniscale.models.common.inputs import Inputs
from uniscale.models.common.norm import RMSNorm
from uniscale.models.common.routing import Buckets
from uniscale.models.common.token_ffn import TokenSwiGlu
from uniscale.models.common.tokenizer import EvenTokenizer
from uniscale.models.ranker import Ranker, RankerConfig
from uniscale.models.size import Size

SHARP_AT = 0.8
"""Share of the training after which the temperature stays where it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UniMixerConfig(RankerConfig):
    """Everything that sets the size and the shape of UniMixer.

    Attributes:
        token_width: D.
        num_tokens: T, at least 2.
        num_layers: Blocks of mixing and SwiGLU.
        block_width: B, divides T D.
        expansion: Width of the SwiGLU in units of D.
        first_temperature: At the start of the training.
        last_temperature: From `SHARP_AT` on.
        num_iterations: Of Sinkhorn.
        has_sublayer_streams: The two streams meet after mixing and after SwiGLU; without it, after both, as in the
            paper.
        num_bases: Z, local matrices that all blocks share; 0 is a matrix per block.
        rank: R of the global logits; 0 is full rank.
    """

    token_width: int
    num_tokens: int = 16
    num_layers: int
    block_width: int
    expansion: int = 2
    first_temperature: float = 1.0
    last_temperature: float = 0.05
    num_iterations: int = 20
    has_sublayer_streams: bool = False
    num_bases: int = 0
    rank: int = 0

    def __post_init__(self) -> None:
        check_at_least(1, num_layers=self.num_layers, expansion=self.expansion, num_iterations=self.num_iterations)
        numbers = self.num_tokens * self.token_width
        if self.block_width < 1 or numbers % self.block_width:
            fitting = ", ".join(str(width) for width in range(1, numbers + 1) if numbers % width == 0)
            raise ValueError(
                f"block_width={self.block_width} does not divide the {numbers} numbers of an item; "
                f"widths that do: {fitting}."
            )
        if not 0 < self.last_temperature <= self.first_temperature:
            raise ValueError(
                f"last_temperature={self.last_temperature} must be above 0 and at most "
                f"first_temperature={self.first_temperature}, for example 0.05."
            )
        if self.num_bases < 0 or self.rank < 0 or (self.num_bases == 0) != (self.rank == 0):
            raise ValueError(
                f"num_bases={self.num_bases} and rank={self.rank} go together: both 0 for full matrices, "
                "both at least 1 for the light form, for example 4 and 16."
            )

    @property
    def num_blocks(self) -> int:
        """G."""
        return self.num_tokens * self.token_width // self.block_width

    @classmethod
    def of(cls, size: Size) -> Self:
        """The configuration of a size; tokens and layers are those of RankMixer."""
        width = 2 * size.width
        return cls(
            embeddings=size.embeddings,
            token_width=width,
            num_layers=max(2, size.depth),
            block_width=width // 16,
        )


class UniMixer(Ranker):
    """Blocks of learned mixing and per-token SwiGLU, between two streams."""

    name = "unimixer"
    Config = UniMixerConfig

    def __init__(self, config: UniMixerConfig, *, size: str, domains: tuple[str, ...], numeric: NumericNames) -> None:
        super().__init__(config, size=size, domains=domains, numeric=numeric)
        self.tokenizer = EvenTokenizer(self.inputs, config.token_width, config.num_tokens)
        self.streams = SiameseStreams(_layers(config), config.token_width)
        self.heads = domain_heads(config.token_width, len(domains))

    def score(self, inputs: Inputs, buckets: Buckets) -> Tensor:
        """Logits of the tasks for each item, [N, K]."""
        x_TND = self.streams(self.tokenizer(inputs).values())
        return self.heads(x_TND.mean(0), buckets)

    def compile_score(self) -> None:
        """Compile all but the making of matrices: forty steps on small ones compile for minutes and save nothing."""
        for mixing in self._parts(UniMixing):
            mixing.matrices = torch.compiler.disable(mixing.matrices)  # type: ignore[method-assign]
        super().compile_score()


@dataclass(frozen=True, kw_only=True, slots=True)
class UniMixingLiteConfig(UniMixerConfig):
    """UniMixer with few bases and low rank."""

    num_bases: int = 4
    rank: int = 16


class UniMixingLite(UniMixer):
    """UniMixer whose local matrices are sums of shared bases and whose global logits have low rank."""

    name = "unimixer_lite"
    Config = UniMixingLiteConfig


def _layers(config: UniMixerConfig) -> list[nn.Module]:
    layers: list[nn.Module] = []
    width = config.token_width
    for _ in range(config.num_layers):
        mixing = UniMixing(config)
        ffn = TokenSwiGlu(config.num_tokens, width, config.expansion * width, width)
        layers += [mixing, ffn] if config.has_sublayer_streams else [UniMixerBlock(mixing, ffn, width)]
    return layers


class SiameseStreams(nn.Module):
    """Layers between a stream that is normed after each (X) and one that only adds up (Y) (arXiv 2602.08064).

    Args:
        layers: [T, N, D] -> [T, N, D] each.
        width: D.
    """

    def __init__(self, layers: list[nn.Module], width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.norms_x = nn.ModuleList(RMSNorm(width) for _ in layers)
        self.norms_y = nn.ModuleList(RMSNorm(width) for _ in layers)
        self.norm_out = RMSNorm(width)

    def forward(self, x_TND: Tensor) -> Tensor:
        """[T, N, D] -> [T, N, D]."""
        y_TND = x_TND
        for layer, norm_x, norm_y in zip(self.layers, self.norms_x, self.norms_y, strict=True):
            o_TND = layer(x_TND + norm_y(y_TND))
            x_TND = norm_x(x_TND + o_TND)
            y_TND = y_TND + o_TND
        out: Tensor = x_TND + self.norm_out(y_TND)
        return out


class UniMixerBlock(nn.Module):
    """``SwiGLU(RMSNorm(X + mixing(X)))``."""

    def __init__(self, mixing: nn.Module, ffn: nn.Module, width: int) -> None:
        super().__init__()
        self.mixing = mixing
        self.norm = RMSNorm(width)
        self.ffn = ffn

    def forward(self, x_TND: Tensor) -> Tensor:
        """[T, N, D] -> [T, N, D]."""
        out: Tensor = self.ffn(self.norm(x_TND + self.mixing(x_TND)))
        return out


class UniMixing(nn.Module):
    """Learned mixing. Its matrices do not depend on the items: made once per forward pass, kept while scoring."""

    def __init__(self, config: UniMixerConfig) -> None:
        super().__init__()
        self.first, self.last = config.first_temperature, config.last_temperature
        self.num_iterations = config.num_iterations
        self.logits: nn.Module = LowRankLogits(config) if config.rank else FullLogits(config)
        self.register_buffer("temperature", torch.tensor(config.first_temperature))
        self.is_pruned = False
        self._kept: tuple[object, Tensor, Tensor] | None = None

    def forward(self, x_TND: Tensor) -> Tensor:
        """[T, N, D] -> [T, N, D]."""
        return mix_blocks(x_TND, *self.matrices())

    def set_progress(self, progress: float) -> None:
        """Lower the temperature."""
        share = min(1.0, progress / SHARP_AT)
        self.temperature.fill_(self.first + (self.last - self.first) * share)

    def diagnose(self) -> dict[str, float]:
        """Temperature, and how far the matrices are from averaging (rank 1) and from a permutation (entropy 0)."""
        with torch.no_grad():
            global_GG, local_GBB = self.matrices()
        return {
            "temperature": float(self.temperature),
            "global_effective_rank": float(effective_rank(global_GG)),
            "global_row_entropy": float(row_entropy(global_GG)),
            "local_effective_rank": float(effective_rank(local_GBB).mean()),
            "local_row_entropy": float(row_entropy(local_GBB).mean()),
        }

    def prune(self, domain: int) -> None:  # noqa: ARG002 - the matrices serve every domain
        """Put the matrices of the present temperature in place of what they are made of."""
        with torch.no_grad():
            self.fixed_GG, self.fixed_GBB = (nn.Buffer(matrix) for matrix in self._make())
        self.logits = nn.Identity()
        self.is_pruned = True

    def matrices(self) -> tuple[Tensor, Tensor]:
        """The doubly stochastic matrices: global [G, G] and local [G, B, B]."""
        if self.is_pruned:
            return self.fixed_GG, self.fixed_GBB
        if torch.is_grad_enabled() or torch.compiler.is_compiling():
            return self._make()
        # Whatever writes to a tensor, an optimiser, a loader or the schedule, counts its version up.
        version = tuple((x.data_ptr(), x._version) for x in (*self.parameters(), self.temperature))
        if self._kept is None or self._kept[0] != version:
            self._kept = (version, *self._make())
        return self._kept[1:]

    def train(self, mode: bool = True) -> Self:
        """Forget kept matrices: parameters spread over workers change without counting."""
        self._kept = None
        super().train(mode)
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kept": None}

    def _make(self) -> tuple[Tensor, Tensor]:
        device = self.temperature.device.type
        # Autocast does not know the meta device, where nothing is computed.
        with nullcontext() if device == "meta" else torch.autocast(device, enabled=False):
            global_GG, local_GBB = (
                sinkhorn(symmetric(logits) / self.temperature, num_iterations=self.num_iterations)
                for logits in self.logits()
            )
        return global_GG, local_GBB


def mix_blocks(x_TND: Tensor, global_GG: Tensor, local_GBB: Tensor) -> Tensor:
    """The Kronecker product on an item's numbers: block i of the output is ``sum_j global[i, j] x_j local[j]``.

    Args:
        x_TND: Tokens; side by side they are the numbers x of an item, block after block.
        global_GG: Between blocks.
        local_GBB: Within blocks.

    Returns:
        [T, N, D].
    """
    num_blocks, num_items, block_width = len(local_GBB), x_TND.shape[1], local_GBB.shape[1]
    # Blocks that reach over tokens are those of one wide token.
    is_within = x_TND.shape[2] % block_width == 0
    wide_TND = x_TND if is_within else x_TND.transpose(0, 1).flatten(1).unsqueeze(0)
    x_TPNB = wide_TND.unflatten(2, (-1, block_width)).transpose(1, 2)
    h_GNB = torch.bmm(x_TPNB.reshape(num_blocks, num_items, block_width), local_GBB)
    y_TPNB = torch.mm(global_GG, h_GNB.flatten(1)).view(x_TPNB.shape)
    y_TND = y_TPNB.transpose(1, 2).flatten(2)
    return y_TND if is_within else y_TND[0].unflatten(1, (len(x_TND), -1)).transpose(0, 1)


class FullLogits(nn.Module):
    """Global and local logits, each a number of its own."""

    def __init__(self, config: UniMixerConfig) -> None:
        super().__init__()
        num_blocks, width = config.num_blocks, config.block_width
        swap = swapped_blocks(num_blocks, config.num_tokens)
        prior_GG = torch.zeros(num_blocks, num_blocks) if swap is None else torch.eye(num_blocks)[swap]
        self.global_GG = nn.Parameter(math.log(num_blocks) * prior_GG + torch.randn(num_blocks, num_blocks))
        self.local_GBB = nn.Parameter(math.log(width) * torch.eye(width) + torch.randn(num_blocks, width, width))

    def forward(self) -> tuple[Tensor, Tensor]:
        """Logits, [G, G] and [G, B, B]."""
        return self.global_GG, self.local_GBB


class LowRankLogits(nn.Module):
    """Global logits of rank R; local logits as sums of Z bases that all blocks share."""

    def __init__(self, config: UniMixerConfig) -> None:
        super().__init__()
        num_blocks, width = config.num_blocks, config.block_width
        # With this scale the entries of the product have a standard deviation of one.
        left_GR, right_GR = (config.rank**-0.25 * torch.randn(num_blocks, config.rank) for _ in range(2))
        swap = swapped_blocks(num_blocks, config.num_tokens)
        self.left_GR = nn.Parameter(left_GR)
        self.right_RG = nn.Parameter((right_GR if swap is None else left_GR[swap]).T.clone())
        basis_ZBB = torch.randn(config.num_bases, width, width)
        basis_ZBB[0] += math.log(width) * torch.eye(width)
        share_GZ = config.num_bases**-0.5 * torch.randn(num_blocks, config.num_bases)
        share_GZ[:, 0] = 1
        self.basis_ZBB = nn.Parameter(basis_ZBB)
        self.share_GZ = nn.Parameter(share_GZ)

    def forward(self) -> tuple[Tensor, Tensor]:
        """Logits, [G, G] and [G, B, B]."""
        local_GBB = torch.tensordot(self.share_GZ, self.basis_ZBB, dims=1)
        return torch.mm(self.left_GR, self.right_RG), local_GBB


def swapped_blocks(num_blocks: int, num_tokens: int) -> Tensor | None:
    """Where RankMixer's mixing takes each block from, [G]; None if blocks are not the parts that it moves."""
    if num_blocks != num_tokens**2:
        return None
    return torch.arange(num_blocks).view(num_tokens, num_tokens).T.flatten()
