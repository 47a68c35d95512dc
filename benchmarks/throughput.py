"""How fast rankers train: ``python -m benchmarks.throughput --size m``.

Each ranker trains on random requests in a process of its own, on one thread; the machine's best matrix product is timed
in the same process. The record tells rows and floating-point operations per second, their share of that best, the
share of the step that goes into the loader and into embedding tables, and where the rest of the time goes by kind of
operation (torch.profiler).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import record
from benchmarks.limits import gemm_gflops
from uniscale.models.zoo import MODELS, SIZES

KINDS = {
    "matrix products": ("aten::mm", "aten::bmm", "aten::addmm", "aten::baddbmm"),
    "attention": ("aten::_scaled_dot_product", "aten::_softmax", "aten::softmax"),
    "activation": ("aten::gelu", "aten::silu", "aten::relu", "aten::sigmoid", "aten::tanh", "aten::threshold"),
    "norm": ("aten::native_layer_norm", "aten::_fused_rms_norm", "aten::rms_norm", "aten::native_batch_norm"),
    "tables": ("aten::_embedding_bag", "aten::embedding", "aten::_coalesce", "aten::coalesce"),
    "copies": ("aten::copy_", "aten::cat", "aten::index_select", "aten::stack", "aten::clone", "aten::gather"),
    "sums and products": ("aten::add", "aten::mul", "aten::sum", "aten::div", "aten::sub", "aten::where"),
}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="m", choices=SIZES)
    parser.add_argument("--models", nargs="+", default=sorted(MODELS), choices=sorted(MODELS))
    parser.add_argument("--requests", type=int, default=128, help="Requests of a batch.")
    parser.add_argument("--items", type=int, default=30, help="Items of a request.")
    parser.add_argument("--steps", type=int, default=8, help="Steps that are timed.")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps(measure(arguments.only, arguments)))
        return
    found = {name: _in_a_process(name, arguments) for name in arguments.models}
    kept = {**record.begin("benchmarks.throughput"), "size": arguments.size, "models": found}
    record.store(f"throughput_{arguments.size}", kept, page(kept))


def _in_a_process(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    options = ("size", "requests", "items", "steps")
    words = [word for option in options for word in (f"--{option}", str(getattr(arguments, option)))]
    command = [sys.executable, "-m", "benchmarks.throughput", *words, "--only", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name} failed:\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(
        f"{name}: {found['share_of_peak']:.0%} of the best product, {found['rows_per_second']:,.0f} rows/s", flush=True
    )
    return found


def measure(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Time training steps of one ranker."""
    import torch

    from benchmarks.requests import DOMAINS, random_store
    from uniscale.data.encode import to_batch
    from uniscale.models.loss import ranking_loss
    from uniscale.models.zoo import build_model, num_params
    from uniscale.training.optim import Optimisers

    torch.set_num_threads(1)
    peaks = [gemm_gflops()]
    torch.manual_seed(0)
    model = build_model(name, arguments.size, DOMAINS).train()
    optimisers = Optimisers(
        model.embedding_parameters(), model.dense_parameters(), embedding_rate=0.1, dense_rate=1e-3, warmup_steps=10
    )
    with tempfile.TemporaryDirectory() as folder:
        store = random_store(Path(folder), requests=16 * arguments.requests, items=arguments.items)
        rng = torch.Generator().manual_seed(0)
        clock: Counter[str] = Counter()
        times: list[float] = []
        parts: list[Counter[str]] = []

        def step(number: int) -> None:
            start = time.perf_counter()
            picked = torch.randint(0, store.num_requests, (arguments.requests,), generator=rng).numpy()
            batch, labels = to_batch(store.select(picked))
            clock["loader"] += time.perf_counter() - start
            loss = ranking_loss(model(batch), labels) + model.penalty()
            loss.backward()
            optimisers.step(number)

        step(0)
        flops = _flops(model, store, arguments)
        _time_tables(model, optimisers, clock)
        for number in range(arguments.steps):
            clock.clear()
            start = time.perf_counter()
            step(number)
            times.append(time.perf_counter() - start)
            parts.append(Counter(clock))
        kinds, backward_of_tables = _profile(step)
        peaks.append(gemm_gflops())
    best = min(range(len(times)), key=times.__getitem__)
    seconds, peak = times[best], max(peaks)
    return {
        "num_params": num_params(model),
        "rows_per_second": arguments.requests * arguments.items / seconds,
        "seconds": seconds,
        "median_seconds": median(times),
        "gflop": flops / 1e9,
        "gflops": flops / seconds / 1e9,
        "peak_gflops": peak,
        "share_of_peak": flops / seconds / 1e9 / peak,
        "loader_share": parts[best]["loader"] / seconds,
        "tables_share": (parts[best]["tables"] / seconds) + backward_of_tables,
        "time_by_kind": kinds,
    }


def _flops(model: Any, store: Any, arguments: argparse.Namespace) -> int:
    """Operations of one step, forward and backward; attention is counted by its plain form."""
    import numpy as np
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    from uniscale.data.encode import to_batch
    from uniscale.models.loss import ranking_loss

    batch, labels = to_batch(store.select(np.arange(arguments.requests)))
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        (ranking_loss(model(batch), labels) + model.penalty()).backward()
    model.zero_grad(set_to_none=True)
    return int(counter.get_total_flops())


def _time_tables(model: Any, optimisers: Any, clock: Counter[str]) -> None:
    """Add up the time of look-ups and of table updates."""
    look_up, update = model.inputs.tables.forward, optimisers._embedding.step

    def timed(work: Any) -> Any:
        def run(*arguments: Any, **options: Any) -> Any:
            start = time.perf_counter()
            result = work(*arguments, **options)
            clock["tables"] += time.perf_counter() - start
            return result

        return run

    model.inputs.tables.forward, optimisers._embedding.step = timed(look_up), timed(update)


def _profile(step: Any) -> tuple[dict[str, float], float]:
    """Shares of the step by kind of operation, and the share of the tables' backward pass."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU]) as seen:
        for number in range(3):
            step(number)
    own = {event.key: event.self_cpu_time_total for event in seen.key_averages()}
    total = sum(own.values())
    kinds = {
        kind: sum(spent for key, spent in own.items() if key.startswith(names)) / total for kind, names in KINDS.items()
    }
    kinds["other"] = 1 - sum(kinds.values())
    backward = sum(spent for key, spent in own.items() if "embedding_bag" in key and "backward" in key) / total
    return kinds, backward


def page(kept: dict[str, Any]) -> str:
    """The record for people."""
    lines = [
        f"# Training speed at size {kept['size']}, {kept['date']}",
        "",
        f"`{kept['command']}`; {kept['hardware']}, one thread. Best of several steps. The best matrix product is that",
        "of 2,048 x 2,048 matrices in fp32, timed in the same process.",
        "",
        "| ranker | rows/s | GFLOP/s | best product | share | loader | tables |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, found in kept["models"].items():
        lines.append(
            f"| {name} | {found['rows_per_second']:,.0f} | {found['gflops']:.0f} | {found['peak_gflops']:.0f} | "
            f"{found['share_of_peak']:.0%} | {found['loader_share']:.1%} | {found['tables_share']:.1%} |"
        )
    lines += ["", "Where the time of a step goes:", "", f"| ranker | {' | '.join([*KINDS, 'other'])} |"]
    lines.append("|---" * (len(KINDS) + 2) + "|")
    for name, found in kept["models"].items():
        lines.append(f"| {name} | {' | '.join(f'{share:.0%}' for share in found['time_by_kind'].values())} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
