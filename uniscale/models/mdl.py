"""MDL, Multi-Distribution Learning: scenarios and tasks are tokens that ask the features (arXiv 2602.07520).

`feature, scenario and task tokens -> (mixer, domain-feature attention, fused aggregation) x L -> a logit per task`

Feature tokens never read the others; scenario tokens read features, task tokens read features and scenarios. The
scenarios of this package are its domains. What the paper leaves open, and what is done here:

- Feature tokens: all inputs cut evenly into 16, target attention among them. A block is RankMixer's, with a residual
  around the FFN; ``has_direct_ffn`` gives eq. 6 as printed.
- An item has one scenario. Only its own scenario token and the global one are made: in the paper all are made, and the
  others masked out, which gives the same logits. Mean pooling (eq. 9) is over these two.
- Prior features of a scenario: what the user did there lately (mean of the actions' vectors, and how many). Of the
  global token: all actions; of a task token: the actions that were that task.
- Important features e_imp: user, query and item in tables of their own, hashed to a quarter of the rows.
- Queries, keys and values are one matrix per token; scenarios and tasks have keys and values apart. FFN ratio 2, GELU.
- Norms, which the paper does not have on this path: before the queries, the FFNs and the logits.
- The last layer has no FFN for scenarios: nothing would read it (s_avg is taken before).
- A logit comes from a two-layer network of the task, not of the domain: scenarios enter by s_avg.

Letters: R requests, N items, T feature tokens, D width, S scenario tokens of an item (own, global), K tasks, P tokens
that all domains share (global, tasks), L actions, C columns of an action, E columns of e_imp, X columns of a prior.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from uniscale.contracts.events import ACTIONS
from uniscale.contracts.frames import NumericNames
from uniscale.contracts.tasks import TASKS
from uniscale.models.common.checks import check_at_least
from uniscale.models.common.embeddings import Embeddings, LookUp
from uniscale.models.common.inputs import Inputs
from uniscale.models.common.layers import TokenLinear, TokenProjection, mlp, num_heads, projection
from uniscale.models.common.layers import self_attention as attend
from uniscale.models.common.mixing import MixerBlock, check_mixing, mix_tokens
from uniscale.models.common.routing import Buckets, DomainNetworks
from uniscale.models.common.token_ffn import TokenMlp
from uniscale.models.common.tokenizer import EvenTokenizer
from uniscale.models.ranker import Ranker, RankerConfig
from uniscale.models.size import Size

FFN_RATIO = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class MDLConfig(RankerConfig):
    """Everything that sets the size and the shape of MDL.

    Attributes:
        width: D, of all tokens.
        num_layers: Blocks.
        num_tokens: T; divides D.
        num_heads: Heads of the domain-feature attention; divides D.
        extra_width: Columns of each table of e_imp.
        extra_rows: Rows of each table of e_imp.
        has_direct_ffn: No residual and norm around the FFN of the feature tokens: eq. 6 as printed.
    """

    width: int
    num_layers: int
    num_tokens: int = 16
    num_heads: int
    extra_width: int = 16
    extra_rows: int
    has_direct_ffn: bool = False

    def __post_init__(self) -> None:
        check_mixing(self.num_tokens, self.width)
        if self.num_heads < 1 or self.width % self.num_heads:
            fitting = ", ".join(str(heads) for heads in (1, 2, 4, 8, 16) if self.width % heads == 0)
            raise ValueError(f"num_heads={self.num_heads} must divide width={self.width}; use one of {fitting}.")
        check_at_least(1, num_layers=self.num_layers, extra_width=self.extra_width, extra_rows=self.extra_rows)

    @classmethod
    def of(cls, size: Size) -> Self:
        """The configuration of a size."""
        width = 2 * size.width
        return cls(
            embeddings=size.embeddings,
            width=width,
            num_layers=size.depth,
            num_heads=num_heads(width),
            extra_rows=size.embeddings.items // 4,
        )


class MDL(Ranker):
    """Multi-Distribution Learning."""

    name = "mdl"
    Config = MDLConfig

    def __init__(self, config: MDLConfig, *, size: str, domains: tuple[str, ...], numeric: NumericNames) -> None:
        super().__init__(config, size=size, domains=domains, numeric=numeric)
        layers = range(config.num_layers)
        self.tokenizer = EvenTokenizer(self.inputs, config.width, config.num_tokens)
        self.prompts = Prompts(config, 4 * config.embeddings.width + 1, len(domains))
        self.mixers = nn.ModuleList(feature_block(config) for _ in layers)
        self.readers = nn.ModuleList(
            Reader(config, len(domains), is_last=layer == config.num_layers - 1) for layer in layers
        )
        self.norm = nn.LayerNorm(config.width)
        self.heads = TokenMlp(len(TASKS), config.width, config.width, 1)
        with torch.no_grad():
            self.heads.down.bias_T1O[:, 0, 0] = torch.tensor([task.initial_logit for task in TASKS])

    def score(self, inputs: Inputs, buckets: Buckets) -> Tensor:
        """Logits of the tasks for each item, [N, K]."""
        x_TND = self.tokenizer(inputs).values()
        scenarios_SND, tasks_KND = self.prompts(inputs, buckets)
        for mixer, reader in zip(self.mixers, self.readers, strict=True):
            x_TND = mixer(x_TND)
            scenarios_SND, tasks_KND = reader(x_TND, scenarios_SND, tasks_KND, buckets)
        logits_KN1: Tensor = self.heads(self.norm(tasks_KND))
        return logits_KN1.squeeze(2).t()


class Prompts(nn.Module):
    """The scenario and task tokens of an item: ``ReLU(FFN(e_imp, prior))``, an FFN for each (eq. 4)."""

    def __init__(self, config: MDLConfig, prior_width: int, num_domains: int) -> None:
        super().__init__()
        width, extra = config.width, config.extra_width
        num_shared = 1 + len(TASKS)
        self.important = Embeddings(dict.fromkeys(("users", "queries", "items"), config.extra_rows), extra)
        self.own = DomainNetworks(lambda: mlp(3 * extra + prior_width, width, width), num_domains)
        self.from_request = TokenLinear(num_shared, 2 * extra + prior_width, width)
        self.from_item = TokenProjection(num_shared, extra, width)
        self.down = TokenLinear(num_shared, width, width)

    def forward(self, inputs: Inputs, buckets: Buckets) -> tuple[Tensor, Tensor]:
        """Scenario tokens [S, N, D] and task tokens [K, N, D]."""
        batch, layout = inputs.batch, inputs.layout
        user_RE, query_RE, item_NE = self.important(
            [
                LookUp(table="users", ids=batch.user_R),
                LookUp(table="queries", ids=batch.query_R),
                LookUp(table="items", ids=batch.item_N),
            ]
        )
        priors = [torch.cat([user_RE, query_RE, prior_RX], 1) for prior_RX in prior_features(inputs)]
        own_ND = self.own(torch.cat([layout.expand(priors[0]), item_NE], 1), buckets)
        # The first layer of a concatenation is the sum of two layers; the request's part is computed once.
        request_PRD = self.from_request(torch.stack(priors[1:]))
        item_PND = self.from_item(item_NE.expand(len(priors) - 1, *item_NE.shape))
        shared_PND = self.down(functional.gelu(layout.expand_tokens(request_PRD) + item_PND))
        tokens_PND = torch.cat([own_ND.unsqueeze(0), shared_PND]).relu()
        return tokens_PND[:2], tokens_PND[2:]


def prior_features(inputs: Inputs) -> list[Tensor]:
    """What the user did lately, each [R, C + 1]: in the request's domain, in all, then the actions of each task.

    The mean of the actions' vectors, zero without any, and ln(1 + how many).
    """
    length = inputs.actions_RLC.shape[1]
    action_RL = inputs.batch.history_actions_RL[:, :length]
    is_own_RL = inputs.batch.history_domains_RL[:, :length] == (inputs.batch.domain_R + 1).unsqueeze(1)
    chosen = [is_own_RL & inputs.is_action_RL, inputs.is_action_RL]
    for task in TASKS:
        numbers = [1 + ACTIONS.index(name) for name in task.actions]
        chosen.append(torch.stack([action_RL == number for number in numbers]).any(0))
    chosen_RPL = torch.stack(chosen, 1).to(inputs.actions_RLC.dtype)
    count_RP1 = chosen_RPL.sum(2, keepdim=True)
    mean_RPC = torch.bmm(chosen_RPL / count_RP1.clamp(min=1), inputs.actions_RLC)
    return list(torch.cat([mean_RPC, count_RP1.log1p()], 2).unbind(1))


def feature_block(config: MDLConfig) -> nn.Module:
    """Self-interaction of the feature tokens (eq. 6), [T, N, D] -> [T, N, D]."""
    width = config.width
    ffn = TokenMlp(config.num_tokens, width, FFN_RATIO * width, width)
    return DirectBlock(width, ffn) if config.has_direct_ffn else MixerBlock(config.num_tokens, width, ffn)


class DirectBlock(nn.Module):
    """``ffn(LN(mix(X) + X))``."""

    def __init__(self, width: int, ffn: nn.Module) -> None:
        super().__init__()
        self.ffn = ffn
        self.norm_mixed = nn.LayerNorm(width)

    def forward(self, x_TND: Tensor) -> Tensor:
        """[T, N, D] -> [T, N, D]."""
        out: Tensor = self.ffn(self.norm_mixed(mix_tokens(x_TND) + x_TND))
        return out


class Reader(nn.Module):
    """Domain-feature attention (eq. 7 and 8), then domain-fused aggregation (eq. 9 to 15)."""

    def __init__(self, config: MDLConfig, num_domains: int, *, is_last: bool) -> None:
        super().__init__()
        width, hidden = config.width, FFN_RATIO * config.width
        self.num_heads = config.num_heads
        self.key_value = TokenProjection(config.num_tokens, width, width, num_parts=4)
        self.norm_query = nn.LayerNorm(width)
        self.query = TokenProjection(1 + len(TASKS), width, width)
        self.own_query = DomainNetworks(
            lambda: nn.Sequential(nn.LayerNorm(width), projection(width, width)), num_domains
        )
        self.task_ffn = nn.Sequential(nn.LayerNorm(width), TokenMlp(len(TASKS), width, hidden, width))
        self.scenario_ffn = None if is_last else ScenarioFFN(width, hidden, num_domains)

    def forward(
        self, x_TND: Tensor, scenarios_SND: Tensor, tasks_KND: Tensor, buckets: Buckets
    ) -> tuple[Tensor, Tensor]:
        """Read the features: scenario tokens [S, N, D] and task tokens [K, N, D] of the next layer."""
        ks_TND, vs_TND, kt_TND, vt_TND = self.key_value(x_TND).chunk(4, 2)
        q_PND = self.query(self.norm_query(torch.cat([scenarios_SND[1:], tasks_KND])))
        qs_SND = torch.stack([self.own_query(scenarios_SND[0], buckets), q_PND[0]])
        scenarios_SND = scenarios_SND + attend(qs_SND, ks_TND, vs_TND, self.num_heads).transpose(0, 1)
        tasks_KND = tasks_KND + attend(q_PND[1:], kt_TND, vt_TND, self.num_heads).transpose(0, 1)
        fused_KND = tasks_KND + scenarios_SND.mean(0)
        if self.scenario_ffn is not None:
            scenarios_SND = self.scenario_ffn(scenarios_SND, buckets)
        return scenarios_SND, fused_KND + self.task_ffn(fused_KND)


class ScenarioFFN(nn.Module):
    """An FFN per scenario and one for the global token, with residuals (eq. 9 to 15)."""

    def __init__(self, width: int, hidden: int, num_domains: int) -> None:
        super().__init__()

        def ffn() -> nn.Module:
            return nn.Sequential(nn.LayerNorm(width), mlp(width, hidden, width))

        self.own = DomainNetworks(ffn, num_domains)
        self.everywhere = ffn()

    def forward(self, scenarios_SND: Tensor, buckets: Buckets) -> Tensor:
        """[S, N, D] -> [S, N, D]."""
        own_ND, global_ND = scenarios_SND
        return scenarios_SND + torch.stack([self.own(own_ND, buckets), self.everywhere(global_ND)])
