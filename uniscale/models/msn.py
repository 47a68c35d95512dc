"""MSN: a RankMixer whose FFN is gated by what a large memory of small vectors knows (arXiv 2602.07526, 1907.05242).

`Batch -> EvenTokenizer -> [mix tokens -> x * gate(memory(x)) -> FFN per token] x L -> mean -> one head per domain`

What the paper leaves open, and what is done here:

- Every token asks by itself, with a query matrix of its own; the values of a layer are shared by its tokens. One head.
- Keys: K_eff = LN(K Theta), Theta a square matrix on the right that starts as the identity, K trained too. The norm of
  the keys has no gain or bias: those of the query's norm say the same. Scores are divided by the root of the key width.
- Gate: tanh(v + b) with a learned b that starts at 1. The paper prints tanh(v): with small values the FFN would start
  at zero, and a slot that was hardly read would close it. `gate_start=0` starts from the printed formula.
- Memory sits in every second layer, counted from the last one.
- Warm-up is that of the training engine: `TrainConfig.warmup_steps`, for tables and dense parameters alike.
- Values are a table with sparse gradients: row-wise Adagrad at the rate of the embeddings.

Letters: N items, T tokens, D width, X rows that ask (T N), n sub-keys of a half, C key width of a half, k slots read,
P pairs, K tasks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from uniscale.contracts.frames import NumericNames
from uniscale.models.common.checks import check_at_least
from uniscale.models.common.heads import domain_heads
from uniscale.models.common.inputs import Inputs
from uniscale.models.common.layers import TokenProjection
from uniscale.models.common.mixing import MixerBlock, check_mixing
from uniscale.models.common.routing import Buckets
from uniscale.models.common.sparse import SparseTable, train_rows
from uniscale.models.common.token_ffn import TokenMlp
from uniscale.models.common.tokenizer import EvenTokenizer
from uniscale.models.ranker import Ranker, RankerConfig
from uniscale.models.size import Size


@dataclass(frozen=True, kw_only=True, slots=True)
class MSNConfig(RankerConfig):
    """Everything that sets the size and the shape of MSN.

    Attributes:
        num_tokens: T, divides D.
        width: D.
        num_layers: L.
        num_memories: Layers with a memory: the last one, the last but two and so on.
        num_keys: n, sub-keys of each half; the memory has n^2 slots.
        key_width: C.
        num_read: k, slots that a token reads.
        gate_start: b at the start.
    """

    num_tokens: int = 16
    width: int
    num_layers: int
    num_memories: int
    num_keys: int
    key_width: int
    num_read: int
    gate_start: float = 1.0

    def __post_init__(self) -> None:
        check_mixing(self.num_tokens, self.width)
        check_at_least(
            1, num_layers=self.num_layers, num_keys=self.num_keys, key_width=self.key_width, num_read=self.num_read
        )
        if self.num_read > self.num_keys:
            raise ValueError(f"num_read={self.num_read} must not exceed num_keys={self.num_keys}")
        if not 0 <= self.num_memories <= (self.num_layers + 1) // 2:
            raise ValueError(
                f"num_memories={self.num_memories} must lie in 0 to {(self.num_layers + 1) // 2}: every second of "
                f"num_layers={self.num_layers} layers can have one"
            )

    @classmethod
    def of(cls, size: Size) -> Self:
        """The configuration of a size."""
        num_layers = max(2, size.depth)
        num_keys = min(512, 4 * size.width)
        return cls(
            embeddings=size.embeddings,
            width=2 * size.width,
            num_layers=num_layers,
            num_memories=num_layers // 2,
            num_keys=num_keys,
            key_width=min(64, size.width),
            num_read=min(32, num_keys // 4),
        )


class MSN(Ranker):
    """Memory Scaling Network."""

    name = "msn"
    Config = MSNConfig

    def __init__(self, config: MSNConfig, *, size: str, domains: tuple[str, ...], numeric: NumericNames) -> None:
        super().__init__(config, size=size, domains=domains, numeric=numeric)
        self.tokenizer = EvenTokenizer(self.inputs, config.width, config.num_tokens)
        first = config.num_layers + 1 - 2 * config.num_memories
        with_memory = range(first, config.num_layers, 2)
        self.blocks = nn.ModuleList(
            MixerBlock(config.num_tokens, config.width, _ffn(config, has_memory=layer in with_memory))
            for layer in range(config.num_layers)
        )
        self.heads = domain_heads(config.width, len(domains))

    def score(self, inputs: Inputs, buckets: Buckets) -> Tensor:
        """Logits of the tasks for each item, [N, K]."""
        x_TND = self.tokenizer(inputs).values()
        for block in self.blocks:
            x_TND = block(x_TND)
        return self.heads(x_TND.mean(0), buckets)


def _ffn(config: MSNConfig, *, has_memory: bool) -> nn.Module:
    ffn = TokenMlp(config.num_tokens, config.width, 4 * config.width, config.width)
    return nn.Sequential(MemoryGate(config), ffn) if has_memory else ffn


class MemoryGate(nn.Module):
    """Each token times what the memory says about it: ``x * tanh(memory(x) + b)``."""

    def __init__(self, config: MSNConfig) -> None:
        super().__init__()
        self.query = TokenProjection(config.num_tokens, config.width, 2 * config.key_width)
        self.keys = ProductKeys(config.num_keys, config.key_width, config.num_read)
        self.values = MemoryValues(config.num_keys**2, config.width, num_read=config.num_tokens * config.num_read)
        self.usage = Usage(config.num_keys**2)
        self.bias_D = nn.Parameter(torch.full((config.width,), config.gate_start))

    def forward(self, x_TND: Tensor) -> Tensor:
        """[T, N, D] -> [T, N, D]."""
        slots_XK, weight_XK = self.keys(self.query(x_TND).flatten(0, 1))
        gate_XD = torch.tanh(self.values(slots_XK, weight_XK) + self.bias_D)
        if self.training and not torch.compiler.is_compiling():
            self.usage.count(slots_XK, gate_XD)
        return x_TND * gate_XD.view(x_TND.shape)


class ProductKeys(nn.Module):
    """Finds the k slots of n^2 whose keys fit a query best, without looking at n^2 keys.

    The key of slot ``i n + j`` is row i of the first half next to row j of the second, so its score is a sum of two.
    The best k sums are among the pairs of the best k of each half.

    Args:
        num_keys: n.
        width: C.
        num_read: k, at most n.
    """

    def __init__(self, num_keys: int, width: int, num_read: int) -> None:
        super().__init__()
        self.num_read = num_read
        self.keys_2nC = nn.Parameter(torch.empty(2, num_keys, width))
        nn.init.normal_(self.keys_2nC, std=width**-0.5)
        self.theta_2CC = nn.Parameter(torch.eye(width).repeat(2, 1, 1))
        self.norm = nn.LayerNorm(width)
        pairs = torch.tensor(candidate_pairs(num_read))
        self.register_buffer("first_P", pairs[:, 0].contiguous(), persistent=False)
        self.register_buffer("second_P", pairs[:, 1].contiguous(), persistent=False)

    def forward(self, q_XQ: Tensor) -> tuple[Tensor, Tensor]:
        """Find the slots.

        Args:
            q_XQ: Queries, both halves side by side, [X, 2 C].

        Returns:
            Slots in [0, n^2), best first, and the softmax of their scores, [X, k] each.
        """
        score_2Xn = self.half_scores(q_XQ)
        row_XK, column_XK = self.best(score_2Xn)
        score_XK = score_2Xn[0].gather(1, row_XK) + score_2Xn[1].gather(1, column_XK)
        return row_XK * score_2Xn.shape[2] + column_XK, torch.softmax(score_XK, dim=1)

    def half_scores(self, q_XQ: Tensor) -> Tensor:
        """Scores of the sub-keys of both halves in the precision of the keys, [2, X, n]."""
        width = self.keys_2nC.shape[2]
        keys_2nC = functional.layer_norm(torch.bmm(self.keys_2nC, self.theta_2CC), (width,)) / math.sqrt(width)
        q_2XC = self.norm(q_XQ.unflatten(1, (2, width))).transpose(0, 1)
        return torch.bmm(q_2XC, keys_2nC.transpose(1, 2)).to(self.keys_2nC.dtype)

    @torch.no_grad()
    def best(self, score_2Xn: Tensor) -> tuple[Tensor, Tensor]:
        """Where the k largest sums of a score of each half stand, largest first: [X, k] in the one and in the other."""
        top_2XK, key_2XK = score_2Xn.topk(self.num_read, dim=2)
        sum_XP = top_2XK[0].index_select(1, self.first_P) + top_2XK[1].index_select(1, self.second_P)
        pair_XK = sum_XP.topk(self.num_read, dim=1).indices
        return key_2XK[0].gather(1, self.first_P[pair_XK]), key_2XK[1].gather(1, self.second_P[pair_XK])


def candidate_pairs(num_read: int) -> list[tuple[int, int]]:
    """Ranks (a, b) in the two halves, from 0, that a pair among the best k can have.

    The (a + 1) (b + 1) pairs of ranks up to a and up to b score at least as much, so no more than k of them may exist:
    119 pairs in place of 1,024 for k = 32. This is exact, ties and rounding included: a sum never falls with its parts.
    """
    ranks = range(num_read)
    return [(a, b) for a in ranks for b in ranks if (a + 1) * (b + 1) <= num_read]


class MemoryValues(SparseTable):
    """A vector per slot.

    Args:
        num_slots: Rows.
        width: D.
        num_read: Slots that the scoring of one item reads at most.
    """

    def __init__(self, num_slots: int, width: int, *, num_read: int) -> None:
        super().__init__()
        self.num_read = num_read
        self.weight = nn.Parameter(torch.empty(num_slots, width))
        nn.init.normal_(self.weight, std=width**-0.5)

    def forward(self, slots_XK: Tensor, weight_XK: Tensor) -> Tensor:
        """Weighted sums of the vectors, [X, D]; neither pass makes a tensor of X k D numbers."""
        read_XD = _weighted_sums(self.weight.detach(), slots_XK, weight_XK)
        num_rows, num_read = slots_XK.shape
        offsets_X = torch.arange(num_rows, device=slots_XK.device) * num_read
        return train_rows(read_XD, self.weight, slots_XK.flatten(), offsets_X, weight_XK.flatten())

    def num_inactive(self) -> int:
        """Numbers in the slots that one item leaves unread."""
        return max(0, len(self.weight) - self.num_read) * int(self.weight.shape[1])


def _weighted_sums(table: Tensor, rows_XK: Tensor, weight_XK: Tensor) -> Tensor:
    return functional.embedding_bag(rows_XK, table, mode="sum", per_sample_weights=weight_XK)


class Usage(nn.Module):
    """Whether look-ups spread over the slots: counts of the training steps since the last call of `diagnose`."""

    def __init__(self, num_slots: int) -> None:
        super().__init__()
        for name in ("reads", "wins"):
            self.register_buffer(name, torch.zeros(num_slots, dtype=torch.int64), persistent=False)
        for name in ("gate", "num_gates"):
            self.register_buffer(name, torch.zeros((), dtype=torch.float64), persistent=False)

    @torch.no_grad()
    def count(self, slots_XK: Tensor, gate_XD: Tensor) -> None:
        """Add look-ups, best slot first, and the gates they made."""
        self.reads += torch.bincount(slots_XK.flatten(), minlength=self.reads.shape[0])
        self.wins += torch.bincount(slots_XK[:, 0], minlength=self.wins.shape[0])
        self.gate += gate_XD.abs().sum()
        self.num_gates += gate_XD.numel()

    def diagnose(self) -> dict[str, float]:
        """Figures of the look-ups since the last call; none if there were none.

        usage is the share of slots that were read, top1_usage the share that were somebody's best, top1_load the share
        of look-ups whose best slot was the most wanted one, entropy that of the reads over ln(slots), gate the mean
        size of the gate.
        """
        num_slots, num_wins = self.reads.shape[0], int(self.wins.sum())
        if not num_wins:
            return {}
        share = self.reads[self.reads > 0].double() / self.reads.sum()
        figures = {
            "usage": float((self.reads > 0).sum()) / num_slots,
            "top1_usage": float((self.wins > 0).sum()) / num_slots,
            "top1_load": float(self.wins.max()) / num_wins,
            "entropy": float(-(share * share.log()).sum()) / math.log(max(2, num_slots)),
            "gate": float(self.gate / self.num_gates),
        }
        for counter in (self.reads, self.wins, self.gate, self.num_gates):
            counter.zero_()
        return figures
