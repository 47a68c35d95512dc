"""HyFormer: queries that read sequences of actions and mix with all other features, in turns (arXiv 2601.12681).

`tokens, sequences -> queries -> [encode sequences -> queries read them -> mix tokens -> FFN per token] x L -> heads`

What the paper leaves open, and what is done here:

- Sequences: actions in the request's domain, and those in other domains; both newest first, each with queries of its
  own. They are encoded and read apart in every layer and meet where tokens are mixed.
- Non-sequence tokens are an even cut of the features, so that their number and the queries can divide the width.
- A query is made of all non-sequence tokens and the mean of its own sequence. As these are known per request but for
  the item's tokens, the first layer of its network is a sum of three.
- Encoders: a transformer block by default; "longer" keeps the newest rows only, from the first layer on; "swiglu" has
  no attention. A row of padding sees itself only. No positions: the age of an action is part of it.
- Reading: LN before the queries and before the rows, a residual around. A silent place with key and value zero answers
  where a sequence is empty.
- Boosting is as printed, ``X + FFN(LN(mix(X)))``, the LN added; it updates non-sequence tokens too, and hands them on.
- Heads read the queries side by side and the mean of the other tokens.

Letters: R requests, M places, N items, T tokens, Q queries (of a sequence, or of all), X queries of all items of a
request, D width, L actions, K tasks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from uniscale.contracts.frames import NumericNames
from uniscale.contracts.inputs import HISTORY_LENGTH
from uniscale.models.common.checks import check_at_least
from uniscale.models.common.heads import domain_heads
from uniscale.models.common.history import history_means
from uniscale.models.common.inputs import Inputs
from uniscale.models.common.layers import TokenLinear, TokenProjection, linear, mlp, num_heads
from uniscale.models.common.layout import Layout
from uniscale.models.common.mixing import check_mixing, mix_tokens
from uniscale.models.common.routing import Buckets
from uniscale.models.common.sequence import TransformerBlock, attend_or_ignore, see_all
from uniscale.models.common.token_ffn import TokenMlp
from uniscale.models.common.tokenizer import EvenTokenizer, Tokens
from uniscale.models.ranker import Ranker, RankerConfig
from uniscale.models.size import Size

NUM_SEQUENCES = 2
ENCODERS = ("transformer", "longer", "swiglu")


@dataclass(frozen=True, kw_only=True, slots=True)
class HyFormerConfig(RankerConfig):
    """Everything that sets the size and the shape of HyFormer.

    Attributes:
        num_tokens: T, queries included; divides D.
        num_queries: Queries of each sequence.
        width: D.
        num_layers: Layers; with less than two, the sequences do not hear of each other.
        encoder: One of `ENCODERS`.
        num_recent: Newest rows of a sequence that the encoder "longer" keeps.
        sequence_length: Newest actions that are read.
        sample_width: Width of what the heads read.
    """

    num_tokens: int = 16
    num_queries: int = 2
    width: int
    num_layers: int
    encoder: str = "transformer"
    num_recent: int = 16
    sequence_length: int = HISTORY_LENGTH
    sample_width: int

    def __post_init__(self) -> None:
        check_at_least(
            1,
            num_queries=self.num_queries,
            num_layers=self.num_layers,
            num_recent=self.num_recent,
            sequence_length=self.sequence_length,
            sample_width=self.sample_width,
        )
        if self.encoder not in ENCODERS:
            raise ValueError(f"encoder={self.encoder!r} is not one of {', '.join(ENCODERS)}")
        if self.num_tokens < NUM_SEQUENCES * self.num_queries + 2:
            raise ValueError(
                f"num_tokens={self.num_tokens} leaves fewer than 2 after num_queries={self.num_queries} of each of "
                f"{NUM_SEQUENCES} sequences; use at least {NUM_SEQUENCES * self.num_queries + 2}"
            )
        check_mixing(self.num_tokens, self.width)

    @classmethod
    def of(cls, size: Size) -> Self:
        """The configuration of a size."""
        return cls(
            embeddings=size.embeddings,
            width=2 * size.width,
            num_layers=2 + size.depth // 4,
            sample_width=4 * size.width,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Actions:
    """A sequence of every request, newest first.

    Attributes:
        rows_RLD: Its rows.
        is_known_RL: Which of them are no padding; the first.
    """

    rows_RLD: Tensor
    is_known_RL: Tensor

    @classmethod
    def of(cls, rows_RLD: Tensor, is_member_RL: Tensor) -> Self:
        """The rows that belong to a sequence, brought to the front in their order."""
        order_RL = is_member_RL.logical_not().byte().argsort(dim=1, stable=True)
        ordered_RLD = rows_RLD.gather(1, order_RL.unsqueeze(2).expand_as(rows_RLD))
        return cls(rows_RLD=ordered_RLD, is_known_RL=is_member_RL.gather(1, order_RL))


class HyFormer(Ranker):
    """Hybrid transformer."""

    name = "hyformer"
    Config = HyFormerConfig

    def __init__(self, config: HyFormerConfig, *, size: str, domains: tuple[str, ...], numeric: NumericNames) -> None:
        super().__init__(
            config,
            size=size,
            domains=domains,
            numeric=numeric,
            has_attention=False,
            history_length=config.sequence_length,
        )
        width = config.width
        self.num_queries = NUM_SEQUENCES * config.num_queries
        self.tokenizer = EvenTokenizer(self.inputs, width, config.num_tokens - self.num_queries)
        self.encode = mlp(self.inputs.actions.width_out, 2 * width, width)
        self.queries = QueryGeneration(config, self.tokenizer.num_request_tokens, self.tokenizer.num_tokens)
        self.layers = nn.ModuleList(HyFormerLayer(config) for _ in range(config.num_layers))
        self.out = linear((self.num_queries + 1) * width, config.sample_width)
        self.heads = domain_heads(config.sample_width, len(domains))

    def score(self, inputs: Inputs, buckets: Buckets) -> Tensor:
        """Logits of the tasks for each item, [N, K]."""
        tokens, sequences = self.tokenizer(inputs), self._sequences(inputs)
        x_TND = torch.cat([self.queries(tokens, sequences), tokens.values()])
        for layer in self.layers:
            x_TND, sequences = layer(x_TND, sequences, inputs.layout)
        read_TND = torch.cat([x_TND[: self.num_queries], x_TND[self.num_queries :].mean(0, keepdim=True)])
        return self.heads(functional.gelu(self.out(read_TND.transpose(0, 1).flatten(1))), buckets)

    def _sequences(self, inputs: Inputs) -> list[Actions]:
        """Actions in the request's domain, and those in other domains."""
        length, batch = self.config.sequence_length, inputs.batch
        rows_RLD = self.encode(inputs.actions_RLC[:, :length])
        is_action_RL = inputs.is_action_RL[:, :length]
        is_here_RL = batch.history_domains_RL[:, : rows_RLD.shape[1]] == (batch.domain_R + 1).unsqueeze(1)
        return [Actions.of(rows_RLD, is_action_RL & is_member_RL) for is_member_RL in (is_here_RL, ~is_here_RL)]


