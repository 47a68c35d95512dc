"""How a run goes: loss, speed and early metrics between two points of the curve.

The click AUC is progressive: each row is scored before it is trained on. In the first epoch it is therefore a figure on
rows the ranker has not seen; from the second epoch on it is not.

Letters: N items, J domains, B bins.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from uniscale.batch.tensors import Batch, Labels
from uniscale.contracts.tasks import TASK_NAMES
from uniscale.models.loss import domain_sums

NUM_BINS, LIMIT = 2048, 16.0


@dataclass(frozen=True, kw_only=True, slots=True)
class CurvePoint:
    """One point of the loss curve.

    Attributes:
        step: Steps done since the run began.
        steps: Steps of the whole run.
        epoch: Epochs done, with the fraction of the current one.
        loss: Mean training loss since the last point.
        click_auc: Progressive AUC of clicks since the last point; None without a click or without a row unclicked.
        domain_losses: Mean weighted loss of each domain's rows since the last point, by name; of those that had rows.
        rows_per_second: Rows trained on per second since the last point, over all workers.
        seconds_left: Estimate for the rest of the run.
        diagnostics: What the ranker tells of itself (`Ranker.diagnostics`).
    """

    step: int
    steps: int
    epoch: float
    loss: float
    click_auc: float | None
    domain_losses: dict[str, float]
    rows_per_second: float
    seconds_left: float
    diagnostics: dict[str, float]

    def numbers(self) -> dict[str, float]:
        """The point as plain numbers by name; what is None is left out."""
        found: dict[str, float] = {
            "step": self.step,
            "steps": self.steps,
            "epoch": self.epoch,
            "loss": self.loss,
            "rows_per_second": self.rows_per_second,
            "seconds_left": self.seconds_left,
        }
        if self.click_auc is not None:
            found["click_auc"] = self.click_auc
        found |= {f"loss_{domain}": loss for domain, loss in self.domain_losses.items()}
        return found | self.diagnostics


class TrainingMetrics:
    """Adds up what happens between two points, over all workers."""

    def __init__(
        self,
        *,
        domains: Sequence[str],
        steps_per_epoch: int,
        total_steps: int,
        done: int,
        workers: int,
        device: str = "cpu",
    ) -> None:
        """Begin.

        Args:
            domains: Names of the domains.
            steps_per_epoch: Steps of an epoch.
            total_steps: Steps of the run.
            done: Steps that are done already.
            workers: World size.
            device: Where the ranker answers. Sums stay there until a point is asked for: a step does not wait for
                them, and the back end of that device adds them up over the workers.
        """
        self._domains = domains
        self._steps_per_epoch = steps_per_epoch
        self._total_steps = total_steps
        self._workers = workers
        self._device = device
        self._begin, self._first = time.monotonic(), done
        self._clear()

    def _clear(self) -> None:
        self._since, self._loss, self._steps, self._rows = time.monotonic(), 0.0, 0, 0
        self._sums = torch.zeros(2, len(self._domains), dtype=torch.float64, device=self._device)
        self._counts = torch.zeros(2 * NUM_BINS, dtype=torch.float64, device=self._device)

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def add(self, batch: Batch, logits_NK: Tensor, labels: Labels, loss_N: Tensor) -> None:
        """Count what a ranker answered.

        Args:
            batch: Requests of this worker.
            logits_NK: The answer, before the step.
            labels: What happened.
            loss_N: Loss of each item.
        """
        self._sums += torch.stack(domain_sums(loss_N, batch, labels, len(self._domains)))
        click = TASK_NAMES.index("click")
        place_N = (logits_NK[:, click].float() + LIMIT) * (NUM_BINS / (2 * LIMIT))
        bin_N = place_N.clamp(0, NUM_BINS - 1).long() + NUM_BINS * (labels.targets_NK[:, click] > 0)
        self._counts += torch.bincount(bin_N, minlength=2 * NUM_BINS)

    def end_step(self, num_items: int, loss: float) -> None:
        """Count a step.

        Args:
            num_items: Rows of the global batch.
            loss: Its loss.
        """
        self._loss += loss
        self._steps += 1
        self._rows += num_items

    def point(self, done: int, diagnostics: dict[str, float]) -> CurvePoint:
        """The point after so many steps; counting starts over."""
        sums, counts = self._of_all_workers()
        now = time.monotonic()
        per_step = (now - self._begin) / max(1, done - self._first)
        losses = (sums[0] / sums[1]).tolist()
        point = CurvePoint(
            step=done,
            steps=self._total_steps,
            epoch=done / max(1, self._steps_per_epoch),
            loss=self._loss / max(1, self._steps),
            click_auc=binned_auc(counts.view(2, NUM_BINS)),
            domain_losses={
                d: loss for d, loss, w in zip(self._domains, losses, sums[1].tolist(), strict=True) if w > 0
            },
            rows_per_second=self._rows / max(1e-9, now - self._since),
            seconds_left=per_step * (self._total_steps - done),
            diagnostics=diagnostics,
        )
        self._clear()
        return point

    def _of_all_workers(self) -> tuple[Tensor, Tensor]:
        together = torch.cat([self._sums.reshape(-1), self._counts])
        if self._workers > 1:
            dist.all_reduce(together)
        together = together.cpu()
        return together[: self._sums.numel()].view_as(self._sums), together[self._sums.numel() :]


def binned_auc(counts_2B: Tensor) -> float | None:
    """AUC from counts of negatives and positives per bin of the score, ascending; a tie within a bin counts one half.

    Returns:
        None without a positive or without a negative.
    """
    negative_B, positive_B = counts_2B
    pairs = float(negative_B.sum() * positive_B.sum())
    if not pairs:
        return None
    below_B = negative_B.cumsum(0) - negative_B
    return float((positive_B * (below_B + 0.5 * negative_B)).sum()) / pairs
