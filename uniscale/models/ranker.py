"""What every ranker is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from torch import Tensor, nn

from uniscale.contracts.frames import NumericNames
from uniscale.models.batch import Batch
from uniscale.models.common.embeddings import HashedTable
from uniscale.models.common.inputs import InputEncoder
from uniscale.models.common.routing import DomainNetworks


class Ranker(nn.Module):
    """Scores the items of requests.

    A subclass implements `forward` and `inputs`.

    Attributes:
        name: Key in `zoo.MODELS`.
        size: Key of `zoo.SIZES` that the configuration came from.
        domains: Names of the domains, in the order of `Batch.domain_R`.
        numeric: Numeric inputs that it reads, by name.
        config: Widths, heads, layers and table sizes.
    """

    name: ClassVar[str]

    def __init__(self, config: Any, *, size: str, domains: tuple[str, ...], numeric: NumericNames) -> None:
        super().__init__()
        if not domains or len(set(domains)) != len(domains):
            raise ValueError(f"domains={domains} must name at least one domain, each once.")
        self.config = config
        self.size = size
        self.domains = domains
        self.numeric = numeric

    @property
    def inputs(self) -> InputEncoder:
        """The part that reads features."""
        raise NotImplementedError

    def forward(self, batch: Batch) -> Tensor:
        """Logits of the tasks for each item, [N, K] in the order of TASKS."""
        raise NotImplementedError

    def fit_numeric(self, batch: Batch) -> None:
        """Standardise numeric features as in this batch; call it once, on a large batch, before training."""
        self.inputs.fit_numeric(batch)

    def embedding_parameters(self) -> list[nn.Parameter]:
        """Hashed tables: large, with sparse gradients."""
        return [module.weight for module in self.modules() if isinstance(module, HashedTable)]

    def dense_parameters(self) -> list[nn.Parameter]:
        """All other parameters."""
        tables = {id(parameter) for parameter in self.embedding_parameters()}
        return [parameter for parameter in self.parameters() if id(parameter) not in tables]

    def domain_parameters(self) -> dict[str, list[nn.Parameter]]:
        """Parameters that only one domain's items train.

        Their gradient is zero in a batch without that domain. An optimiser with momentum or weight decay would still
        move them: set their gradient to None for a domain that no worker saw in this step.
        """
        owned: dict[str, list[nn.Parameter]] = {domain: [] for domain in self.domains}
        for networks in self._domain_networks():
            for domain, network in zip(self.domains, networks.networks, strict=True):
                owned[domain].extend(network.parameters())
        return owned

    def _domain_networks(self) -> Iterator[DomainNetworks]:
        return (module for module in self.modules() if isinstance(module, DomainNetworks))
