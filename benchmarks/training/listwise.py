"""What it is worth to hold a request with its items: ``python -m benchmarks.training.listwise``.

The same rows in the same order twice: once as requests of 30 items, once as that many requests of one item, which is
what a point-wise training set is. Whole steps are timed in turn, on one thread: loader, forward pass, backward pass and
update. The bytes of both training sets are told as well.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import record
from benchmarks.training.requests import DOMAINS, random_store
from uniscale.batch.arrays import Encoded, to_batch
from uniscale.data.frame_store import FrameStore
from uniscale.models.loss import ranking_loss
from uniscale.models.zoo import MODELS, SIZES, build_model
from uniscale.training.optim import Optimisers


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["xs", "m"], choices=SIZES)
    parser.add_argument("--models", nargs="+", default=sorted(MODELS), choices=sorted(MODELS))
    parser.add_argument("--requests", type=int, default=32, help="Requests of a batch.")
    parser.add_argument("--items", type=int, default=30, help="Items of a request.")
    parser.add_argument("--steps", type=int, default=6, help="Steps of each form.")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="uniscale-bench-") as folder:
        lists = random_store(Path(folder), requests=8 * arguments.requests, items=arguments.items)
        points = pointwise(lists, Path(folder))
        sizes = {"lists": num_bytes(lists), "points": num_bytes(points)}
        for size in arguments.sizes:
            for name in arguments.models:
                found.append({"size": size, "model": name, **trial(name, size, lists, points, arguments)})
                print(found[-1], flush=True)
    kept = {**record.begin("benchmarks.training.listwise"), "items": arguments.items, "bytes": sizes, "trials": found}
    record.store("listwise", kept, page(kept))


def pointwise(lists: FrameStore, folder: Path) -> FrameStore:
    """The same rows, each a request of its own."""
    whole = lists.select(np.arange(lists.num_requests))
    owner = np.repeat(np.arange(lists.num_requests), np.diff(whole.offsets))
    requests = {name: values[owner] for name, values in whole.requests.items()}
    return FrameStore([Encoded(requests=requests, items=whole.items, offsets=np.arange(len(owner) + 1))], folder)


def num_bytes(store: FrameStore) -> int:
    """Bytes of all columns."""
    return sum(column.nbytes for column in (*store._requests.values(), *store._items.values()))


def trial(name: str, size: str, lists: FrameStore, points: FrameStore, arguments: argparse.Namespace) -> dict[str, Any]:
    """Rows per second of both forms, steps taken in turn."""
    runs = {"lists": (lists, Stepper(name, size), arguments.requests)}
    runs["points"] = (points, Stepper(name, size), arguments.requests * arguments.items)
    seconds: dict[str, list[float]] = {form: [] for form in runs}
    for step in range(arguments.steps + 1):
        for form, (store, stepper, count) in runs.items():
            start = time.perf_counter()
            stepper(store, step % 8 * count, count)
            seconds[form].append(time.perf_counter() - start)
    rows = arguments.requests * arguments.items
    speeds = {form: rows / min(times[1:]) for form, times in seconds.items()}
    return {
        **{f"{form}_rows_per_second": speed for form, speed in speeds.items()},
        "ratio": speeds["lists"] / speeds["points"],
    }


class Stepper:
    """Takes training steps of a fresh ranker."""

    def __init__(self, name: str, size: str) -> None:
        torch.manual_seed(0)
        self._model = build_model(name, size, DOMAINS).train()
        self._optimisers = Optimisers(
            self._model.embedding_parameters(),
            self._model.dense_parameters(),
            embedding_rate=0.1,
            dense_rate=1e-3,
            warmup_steps=0,
        )

    def __call__(self, store: FrameStore, first: int, count: int) -> None:
        """One step on so many requests."""
        batch, labels = to_batch(store.select(np.arange(first, first + count)))
        (ranking_loss(self._model(batch), labels) + self._model.penalty()).backward()
        self._optimisers.step(0)


def page(kept: dict[str, Any]) -> str:
    """The record for people."""
    share = kept["bytes"]["points"] / kept["bytes"]["lists"]
    lines = [
        f"# List-wise against point-wise training, {kept['date']}",
        "",
        f"`{kept['command']}`; {kept['hardware']}, one thread. Requests of {kept['items']} items; best step of",
        f"each form. The point-wise training set takes {share:.1f} times the bytes.",
        "",
        "| size | ranker | lists, rows/s | points, rows/s | lists are faster by |",
        "|---|---|---|---|---|",
    ]
    for found in kept["trials"]:
        lines.append(
            f"| {found['size']} | {found['model']} | {found['lists_rows_per_second']:,.0f} | "
            f"{found['points_rows_per_second']:,.0f} | {found['ratio']:.2f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
