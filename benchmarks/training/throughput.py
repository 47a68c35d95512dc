"""How fast rankers train: ``python -m benchmarks.training.throughput --size m``.

Each ranker trains on random requests in a process of its own, on one thread. The machine's matrix product is timed
before and after each step, as its speed changes within seconds. The record tells rows and floating-point operations per
second, their share of the product's (the median over steps, and the lowest and the highest), the share of the step that
goes into the loader and into embedding tables, and where the rest of the time goes by kind of operation
(torch.profiler).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import record
from benchmarks.limits import gemm_gflops
from uniscale.contracts.training import PRECISIONS
from uniscale.models.zoo import MODELS, SIZES

PROFILED = 3


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="m", choices=SIZES)
    parser.add_argument("--models", nargs="+", default=sorted(MODELS), choices=sorted(MODELS))
    parser.add_argument("--requests", type=int, default=128, help="Requests of a batch.")
    parser.add_argument("--micro-batch", type=int, default=32, help="Requests that are computed at a time.")
    parser.add_argument("--items", type=int, default=30, help="Items of a request.")
    parser.add_argument("--steps", type=int, default=8, help="Steps that are timed.")
    parser.add_argument("--precision", default="fp32", choices=PRECISIONS)
    parser.add_argument("--only", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps(measure(arguments.only, arguments)))
        return
    found = {name: _in_a_process(name, arguments) for name in arguments.models}
    kept = {**record.begin("benchmarks.training.throughput"), "size": arguments.size, "precision": arguments.precision}
    kept["models"] = found
    name = f"throughput_{arguments.size}" if arguments.precision == "fp32" else f"throughput_{arguments.precision}"
    record.store(name, kept, page(kept))


def _in_a_process(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    options = {"size": "size", "requests": "requests", "micro-batch": "micro_batch", "items": "items"}
    options |= {"steps": "steps", "precision": "precision"}
    words = [word for option, key in options.items() for word in (f"--{option}", str(getattr(arguments, key)))]
    command = [sys.executable, "-m", "benchmarks.training.throughput", *words, "--only", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name} failed:\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(
        f"{name}: {found['share_of_peak']:.0%} of the matrix product, {found['rows_per_second']:,.0f} rows/s",
        flush=True,
    )
    return found


def measure(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Time training steps of one ranker: the engine's own, with its loader."""
    import torch

    from benchmarks.training.requests import DOMAINS, random_store
    from benchmarks.training.steps import Stepper, training_flops
    from uniscale.contracts.optimisation import TrainConfig
    from uniscale.data.loader import Loader, LoaderState
    from uniscale.models.zoo import build_model, num_params
    from uniscale.training.config import Worker
    from uniscale.training.determinism import use_threads
    from uniscale.training.loop import Trainer
    from uniscale.training.memory import keep_memory

    use_threads(1)
    keep_memory()
    config = TrainConfig(
        epochs=1, batch_requests=arguments.requests, embedding_rate=0.1, dense_rate=1e-3, warmup_steps=10
    )
    with tempfile.TemporaryDirectory() as folder:
        steps = arguments.steps + 1 + PROFILED
        store = random_store(Path(folder), requests=steps * arguments.requests, items=arguments.items)
        loader = Loader(store, batch_requests=arguments.requests, seed=0, micro_batch=arguments.micro_batch)
        torch.manual_seed(0)
        model, worker = build_model(name, arguments.size, DOMAINS), Worker(precision=arguments.precision)
        trainer = Trainer(model, loader, config, seed=0, failures=Path(folder), worker=worker)
        take = Stepper(trainer)
        batches = loader.epoch(LoaderState())
        clock: Counter[str] = Counter()
        times: list[float] = []
        parts: defaultdict[str, list[float]] = defaultdict(list)

        def step() -> None:
            start = time.perf_counter()
            batch = next(batches)
            clock["loader"] += time.perf_counter() - start
            take(batch)

        step()
        one = next(Loader(store, batch_requests=1, seed=0).epoch(LoaderState()))
        flops = training_flops(trainer.model, *one.micro_batches[0])
        _time_tables(trainer, clock)
        peaks = [gemm_gflops()]
        for _ in range(arguments.steps):
            clock.clear()
            start = time.perf_counter()
            step()
            times.append(time.perf_counter() - start)
            for part, seconds in clock.items():
                parts[part].append(seconds / times[-1])
            peaks.append(gemm_gflops())
        kinds, backward_of_tables = _profile(step)
    gflop = flops * arguments.requests / 1e9
    peaks_around = [(before + after) / 2 for before, after in pairwise(peaks)]
    shares = [gflop / seconds / peak for seconds, peak in zip(times, peaks_around, strict=True)]
    seconds = median(times)
    return {
        "num_params": num_params(trainer.model),
        "rows_per_second": arguments.requests * arguments.items / seconds,
        "seconds": seconds,
        "gflop": gflop,
        "gflops": gflop / seconds,
        "peak_gflops": median(peaks_around),
        "share_of_peak": median(shares),
        "lowest_share": min(shares),
        "highest_share": max(shares),
        "loader_share": median(parts["loader"]),
        "tables_share": median(parts["tables"]) + backward_of_tables,
        "time_by_kind": kinds,
    }


