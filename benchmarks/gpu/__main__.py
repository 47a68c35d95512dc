"""How rankers train on a GPU: ``python -m benchmarks.gpu``.

It needs torch and numpy alone, and this checkout. Random requests go through the engine's own loader and trainer: each
ranker at sizes m, l and xl, with growing batches, in fp32, TF32, bf16 autocast and compiled. The record tells rows per
second, the share of the best matrix product, memory, kernels, where their time goes, and whether the losses are the
CPU's. What tells most comes first, every result is written as it comes, and what the budget leaves out is named.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks import record
from benchmarks.gpu.compare import compare
from benchmarks.gpu.measure import Bench, best_tflops
from benchmarks.gpu.plan import FORMS, Cell, Check, plan
from benchmarks.gpu.report import counted, page
from benchmarks.gpu.run import Run
from uniscale.models.zoo import MODELS, SIZES
from uniscale.training.determinism import use_threads
from uniscale.training.memory import keep_memory


def main() -> None:
    """Command line."""
    begin = time.monotonic()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"], help="cpu tries the script out.")
    parser.add_argument("--sizes", nargs="+", default=["m", "l", "xl"], choices=SIZES, help="The most telling first.")
    parser.add_argument("--models", nargs="+", default=sorted(MODELS), choices=sorted(MODELS))
    parser.add_argument("--forms", nargs="+", default=list(FORMS), choices=FORMS)
    parser.add_argument("--requests", nargs="+", type=int, default=[256, 1024, 4096], help="Requests of the batches.")
    parser.add_argument("--steps", type=int, default=20, help="Timed steps of each kind, at most.")
    parser.add_argument("--budget-seconds", type=float, default=480, help="Seconds of the whole run.")
    parser.add_argument("--folder", type=Path, default=record.RECORDS, help="Where the record is written.")
    arguments = parser.parse_args()
    is_cuda = arguments.device == "cuda"
    if is_cuda and not torch.cuda.is_available():
        parser.error("torch finds no GPU here; --device cpu tries the script out")
    use_threads(4 if is_cuda else 1)
    keep_memory()
    kept = {**record.begin("benchmarks.gpu"), **_machine(is_cuda)}
    peaks = {name: best_tflops(form, arguments.device) for name, form in FORMS.items() if not form.compiled}
    print(f"{kept['card']}: " + ", ".join(f"{form} {best:.3g} TFLOP/s" for form, best in peaks.items()), flush=True)
    best_of_precision = {FORMS[name].precision: best for name, best in peaks.items()}
    with tempfile.TemporaryDirectory(prefix="uniscale-gpu-") as name:
        folder = Path(name)
        bench = Bench(arguments.device, folder, largest=max(arguments.requests), most_steps=arguments.steps)

        def do(item: Cell | Check) -> dict[str, Any]:
            if isinstance(item, Check):
                bench.release()
                return {"outcome": "compared", **compare(item.ranker, arguments.device, folder)}
            return {"outcome": "timed", **bench.measure(item, best_of_precision[FORMS[item.form].precision])}

        def write(kept: dict[str, Any]) -> None:
            full = {**kept, "peak_tflops": peaks, "loader_rows_per_second": bench.loader_rows_per_second}
            record.store(_name(kept["card"]), full, page(full), folder=arguments.folder)

        asked = plan(arguments.models, arguments.sizes, arguments.requests, arguments.forms)
        run = Run(
            kept,
            asked,
            clock=lambda: time.monotonic() - begin,
            budget_seconds=arguments.budget_seconds,
            write=write,
        )
        run.go(do, bench.release)
    if run.kept["left_out"]:
        print(f"left out, for want of time: {counted(run.kept['left_out'])}")
    if run.problems:
        sys.exit("\n".join(run.problems))


def _machine(is_cuda: bool) -> dict[str, str]:
    found = {"card": "cpu", "hardware": f"{record.hardware()}, torch {torch.__version__}"}
    if is_cuda:
        card = torch.cuda.get_device_properties(0)
        found["card"] = card.name
        found["hardware"] = f"{card.name}, {card.total_memory / 2**30:.0f} GiB; {found['hardware']}"
    return found


def _name(card: str) -> str:
    return "gpu_" + re.sub(r"\W+", "_", card.lower()).strip("_")


if __name__ == "__main__":
    main()
