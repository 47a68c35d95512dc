"""Training steps on a device: how long they take, with how much memory, at which share of the device's best."""

from __future__ import annotations

import gc
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import torch

from benchmarks.gpu.kernels import look_into
from benchmarks.gpu.plan import FORMS, Cell, Form
from benchmarks.limits import gemm_gflops
from benchmarks.training.requests import DOMAINS, random_store
from benchmarks.training.steps import Stepper, training_flops
from uniscale.contracts.optimisation import TrainConfig
from uniscale.data.loader import Loader, LoaderState, Step
from uniscale.models.zoo import build_model, num_params
from uniscale.training.config import Worker
from uniscale.training.loop import Trainer
from uniscale.training.matmul import quick_products

ITEMS = 30
READY = 3
"""Batches that take turns."""
WARM, FEWEST, LONGEST_SECONDS = 2, 4, 1.0
"""Steps before the timed ones; timed steps, at least; seconds after which no more are needed."""


class Bench:
    """A device, a training set of random requests, and the ranker that was built last.

    Attributes:
        loader_rows_per_second: Rows that one thread of the loader makes, by requests of a batch.
    """

    def __init__(self, device: str, folder: Path, *, largest: int, most_steps: int) -> None:
        """Draw the requests.

        Args:
            device: Torch device.
            folder: For the training set.
            largest: Requests of the largest batch.
            most_steps: Timed steps of a cell, at most.
        """
        self.device = device
        self.loader_rows_per_second: dict[int, float] = {}
        self._is_cuda = torch.device(device).type == "cuda"
        self._folder = folder
        self._most_steps = max(FEWEST, most_steps)
        self._store = random_store(folder, requests=READY * largest, items=ITEMS)
        self._batches: dict[int, list[Step]] = {}
        self._built: tuple[tuple[str, str, bool], Stepper, tuple[int, int]] | None = None

    def measure(self, cell: Cell, peak_tflops: float) -> dict[str, Any]:
        """Time a cell's steps and look into one.

        Args:
            cell: What to time.
            peak_tflops: The best matrix product of the cell's precision.

        Raises:
            torch.cuda.OutOfMemoryError: The batch does not fit.
        """
        ready = self._ready(cell.requests)
        take, (per_batch, per_request) = self._ranker(cell)
        take.trainer._worker = replace(take.trainer._worker, precision=FORMS[cell.form].precision)
        if self._is_cuda:
            torch.cuda.reset_peak_memory_stats()
        first = self._seconds(take, ready[0])
        for step in islice(ready, WARM):
            take(step)
        times: list[float] = []
        while len(times) < FEWEST or (len(times) < self._most_steps and sum(times) < LONGEST_SECONDS):
            times.append(self._seconds(take, ready[len(times) % READY]))
        peak_bytes = torch.cuda.max_memory_allocated() if self._is_cuda else None
        seconds, tflop = median(times), (per_batch + per_request * cell.requests) / 1e12
        quarter, _, three_quarters = quantiles(times, n=4)
        return {
            "num_params": num_params(take.trainer.model),
            "rows_per_second": cell.requests * ITEMS / seconds,
            "steps": len(times),
            "seconds": seconds,
            "quarter_seconds": quarter,
            "three_quarters_seconds": three_quarters,
            "first_seconds": first,
            "tflop": tflop,
            "share_of_peak": tflop / seconds / peak_tflops,
            "peak_gib": None if peak_bytes is None else peak_bytes / 2**30,
            **look_into(lambda: self._seconds(take, ready[0]), self.device, seconds),
        }

    def release(self) -> None:
        """Give back the memory of the ranker that was built last, and everything that was compiled."""
        self._built = None
        torch.compiler.reset()
        gc.collect()
        if self._is_cuda:
            torch.cuda.empty_cache()

    def _ready(self, requests: int) -> list[Step]:
        if requests not in self._batches:
            steps = self._loader(requests).epoch(LoaderState())
            first, start = next(steps), time.perf_counter()  # the first finds the columns on the disk
            rest = list(islice(steps, READY - 1))
            rows = sum(step.num_items for step in rest)
            self.loader_rows_per_second[requests] = rows / (time.perf_counter() - start)
            self._batches[requests] = [first, *rest]
        return self._batches[requests]

    def _loader(self, requests: int) -> Loader:
        return Loader(self._store, batch_requests=requests, seed=0, micro_batch=None)

    def _ranker(self, cell: Cell) -> tuple[Stepper, tuple[int, int]]:
        """The ranker with its trainer, and its operations per batch and per request of it."""
        key = (cell.ranker, cell.size, FORMS[cell.form].compiled)
        if self._built is None or self._built[0] != key:
            self.release()
            trainer = self._trainer(cell)
            flops = self._flops(trainer)
            if FORMS[cell.form].compiled:
                trainer.model.compile_score()
            self._built = (key, Stepper(trainer), flops)
        return self._built[1:]

    def _trainer(self, cell: Cell) -> Trainer:
        torch.manual_seed(0)
        with torch.device(self.device):  # drawn where it stays: a processor takes long for tables of the largest size
            model = build_model(cell.ranker, cell.size, DOMAINS)
        # So long a run that what follows a schedule stands still.
        config = TrainConfig(
            epochs=10**6, batch_requests=cell.requests, embedding_rate=0.1, dense_rate=1e-3, warmup_steps=10
        )
        worker = Worker(device=self.device)
        return Trainer(model, self._loader(cell.requests), config, seed=0, failures=self._folder, worker=worker)

    def _flops(self, trainer: Trainer) -> tuple[int, int]:
        """Operations per batch and per request, from batches of three and of six requests."""
        three, six = (next(self._loader(requests).epoch(LoaderState())).micro_batches[0] for requests in (3, 6))
        few, many = (
            training_flops(trainer.model, batch.to(self.device), labels.to(self.device))
            for batch, labels in (three, six)
        )
        per_request = (many - few) // 3
        return few - 3 * per_request, per_request

    def _seconds(self, take: Stepper, step: Step) -> float:
        self._wait()
        start = time.perf_counter()
        take(step)
        self._wait()
        return time.perf_counter() - start

    def _wait(self) -> None:
        if self._is_cuda:
            torch.cuda.synchronize()


def best_tflops(form: Form, device: str) -> float:
    """The best matrix product in a form's precision, in TFLOP/s."""
    sizes = (4096, 8192, 16384) if torch.device(device).type == "cuda" else (512,)
    with quick_products(form.precision == "bf16_matmul", device):
        return max(gemm_gflops(size, device=device, is_bf16=form.precision == "bf16") for size in sizes) / 1e3