class QueryGeneration(nn.Module):
    """A two-layer network of its own for each query, on all tokens and the mean of the query's sequence."""

    def __init__(self, config: HyFormerConfig, num_request_tokens: int, num_tokens: int) -> None:
        super().__init__()
        width, num_queries = config.width, NUM_SEQUENCES * config.num_queries
        self.num_queries = config.num_queries
        self.from_request = linear(num_request_tokens * width, num_queries * width)
        self.from_item = linear((num_tokens - num_request_tokens) * width, num_queries * width)
        self.from_sequence = TokenProjection(num_queries, width, width)
        self.out = TokenLinear(num_queries, width, width)

    def forward(self, tokens: Tokens, sequences: list[Actions]) -> Tensor:
        """Queries of all sequences, [Q, N, D]."""
        means = [history_means(actions.rows_RLD, actions.is_known_RL) for actions in sequences]
        mean_QRD = torch.stack([mean for mean in means for _ in range(self.num_queries)])
        request_QRD = self._hidden(self.from_request, tokens.request_TRD) + self.from_sequence(mean_QRD)
        hidden_QND = tokens.layout.expand_tokens(request_QRD) + self._hidden(self.from_item, tokens.item_TND)
        queries_QND: Tensor = self.out(functional.gelu(hidden_QND))
        return queries_QND

    def _hidden(self, layer: nn.Module, x_TXD: Tensor) -> Tensor:
        hidden_XC: Tensor = layer(x_TXD.transpose(0, 1).flatten(1))
        return hidden_XC.unflatten(1, (NUM_SEQUENCES * self.num_queries, -1)).transpose(0, 1)


