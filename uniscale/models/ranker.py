"""What every ranker is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Self, TypeVar

import torch
from torch import Tensor, nn

from uniscale.batch.tensors import Batch
from uniscale.contracts.frames import NumericNames
from uniscale.contracts.tasks import TASK_NAMES
from uniscale.models.common.embeddings import EmbeddingSizes
from uniscale.models.common.history import RECENT_ACTIONS
from uniscale.models.common.hooks import Diagnosed, Penalised, Scheduled
from uniscale.models.common.inputs import InputEncoder, Inputs
from uniscale.models.common.layout import RequestLayout
from uniscale.models.common.routing import Buckets, DomainBuckets, DomainNetworks
from uniscale.models.common.sparse import SparseTable
from uniscale.models.observation import Observation
from uniscale.models.size import Size

_Kind = TypeVar("_Kind")


@dataclass(frozen=True, kw_only=True, slots=True)
class RankerConfig:
    """What the configurations of all rankers have.

    Attributes:
        embeddings: Hashed tables.
    """

    embeddings: EmbeddingSizes

    @classmethod
    def of(cls, size: Size) -> Self:
        """The configuration of a size."""
        raise NotImplementedError


@cache
def _offers(part: type, kind: type) -> bool:
    """Whether modules of a class are of a kind; asked for every module in every step, answered once."""
    return issubclass(part, kind)


class Ranker(nn.Module):
    """Scores the items of requests.

    A subclass sets `name` and `Config` and implements `score`.

    Attributes:
        name: Key in `zoo.MODELS`.
        Config: Its configuration class.
        size: Key of `SIZES` that the configuration came from.
        domains: Names of the domains, in the order of `Batch.domain_R`.
        numeric: Numeric inputs that it reads, by name.
        config: Widths, heads, layers and table sizes.
        observation: What stands between its answer and the labels while it is trained; None otherwise.
        inputs: The part that reads features.
        level_JK: What is added to the logits of a domain wherever chances are asked for (`uniscale.evaluation.level`).
    """

    level_JK: Tensor

    name: ClassVar[str]
    Config: ClassVar[type[RankerConfig]]

    def __init__(
        self,
        config: Any,
        *,
        size: str,
        domains: tuple[str, ...],
        numeric: NumericNames,
        has_attention: bool = True,
        history_length: int = RECENT_ACTIONS,
    ) -> None:
        """Check the domains and make the part that reads features.

        Args:
            config: A `Config`.
            size: Where it came from.
            domains: Names of the domains.
            numeric: Numeric inputs that are read.
            has_attention: As for `InputEncoder`.
            history_length: As for `InputEncoder`.

        Raises:
            ValueError: No domain, or one named twice.
        """
        super().__init__()
        if not domains or len(set(domains)) != len(domains):
            raise ValueError(f"domains={domains} must name at least one domain, each once.")
        self.config = config
        self.size = size
        self.domains = domains
        self.numeric = numeric
        self.observation: Observation | None = None
        self.register_buffer("level_JK", torch.zeros(len(domains), len(TASK_NAMES)))
        self.inputs = InputEncoder(
            config.embeddings, len(domains), numeric, has_attention=has_attention, history_length=history_length
        )

    def score(self, inputs: Inputs, buckets: Buckets) -> Tensor:
        """Logits of the tasks for each item, [N, K] in the order of TASK_NAMES."""
        raise NotImplementedError

    def forward(self, batch: Batch, place_N: Tensor | None = None) -> Tensor:
        """Logits of the tasks for each item, [N, K] in the order of TASK_NAMES.

        Args:
            batch: What is asked.
            place_N: `Labels.place_N`: how the labels were observed that the answer is held against, in training.
                Without it every item is scored as if it were looked at.

        Raises:
            ValueError: A request is of a domain the model was not built for.
        """
        self._refuse_unknown_domain(batch)
        layout = RequestLayout(batch.request_of_item_N, batch.domain_R.shape[0])
        domain_N = layout.expand(batch.domain_R)
        logits_NK = self.score(self.inputs(batch, layout), DomainBuckets(domain_N, len(self.domains)))
        if place_N is None:
            return logits_NK + self.level_JK[domain_N]
        if self.observation is None:
            return logits_NK
        observed_NK: Tensor = self.observation(logits_NK, domain_N, place_N)
        return observed_NK

    def observe(self, kind: str) -> None:
        """Train with an observation model from now on.

        Args:
            kind: One of `OBSERVATIONS`; ``off`` for none.
        """
        self.observation = None if kind == "off" else Observation(kind, len(self.domains))

    def fit_numeric(self, batch: Batch) -> None:
        """Standardise numeric features as in this batch; call it once, on a large batch, before training."""
        self.inputs.fit_numeric(batch)

    def compile_score(self) -> None:
        """Compile what follows the look-ups; the first batches then take longer."""
        self.score = torch.compile(self.score, dynamic=True)  # type: ignore[method-assign]

    def embedding_parameters(self) -> list[nn.Parameter]:
        """Tables: large, with sparse gradients."""
        return [table.weight for table in self._parts(SparseTable) if table.weight.requires_grad]

    def dense_parameters(self) -> list[nn.Parameter]:
        """All other parameters that an optimiser moves."""
        tables = {id(parameter) for parameter in self.embedding_parameters()}
        return [p for p in self.parameters() if p.requires_grad and id(p) not in tables]

    def domain_parameters(self) -> dict[str, list[nn.Parameter]]:
        """Parameters that only one domain's items train.

        Their gradient is zero in a batch without that domain. An optimiser with momentum or weight decay would still
        move them: set their gradient to None for a domain that no worker saw in this step.
        """
        owned: dict[str, list[nn.Parameter]] = {domain: [] for domain in self.domains}
        for networks in self._parts(DomainNetworks):
            for domain, network in zip(self.domains, networks.networks, strict=True):
                owned[domain].extend(network.parameters())
        return owned

    def set_progress(self, progress: float) -> None:
        """Set what follows a schedule; call it before every training step.

        Args:
            progress: How much of the training is done, in [0, 1].
        """
        for part in self._parts(Scheduled):  # type: ignore[type-abstract]
            part.set_progress(progress)

    def penalty(self) -> Tensor:
        """What modules add to the loss: the mean over the items of the last forward pass, 0 for most rankers."""
        parts = [part.penalty() for part in self._parts(Penalised)]  # type: ignore[type-abstract]
        return torch.stack(parts).sum() if parts else torch.zeros(())

    def diagnostics(self) -> dict[str, float]:
        """Figures that tell whether parts work as meant, by the path of the part and the name of the figure."""
        return {
            f"{path}.{name}": value
            for path, part in self.named_modules()
            if part is not self and isinstance(part, Diagnosed)
            for name, value in part.diagnose().items()
        }

    def _parts(self, kind: type[_Kind]) -> Iterator[_Kind]:
        return (part for part in self.modules() if part is not self and _offers(type(part), kind))  # type: ignore[arg-type]

    def _refuse_unknown_domain(self, batch: Batch) -> None:
        unknown = batch.domain_R[(batch.domain_R < 0) | (batch.domain_R >= len(self.domains))]
        if len(unknown):
            raise ValueError(f"domain_R holds index {int(unknown[0])}, but the model has {len(self.domains)} domains.")
