"""RankMixer: tokens exchange parts, then each goes through a network of its own (arXiv 2507.15551).

`Batch -> even tokens -> (mixing, per-token FFN) x L -> mean over tokens -> one head per domain`

What the paper leaves open, and what is done here:

- Tokens: 16, as in the paper's smaller model, cut by `EvenTokenizer`: parts of the request are mapped once per request.
- FFN ratio k = 4. The paper's own sizes imply 2.8 and 3.6.
- Norms come after the residual (eq. 1); a source that calls the block pre-norm contradicts the equation.

`rankmixer_moe` cuts the FFN of each token into E experts of width k D / E and gates them (eq. 10), so dense training
costs what the FFN costs. DTSI, dense training and sparse inference, has two routers; how they share the training is
not stated. Here:

- Items take turns: every other item is routed by h_train, the others by h_infer, and the next step swaps them. So each
  router alone has to be right, every item trains the experts, and what h_infer learns is what inference computes.
  Adding both gates, as public code does, trains h_infer only as a correction of h_train, which inference lacks.
- h_infer has the gate of the paper, ReLU. That of h_train is softplus, its smooth form: never zero, so an expert that
  h_infer has closed goes on learning.
- The penalty is the mean gate of h_infer. Its coefficient is proportional to how far the share of open gates is above
  a target, so it fades as the target comes near and needs no schedule.
- Each expert's output bias is one bias per token, outside the gates.

Letters: N items, T tokens, D width, E experts per token, H width of an expert.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from uniscale.contracts.frames import NumericNames
from uniscale.models.common.checks import check_at_least
from uniscale.models.common.heads import domain_heads
from uniscale.models.common.inputs import Inputs
from uniscale.models.common.layers import TokenLinear
from uniscale.models.common.mixing import MixerBlock, check_mixing
from uniscale.models.common.routing import Buckets
from uniscale.models.common.token_ffn import TokenMlp
from uniscale.models.common.tokenizer import EvenTokenizer
from uniscale.models.ranker import Ranker, RankerConfig
from uniscale.models.size import Size

PENALTY_PER_EXCESS = 0.5
SHARE_MOMENTUM = 0.05

DEAD_SHARE = 1e-3
"""An expert that a smaller share of the items opens counts as dead."""

SKIP_BELOW = 0.5
"""Share of open gates below which closed experts are skipped in scoring."""

SKIP_FROM = 2**22
"""Multiplications of an expert with all items of a batch from which that is faster."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RankMixerConfig(RankerConfig):
    """Everything that sets the size and the shape of RankMixer.

    Attributes:
        token_width: D.
        num_tokens: T, divides D; at least 2.
        num_layers: Blocks.
        expansion: k, width of the FFN in units of D.
        num_experts: E per token, divides k D; 0 is the dense FFN.
        target_share: Share of the experts that an item is to use at inference, in (0, 1].
    """

    token_width: int
    num_tokens: int = 16
    num_layers: int
    expansion: int = 4
    num_experts: int = 0
    target_share: float = 0.25

    def __post_init__(self) -> None:
        check_mixing(self.num_tokens, self.token_width)
        check_at_least(1, num_layers=self.num_layers, expansion=self.expansion)
        hidden = self.expansion * self.token_width
        if self.num_experts < 0 or (self.num_experts and hidden % self.num_experts):
            fitting = ", ".join(str(count) for count in range(1, hidden + 1) if hidden % count == 0)
            raise ValueError(
                f"num_experts={self.num_experts} does not divide the FFN's width {hidden}; 0 is dense, "
                f"and these divide it: {fitting}."
            )
        if not 0 < self.target_share <= 1:
            raise ValueError(f"target_share={self.target_share} must be above 0 and at most 1, for example 0.25.")

    @classmethod
    def of(cls, size: Size) -> Self:
        """The configuration of a size; two blocks at least, as in the paper."""
        return cls(embeddings=size.embeddings, token_width=2 * size.width, num_layers=max(2, size.depth))


