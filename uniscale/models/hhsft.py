"""HHSFT, the ranking transformer of UniScale (arXiv 2603.24226).

`Batch -> Tokenizer -> HFA x L -> GFA -> DREF -> DAPGA -> one head per domain`

What the paper leaves open, and what is done here:

- Tokens: 14 (U 2, Q 2, D 1, I 4, S 4, X 1). S tokens are target attention over groups of the user's actions. X holds
  the dot products that every ranker of this package gets as input.
- HFA: residuals, an output projection of its own per token, FFN ratio 4, GELU. No norm, as in the paper's figure: a
  norm would lift the token of a hardly seen identifier, small because untrained, to the strength of the others.
- GFA: full-rank composite projection, low rank on request; a residual where its width is that of HFA; z comes from a
  two-layer FFN and is 4 D wide.
- DREF: experts are two-layer MLPs of width Z. The gate is a network of its own per domain; its last layer starts at
  zero, so both experts start with weight one half.
- DAPGA: W_Q, W_K, W_V are shared by all domains. The stop-gradient sits before W_K and W_V, as the figure draws it: an
  item of one domain trains the projections on all views, but never another domain's expert. The gate reads the U and D
  tokens, once per request.
- Residuals around DREF and DAPGA, so that heads read z from the first step on. The figure draws none
  (`has_residuals=False`); without them HHSFT learns slower, as the ablation on its page shows.
- Each domain has a head with a logit per task; the loss is the sum of their weighted cross-entropies.

Letters: R requests, N items, T tokens, D width of HFA, G width of GFA, H heads, Z width of z, J domains, K tasks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from uniscale.contracts.frames import NumericNames
from uniscale.models.common.attention import CompositeAttention, HeterogeneousAttention
from uniscale.models.common.checks import check_at_least, check_heads
from uniscale.models.common.heads import domain_heads
from uniscale.models.common.inputs import Inputs
from uniscale.models.common.layers import mlp, num_heads, projection, zero_last_layer
from uniscale.models.common.routing import Buckets, DomainNetworks
from uniscale.models.common.tokenizer import SemanticTokenizer, Tokens
from uniscale.models.ranker import Ranker, RankerConfig
from uniscale.models.size import Size


@dataclass(frozen=True, kw_only=True, slots=True)
class HHSFTConfig(RankerConfig):
    """Everything that sets the size and the shape of HHSFT.

    Attributes:
        hfa_width: D.
        hfa_layers: Layers of HFA.
        gfa_width: G.
        gfa_rank: Rank of the composite projections; None is full rank.
        num_heads: Heads of HFA, GFA and DAPGA; divides D, G and Z.
        sample_width: Z.
        has_dref: Route to experts by domain; without it, e = z.
        has_dapga: Attend over the views of all domains; without it, heads read e.
        has_residuals: z passes around DREF, and e around DAPGA.
    """

    hfa_width: int
    hfa_layers: int
    gfa_width: int
    gfa_rank: int | None = None
    num_heads: int
    sample_width: int
    has_dref: bool = True
    has_dapga: bool = True
    has_residuals: bool = True

    def __post_init__(self) -> None:
        check_heads(self.num_heads, hfa_width=self.hfa_width, gfa_width=self.gfa_width, sample_width=self.sample_width)
        check_at_least(0, hfa_layers=self.hfa_layers)
        check_at_least(1, gfa_rank=self.gfa_rank)

    @classmethod
    def of(cls, size: Size) -> Self:
        """The configuration of a size."""
        return cls(
            embeddings=size.embeddings,
            hfa_width=size.width,
            hfa_layers=size.depth,
            gfa_width=size.width,
            num_heads=num_heads(size.width),
            sample_width=4 * size.width,
        )


class HHSFT(Ranker):
    """Heterogeneous Hierarchical Sample Fusion Transformer."""

    name = "hhsft"
    Config = HHSFTConfig

    def __init__(self, config: HHSFTConfig, *, size: str, domains: tuple[str, ...], numeric: NumericNames) -> None:
        super().__init__(config, size=size, domains=domains, numeric=numeric)
        self.tokenizer = SemanticTokenizer(self.inputs, config.hfa_width)
        num_tokens = self.tokenizer.num_tokens
        self.hfa = nn.ModuleList(
            HeterogeneousAttention(num_tokens, config.hfa_width, config.num_heads) for _ in range(config.hfa_layers)
        )
        self.gfa = GFA(config, num_tokens)
        self.dref = DREF(config, len(domains)) if config.has_dref else None
        self.dapga = DAPGA(config, len(domains), self._gate_width()) if config.has_dapga else None
        self.heads = domain_heads(config.sample_width, len(domains))

    def score(self, inputs: Inputs, buckets: Buckets) -> Tensor:
        """Logits of the tasks for each item, [N, K]."""
        tokens = self.tokenizer(inputs)
        x_TND = tokens.values()
        for layer in self.hfa:
            x_TND = layer(x_TND)
        z_NZ = self.gfa(x_TND)
        e_NZ = self._with_residual(z_NZ, self.dref(z_NZ, buckets)) if self.dref else z_NZ
        out_NZ = self._with_residual(e_NZ, self.dapga(e_NZ, tokens, buckets)) if self.dapga else e_NZ
        return self.heads(out_NZ, buckets)

    def _with_residual(self, x_NZ: Tensor, answer_NZ: Tensor) -> Tensor:
        return x_NZ + answer_NZ if self.config.has_residuals else answer_NZ

    def _gate_width(self) -> int:
        num_tokens = sum(family in GATE_FAMILIES for family in self.tokenizer.request_families)
        return num_tokens * int(self.config.hfa_width)


@dataclass(frozen=True, kw_only=True, slots=True)
class HHFIConfig(HHSFTConfig):
    """HHSFT without the fusion of domains."""

    has_dref: bool = False
    has_dapga: bool = False


class HHFI(HHSFT):
    """HFA and GFA, then a head per domain: the zero line of the paper's ablation."""

    name = "hhfi"
    Config = HHFIConfig


