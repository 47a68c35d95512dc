"""What a second worker brings: ``python -m benchmarks.training.workers``.

The same training run on one process and on two (gloo), one thread each, in turn; and with two, whether both end with
the same weights. The share of a step that goes into the exchange of gradients is told as well.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import record
from uniscale.models.zoo import MODELS, SIZES


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["dlrm", "hhsft", "rankmixer"], choices=sorted(MODELS))
    parser.add_argument("--sizes", nargs="+", default=["xs", "m"], choices=SIZES)
    parser.add_argument("--requests", type=int, default=128, help="Requests of a global batch.")
    parser.add_argument("--steps", type=int, default=12, help="Steps of a run.")
    parser.add_argument("--repeats", type=int, default=3, help="Runs of each; the best counts.")
    parser.add_argument("--worker", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        model, size, rank, group = arguments.worker
        work(model, size, int(rank), group, arguments)
        return
    trials = [trial(model, size, arguments) for size in arguments.sizes for model in arguments.models]
    kept = {**record.begin("benchmarks.training.workers"), "requests": arguments.requests, "trials": trials}
    record.store("workers", kept, page(kept))


def trial(model: str, size: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Best speed with one worker and with two."""
    speeds: dict[int, list[float]] = {1: [], 2: []}
    exchange: list[float] = []
    for _ in range(arguments.repeats):
        for world_size, found in speeds.items():
            answers = _group(model, size, world_size, arguments)
            if len({answer["weights"] for answer in answers}) != 1:
                raise RuntimeError(f"{model} {size}: the workers ended with different weights")
            found.append(answers[0]["rows_per_second"])
            if world_size == 2:
                exchange.append(answers[0]["exchange_share"])
    result = {
        "model": model,
        "size": size,
        "one": max(speeds[1]),
        "two": max(speeds[2]),
        "ratio": max(speeds[2]) / max(speeds[1]),
        "exchange_share": min(exchange),
    }
    print(result, flush=True)
    return result


def _group(model: str, size: str, world_size: int, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="uniscale-bench-") as folder:
        options = ["--requests", str(arguments.requests), "--steps", str(arguments.steps)]
        group = f"{world_size}:{folder}/group"
        workers = [
            subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "benchmarks.training.workers",
                    *options,
                    "--worker",
                    model,
                    size,
                    str(rank),
                    group,
                ],
                stdout=subprocess.PIPE,
                text=True,
            )
            for rank in range(world_size)
        ]
        return [json.loads(worker.communicate()[0].splitlines()[-1]) for worker in workers]


def work(model: str, size: str, rank: int, group: str, arguments: argparse.Namespace) -> None:
    """One worker: train, and tell the speed from the second step on."""
    import torch

    from benchmarks.training.requests import DOMAINS, random_store
    from uniscale.contracts.optimisation import TrainConfig
    from uniscale.data.loader import Loader
    from uniscale.models.zoo import build_model
    from uniscale.training.config import Worker
    from uniscale.training.loop import Trainer
    from uniscale.training.memory import keep_memory

    world_size, path = group.split(":", 1)
    torch.set_num_threads(1)
    keep_memory()
    if int(world_size) > 1:
        torch.distributed.init_process_group(
            "gloo", init_method=f"file://{path}", rank=rank, world_size=int(world_size)
        )
    with tempfile.TemporaryDirectory(prefix="uniscale-bench-") as folder:
        store = random_store(Path(folder), requests=arguments.steps * arguments.requests, items=30)
        config = TrainConfig(
            epochs=1,
            batch_requests=arguments.requests,
            embedding_rate=0.1,
            dense_rate=1e-3,
            warmup_steps=5,
            log_steps=10**6,
        )
        loader = Loader(
            store,
            batch_requests=arguments.requests,
            seed=0,
            rank=rank,
            world_size=int(world_size),
            prefetch=2,
            micro_batch=32,
        )
        torch.manual_seed(0)
        worker = Worker(rank=rank, world_size=int(world_size))
        trainer = Trainer(
            build_model(model, size, DOMAINS), loader, config, seed=0, failures=Path(folder), worker=worker
        )
        clock = _timed(trainer)
        trainer.run()
    seconds, exchange = clock["step"][1:], clock["sync"][1:]
    best = min(range(len(seconds)), key=seconds.__getitem__)
    answer = {
        "rows_per_second": 30 * arguments.requests / seconds[best],
        "exchange_share": exchange[best] / seconds[best],
        "weights": sum(parameter.detach().double().sum().item() for parameter in trainer.model.parameters()),
    }
    print(json.dumps(answer))


def _timed(trainer: Any) -> dict[str, list[float]]:
    clock: dict[str, list[float]] = {"step": [], "sync": []}

    def timed(work: Any, name: str) -> Any:
        def run(*arguments: Any) -> Any:
            start = time.perf_counter()
            result = work(*arguments)
            clock[name].append(time.perf_counter() - start)
            return result

        return run

    trainer._step, trainer._sync = timed(trainer._step, "step"), timed(trainer._sync, "sync")
    return clock


def page(kept: dict[str, Any]) -> str:
    """The record for people."""
    lines = [
        f"# Two workers against one, {kept['date']}",
        "",
        f"`{kept['command']}`; {kept['hardware']}, one thread each, gloo. {kept['requests']} requests of 30 items a",
        "step; best step of all runs. Both workers ended with the same weights.",
        "",
        "| size | ranker | one, rows/s | two, rows/s | ratio | exchange and waiting |",
        "|---|---|---|---|---|---|",
    ]
    for found in kept["trials"]:
        lines.append(
            f"| {found['size']} | {found['model']} | {found['one']:,.0f} | {found['two']:,.0f} | "
            f"{found['ratio']:.2f} | {found['exchange_share']:.0%} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