class RankMixer(Ranker):
    """Blocks of token mixing and per-token networks."""

    name = "rankmixer"
    Config = RankMixerConfig

    def __init__(self, config: RankMixerConfig, *, size: str, domains: tuple[str, ...], numeric: NumericNames) -> None:
        super().__init__(config, size=size, domains=domains, numeric=numeric)
        self.tokenizer = EvenTokenizer(self.inputs, config.token_width, config.num_tokens)
        self.blocks = nn.Sequential(*(_block(config) for _ in range(config.num_layers)))
        self.heads = domain_heads(config.token_width, len(domains))

    def score(self, inputs: Inputs, buckets: Buckets) -> Tensor:
        """Logits of the tasks for each item, [N, K]."""
        x_TND = self.blocks(self.tokenizer(inputs).values())
        return self.heads(x_TND.mean(0), buckets)


@dataclass(frozen=True, kw_only=True, slots=True)
class RankMixerMoEConfig(RankMixerConfig):
    """RankMixer with experts."""

    num_experts: int = 8


class RankMixerMoE(RankMixer):
    """RankMixer whose tokens choose among experts: trained densely, sparse at inference."""

    name = "rankmixer_moe"
    Config = RankMixerMoEConfig


def _block(config: RankMixerConfig) -> MixerBlock:
    width, hidden = config.token_width, config.expansion * config.token_width
    ffn: nn.Module = TokenMlp(config.num_tokens, width, hidden, width)
    if config.num_experts:
        ffn = TokenExperts(config.num_tokens, width, hidden, config.num_experts, config.target_share)
    return MixerBlock(config.num_tokens, width, ffn)