class HyFormerLayer(nn.Module):
    """Encode the sequences, let their queries read them, let all tokens meet."""

    def __init__(self, config: HyFormerConfig) -> None:
        super().__init__()
        self.num_queries = config.num_queries
        self.encoders = nn.ModuleList(encoder(config) for _ in range(NUM_SEQUENCES))
        self.decoders = nn.ModuleList(QueryDecoding(config.width) for _ in range(NUM_SEQUENCES))
        self.norm = nn.LayerNorm(config.width)
        self.ffn = TokenMlp(config.num_tokens, config.width, 4 * config.width, config.width)

    def forward(self, x_TND: Tensor, sequences: list[Actions], layout: Layout) -> tuple[Tensor, list[Actions]]:
        """Tokens, queries first, and sequences -> both for the next layer."""
        sequences = [encode(actions) for encode, actions in zip(self.encoders, sequences, strict=True)]
        x_TND = self.decode(x_TND, sequences, layout)
        return x_TND + self.ffn(self.norm(mix_tokens(x_TND))), sequences

    def decode(self, x_TND: Tensor, sequences: list[Actions], layout: Layout) -> Tensor:
        """Each sequence answers its own queries; the other tokens stay."""
        num_asking = NUM_SEQUENCES * self.num_queries
        queries_SQND = x_TND[:num_asking].unflatten(0, (NUM_SEQUENCES, -1))
        asked = zip(self.decoders, queries_SQND.unbind(0), sequences, strict=True)
        return torch.cat([*[decode(q_QND, actions, layout) for decode, q_QND, actions in asked], x_TND[num_asking:]])


class QueryDecoding(nn.Module):
    """Queries read a sequence: keys and values once per request, queries per item."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.num_heads = num_heads(width)
        self.norm, self.norm_rows = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value, self.out = (linear(width, width) for _ in range(4))

    def forward(self, q_QND: Tensor, actions: Actions, layout: Layout) -> Tensor:
        """[Q, N, D] -> [Q, N, D]."""
        num_queries, _, width = q_QND.shape
        rows_RLD = self.norm_rows(actions.rows_RLD)
        asked_RMC = layout.pad(self.query(self.norm(q_QND)).transpose(0, 1).flatten(1))
        asked_RXD = asked_RMC.reshape(asked_RMC.shape[0], asked_RMC.shape[1] * num_queries, width)
        k_RLD, v_RLD = self.key(rows_RLD), self.value(rows_RLD)
        answer_RXD = attend_or_ignore(asked_RXD, k_RLD, v_RLD, actions.is_known_RL, self.num_heads)
        answer_NQD = layout.unpad(answer_RXD.reshape(asked_RMC.shape)).unflatten(1, (num_queries, width))
        return q_QND + self.out(answer_NQD.transpose(0, 1))


def encoder(config: HyFormerConfig) -> nn.Module:
    """What encodes a sequence in a layer."""
    if config.encoder == "swiglu":
        return SwiGLUEncoder(config.width)
    return TransformerEncoder(config.width, config.num_recent if config.encoder == "longer" else None)


class TransformerEncoder(nn.Module):
    """A transformer block, of which the newest rows come out; all of them by default."""

    def __init__(self, width: int, num_rows: int | None = None) -> None:
        super().__init__()
        self.num_rows = num_rows
        self.block = TransformerBlock(width, num_heads(width))

    def forward(self, actions: Actions) -> Actions:
        """Encode."""
        rows_RLD = self.block(actions.rows_RLD, see_all(actions.is_known_RL), self.num_rows)
        return Actions(rows_RLD=rows_RLD, is_known_RL=actions.is_known_RL[:, : self.num_rows])


class SwiGLUEncoder(nn.Module):
    """``S + (silu(LN(S) A) * LN(S) B) C``: each row by itself."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.gate, self.up, self.down = linear(width, 2 * width), linear(width, 2 * width), linear(2 * width, width)

    def forward(self, actions: Actions) -> Actions:
        """Encode."""
        x_RLD = self.norm(actions.rows_RLD)
        hidden_RLC = functional.silu(self.gate(x_RLD)) * self.up(x_RLD)
        return Actions(rows_RLD=actions.rows_RLD + self.down(hidden_RLC), is_known_RL=actions.is_known_RL)
