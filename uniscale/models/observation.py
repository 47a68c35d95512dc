"""How a label is observed: what stands between whether an item is wanted and whether the log says so.

A click is seen only where the user looked, and an outside action on an item that was not shown only where it could be
attributed. Neither is preference, and no ranker can know it when it scores. The term here takes it up while a ranker is
trained, from the place in the shown list and the domain. It is nothing at one reference, the first place of a shown
list; evaluation, export and serving leave it out, and so ask the same of every candidate: would it be clicked, were it
looked at? What is missing in young labels is not learned here, since no day of a run may be old enough to compare with:
the weights of the samples stand for it (`uniscale.es3.maturity`).

Two forms: ``additive``, a term of the logit (a position tower: Guo et al., PAL, RecSys 2019), and ``examination``, a
factor of the probability (Richardson et al., WWW 2007). A share of the shown rows is trained without the term, as if
observed at the reference (position with dropout: Haldar et al., Airbnb, KDD 2020), so that it cannot take over from the
ranker. A row that was not shown always has it: nothing like the reference was observed of it, and there are so many of
them that they would draw every prediction down.

Letters: N items, K tasks, J domains, P places.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from uniscale.contracts.frames import FIRST
from uniscale.contracts.tasks import TASK_NAMES
from uniscale.contracts.training import OBSERVATIONS

NUM_PLACES = 30
"""Places of a list that are told apart; deeper ones count as the last."""

DROPPED = 0.1
"""Share of the shown rows that is trained as if observed at the reference."""

NOT_SHOWN = 0
"""Place of a row that was not shown; the reference is `FIRST`."""

_TOLD = {"not_shown": NOT_SHOWN, "place_2": 2, "place_5": 5, "place_10": 10}
_SCALE = 10.0  # Adam moves a parameter by about its rate a step, and a term has some units to go


class Observation(nn.Module):
    """The term in one of its forms.

    Attributes:
        kind: ``additive`` or ``examination``.
    """

    def __init__(self, kind: str, num_domains: int) -> None:
        """Start where the term is nothing.

        Args:
            kind: One of `OBSERVATIONS` but ``off``.
            num_domains: J.

        Raises:
            ValueError: Another kind.
        """
        super().__init__()
        if kind not in OBSERVATIONS[1:]:
            raise ValueError(f"there is no observation model {kind!r}; use one of {', '.join(OBSERVATIONS)}")
        self.kind = kind
        self.place_JPK = nn.Parameter(torch.zeros(num_domains, NUM_PLACES + 1, len(TASK_NAMES)))

    def forward(self, logits_NK: Tensor, domain_N: Tensor, place_N: Tensor) -> Tensor:
        """Logits of what the log says, from logits of what is wanted.

        Args:
            logits_NK: What the ranker answered.
            domain_N: Domain of each item's request.
            place_N: Place of each item in the shown list, from 1; 0 if not shown.
        """
        term_NK = self._terms()[domain_N, place_N.clamp(max=NUM_PLACES)]
        if self.training:
            is_kept_N = (torch.rand(len(domain_N), device=term_NK.device) >= DROPPED) | (place_N == NOT_SHOWN)
            term_NK = term_NK * is_kept_N[:, None]
        return logits_NK + term_NK if self.kind == "additive" else _times(logits_NK, term_NK)

    def factors(self) -> Tensor:
        """What a place does to the odds (additive) or the chance (examination) at the first one, [J, P + 1, K]."""
        with torch.no_grad():
            return self._terms().exp()

    def diagnose(self) -> dict[str, float]:
        """Factors of the click, by the index of the domain and the place."""
        factor_JP = self.factors()[:, :, TASK_NAMES.index("click")]
        return {
            f"{domain}.{name}": float(factor_JP[domain, place])
            for domain in range(len(factor_JP))
            for name, place in _TOLD.items()
        }

    def _terms(self) -> Tensor:
        """Terms of the logit, or logarithms of factors; 0 at the reference. [J, P + 1, K]."""
        return _SCALE * (self.place_JPK - self.place_JPK[:, FIRST : FIRST + 1])


def _times(logits_NK: Tensor, log_factor_NK: Tensor) -> Tensor:
    """Logits of chances times factors, without leaving the logarithms; chances stay below 1."""
    log_chance_NK = (functional.logsigmoid(logits_NK) + log_factor_NK).clamp(max=-1e-6)
    return log_chance_NK - torch.log(-torch.expm1(log_chance_NK))