class TokenExperts(nn.Module):
    """E small networks per token, each times its gate: ``v = sum_j G_j expert_j(s)``.

    Experts side by side are one wide network whose hidden columns are gated expert by expert: two batched products.

    Args:
        num_tokens: T.
        width: D.
        hidden: E H, columns of all experts of a token.
        num_experts: E.
        target_share: Share of open gates that the penalty aims at.
    """

    def __init__(self, num_tokens: int, width: int, hidden: int, num_experts: int, target_share: float) -> None:
        super().__init__()
        self.num_experts = num_experts
        self.target_share = target_share
        self.up = TokenLinear(num_tokens, width, hidden)
        self.down = TokenLinear(num_tokens, hidden, width)
        # Half of the gates start open with a mean square of about one: together as strong as a network without gates.
        self.train_router = TokenLinear(num_tokens, width, num_experts)
        self.infer_router = TokenLinear(num_tokens, width, num_experts)
        self.register_buffer("num_steps", torch.zeros((), dtype=torch.int64))
        self.register_buffer("open_share_TE", torch.ones(num_tokens, num_experts))
        self._penalty: Tensor | None = None

    def forward(self, s_TND: Tensor) -> Tensor:
        """[T, N, D] -> [T, N, D]."""
        if self.training:
            return self._all_experts(s_TND, self._training_gate(s_TND))
        gate_TNE = functional.relu(self.infer_router(s_TND))
        return self._open_experts(s_TND, gate_TNE) if self._can_skip(s_TND) else self._all_experts(s_TND, gate_TNE)

    def penalty(self) -> Tensor:
        """Mean gate of h_infer in the last training step, times its coefficient; 0 outside training."""
        if not self.training or self._penalty is None:
            return torch.zeros((), device=self.open_share_TE.device)
        return self._penalty

    def diagnose(self) -> dict[str, float]:
        """Share of open gates in late training steps, and experts that hardly any item opened."""
        return {
            "open_share": self._open_share(),
            "dead_experts": float((self.open_share_TE < DEAD_SHARE).sum()),
        }

    def num_inactive(self) -> int:
        """Parameters of closed experts, by the share of open gates in late training steps, and the training router."""
        in_experts = self.up.weight_TDO.numel() + self.up.bias_T1O.numel() + self.down.weight_TDO.numel()
        in_router = sum(weight.numel() for weight in self.train_router.parameters())
        inactive: int = in_router + round((1 - self._open_share()) * in_experts)
        return inactive

    def prune(self, domain: int) -> None:  # noqa: ARG002 - the router serves every domain
        """Drop the router that only training needs."""
        self.train_router = nn.Identity()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_penalty": None}

    def _open_share(self) -> float:
        return 1.0 if self.open_share_TE.is_meta else float(self.open_share_TE.mean())

    def _can_skip(self, s_TND: Tensor) -> bool:
        """Whether to choose rows: it pays for large products on a processor, and has no place in a graph."""
        if torch.is_grad_enabled() or torch.compiler.is_compiling() or not s_TND.is_cpu:
            return False
        work = s_TND.shape[1] * s_TND.shape[2] * self.up.weight_TDO.shape[2] // self.num_experts
        return bool(work >= SKIP_FROM) and self._open_share() < SKIP_BELOW

    def _all_experts(self, s_TND: Tensor, gate_TNE: Tensor) -> Tensor:
        hidden_TNEH = functional.gelu(self.up(s_TND)).unflatten(2, (self.num_experts, -1))
        out: Tensor = self.down((hidden_TNEH * gate_TNE.unsqueeze(3)).flatten(2))
        return out

    def _open_experts(self, s_TND: Tensor, gate_TNE: Tensor) -> Tensor:
        """The same for inference: each expert works on the items that opened it."""
        out_TND = self.down.bias_T1O.to(gate_TNE.dtype).expand(s_TND.shape).clone()
        for token, gate_NE in enumerate(gate_TNE):
            ups = self.up.weight_TDO[token].chunk(self.num_experts, 1)
            biases = self.up.bias_T1O[token, 0].chunk(self.num_experts)
            downs = self.down.weight_TDO[token].chunk(self.num_experts)
            for gate_N, up_DH, bias_H, down_HD in zip(gate_NE.T, ups, biases, downs, strict=True):
                rows = gate_N.nonzero().squeeze(1)
                hidden = functional.gelu(torch.addmm(bias_H, s_TND[token][rows], up_DH)) * gate_N[rows].unsqueeze(1)
                out_TND[token].index_add_(0, rows, hidden @ down_HD)
        return out_TND

    def _training_gate(self, s_TND: Tensor) -> Tensor:
        """Items in even places by one router, those in odd places by the other; the next step swaps them.

        Every layer counts the same steps, so an item has the same router in all of them.
        """
        turn_N = (torch.arange(s_TND.shape[1], device=s_TND.device) + self.num_steps) % 2
        is_sparse_1N1 = (turn_N == 0).view(1, -1, 1)
        sparse_TNE = functional.relu(self.infer_router(s_TND))
        self._regulate(sparse_TNE, is_sparse_1N1)
        return torch.where(is_sparse_1N1, sparse_TNE, functional.softplus(self.train_router(s_TND)))

    def _regulate(self, sparse_TNE: Tensor, is_sparse_1N1: Tensor) -> None:
        """Take the penalty of the items that h_infer routes, and count the step."""
        weight_1N1 = is_sparse_1N1 / is_sparse_1N1.sum().clamp(min=1)
        with torch.no_grad():
            share_TE = ((sparse_TNE > 0) * weight_1N1).sum(1)
            # A batch that has no such item tells nothing of the share.
            self.open_share_TE.lerp_(share_TE, SHARE_MOMENTUM * is_sparse_1N1.any())
            self.num_steps.add_(1)
        excess = (share_TE.mean() - self.target_share).clamp(min=0)
        self._penalty = PENALTY_PER_EXCESS * excess * (sparse_TNE.float() * weight_1N1).sum(1).mean()