def _time_tables(trainer: Any, clock: Counter[str]) -> None:
    """Add up the time of look-ups and of table updates."""
    tables, optimiser = trainer.model.inputs.tables, trainer._optimisers._embedding

    def timed(work: Any) -> Any:
        def run(*arguments: Any, **options: Any) -> Any:
            start = time.perf_counter()
            result = work(*arguments, **options)
            clock["tables"] += time.perf_counter() - start
            return result

        return run

    tables.forward, optimiser.step = timed(tables.forward), timed(optimiser.step)


def _profile(step: Any) -> tuple[dict[str, float], float]:
    """Shares of the step by kind of operation, and the share of the tables' backward pass."""
    from torch.profiler import ProfilerActivity, profile

    from benchmarks.training.steps import own_times, shares_by_kind

    with profile(activities=[ProfilerActivity.CPU]) as seen:
        for _ in range(PROFILED):
            step()
    own = own_times(seen.key_averages(), "cpu")
    total = sum(own.values())
    kinds = shares_by_kind(own, total)
    # The backward pass of the tables, with all that it calls.
    backward = sum(event.cpu_time_total for event in seen.key_averages() if event.key == "_TrainRowsBackward") / total
    return kinds, backward


def page(kept: dict[str, Any]) -> str:
    """The record for people."""
    lines = [
        f"# Training speed at size {kept['size']}, {kept['precision']}, {kept['date']}",
        "",
        f"`{kept['command']}`; {kept['hardware']}, one thread. Medians over steps. The matrix product",
        "is that of 2,048 x 2,048 matrices in fp32, the best of five before and after each step.",
        "",
        "| ranker | rows/s | GFLOP/s | product | share | lowest to highest | loader | tables |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, found in kept["models"].items():
        lines.append(
            f"| {name} | {found['rows_per_second']:,.0f} | {found['gflops']:.0f} | {found['peak_gflops']:.0f} | "
            f"{found['share_of_peak']:.0%} | {found['lowest_share']:.0%} to {found['highest_share']:.0%} | "
            f"{found['loader_share']:.1%} | {found['tables_share']:.1%} |"
        )
    kinds = list(next(iter(kept["models"].values()))["time_by_kind"])
    lines += ["", "Where the time of a step goes:", "", f"| ranker | {' | '.join(kinds)} |"]
    lines.append("|---" * (len(kinds) + 1) + "|")
    for name, found in kept["models"].items():
        lines.append(f"| {name} | {' | '.join(f'{share:.0%}' for share in found['time_by_kind'].values())} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