class GFA(nn.Module):
    """Global Feature Attention: each token's query, key and value are projected from all tokens together."""

    def __init__(self, config: HHSFTConfig, num_tokens: int) -> None:
        super().__init__()
        width_in, width_out = config.hfa_width, config.gfa_width
        self.has_residual = width_out == width_in
        self.attention = CompositeAttention(
            num_tokens, width_in, width_out, num_heads=config.num_heads, rank=config.gfa_rank
        )
        self.ffn = mlp(num_tokens * width_out, 2 * config.sample_width, config.sample_width)

    def forward(self, x_TND: Tensor) -> Tensor:
        """[T, N, D] -> z, [N, Z]."""
        o_NTG = self.attention(x_TND)
        if self.has_residual:
            o_NTG = o_NTG + x_TND.transpose(0, 1)
        return self.ffn(o_NTG.flatten(1))


class DREF(nn.Module):
    """Domain-Routed Expert Fusion: a shared expert and the domain's own, mixed by a gate of the domain."""

    def __init__(self, config: HHSFTConfig, num_domains: int) -> None:
        super().__init__()
        width = config.sample_width
        self.shared = mlp(width, width, width)
        self.own = DomainNetworks(lambda: mlp(width, width, width), num_domains)
        self.gate = DomainNetworks(lambda: zero_last_layer(mlp(width, width // 2, 2)), num_domains)

    def forward(self, z_NZ: Tensor, buckets: Buckets) -> Tensor:
        """Turn z into e, [N, Z]."""
        weight_N2 = torch.softmax(self.gate(z_NZ, buckets), dim=1)
        return weight_N2[:, :1] * self.shared(z_NZ) + weight_N2[:, 1:] * self.own(z_NZ, buckets)


GATE_FAMILIES = ("U", "D")


class DAPGA(nn.Module):
    """Domain-Aware Personalised Gated Attention: what the item looks like to every domain, asked by its own.

    Another domain's view counts as a fact: no gradient passes through it, neither to that domain's expert nor to e.
    """

    def __init__(self, config: HHSFTConfig, num_domains: int, gate_width: int) -> None:
        super().__init__()
        width = config.sample_width
        self.num_heads = config.num_heads
        self.views = DomainNetworks(lambda: mlp(width, width, width), num_domains, is_read_by_all=True)
        self.query, self.key, self.value = (projection(width, width) for _ in range(3))
        self.gate = zero_last_layer(mlp(gate_width, width, width))

    def forward(self, e_NZ: Tensor, tokens: Tokens, buckets: Buckets) -> Tensor:
        """Turn e into out, [N, Z]."""
        own_NZ, views_NJZ = self._views(e_NZ, buckets)
        u_NZ = self._attend(self.query(own_NZ), self.key(views_NJZ), self.value(views_NJZ))
        gate_RZ = torch.sigmoid(self.gate(tokens.of_request(GATE_FAMILIES)))
        return tokens.layout.expand(gate_RZ) * u_NZ

    def _views(self, e_NZ: Tensor, buckets: Buckets) -> tuple[Tensor, Tensor]:
        """The own view [N, Z], and the views of all domains [N, J, Z] of which only the own one has a gradient."""
        own_NZ = self.views(e_NZ, buckets)
        with torch.no_grad():
            facts_NJZ = torch.stack([view(e_NZ) for view in self.views.networks], dim=1)
        domain_J = torch.arange(len(self.views.networks), device=e_NZ.device)
        is_own_NJ = buckets.domain_N.unsqueeze(1) == domain_J
        return own_NZ, torch.where(is_own_NJ.unsqueeze(2), own_NZ.unsqueeze(1), facts_NJZ)

    def _attend(self, q_NZ: Tensor, k_NJZ: Tensor, v_NJZ: Tensor) -> Tensor:
        # One query and a handful of keys: sums of products beat a batch of N tiny matrix products.
        q_N1HC, k_NJHC, v_NJHC = (x.unflatten(-1, (self.num_heads, -1)) for x in (q_NZ.unsqueeze(1), k_NJZ, v_NJZ))
        score_NJH = (q_N1HC * k_NJHC).sum(3) / math.sqrt(k_NJHC.shape[3])
        return (torch.softmax(score_NJH, dim=1).unsqueeze(3) * v_NJHC).sum(1).flatten(1)
