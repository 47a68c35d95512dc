"""How long a ranker takes for 500 candidates: ``python -m benchmarks.serving.scoring``.

A request with its candidates as model input, to logits, on one thread: eager, compiled (`torch.compile`) and exported
(`torch.export`, read back from the disk). The three take turns within a ranker.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import record
from benchmarks.training.requests import DOMAINS
from uniscale.batch.synthetic import random_batch
from uniscale.batch.tensors import Batch
from uniscale.contracts.inputs import HISTORY_LENGTH
from uniscale.models.export import export_ranker
from uniscale.models.zoo import MODELS, SIZES, build_model

FORMS = ("eager", "compiled", "exported")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["s", "m"], choices=SIZES)
    parser.add_argument("--models", nargs="+", default=sorted(MODELS), choices=sorted(MODELS))
    parser.add_argument("--forms", nargs="+", default=FORMS, choices=FORMS)
    parser.add_argument("--candidates", type=int, default=500)
    parser.add_argument("--requests", type=int, default=100, help="Requests of each form.")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    trials = []
    for size in arguments.sizes:
        for name in arguments.models:
            trials.append({"size": size, "model": name, **trial(name, size, arguments)})
            print(trials[-1], flush=True)
    kept = {**record.begin("benchmarks.serving.scoring"), "candidates": arguments.candidates, "trials": trials}
    record.store("scoring", kept, page(kept, tuple(arguments.forms)))


def trial(name: str, size: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds of each form: median and 99th percentile."""
    torch.manual_seed(0)
    requests = [
        random_batch(sizes=(arguments.candidates,), length=HISTORY_LENGTH, num_ids=50_000, num_domains=1, seed=seed)
        for seed in range(8)
    ]
    forms = {form: make(form, name, size, requests[0]) for form in arguments.forms}
    expected = forms[arguments.forms[0]](requests[1])
    milliseconds: dict[str, list[float]] = {form: [] for form in forms}
    for score in forms.values():
        for batch in requests[:3]:
            score(batch)
        torch.testing.assert_close(score(requests[1]), expected, rtol=1e-3, atol=1e-3)
    for number in range(arguments.requests):
        for form, score in forms.items():
            start = time.perf_counter()
            score(requests[number % len(requests)])
            milliseconds[form].append(1e3 * (time.perf_counter() - start))
    return {form: {f"p{p}": float(np.percentile(taken, p)) for p in (50, 99)} for form, taken in milliseconds.items()}


def make(form: str, name: str, size: str, example: Batch) -> Callable[[Batch], torch.Tensor]:
    """A function from a request to its logits."""
    torch.manual_seed(0)
    model = build_model(name, size, DOMAINS).eval()
    if form == "exported":
        with tempfile.TemporaryDirectory(prefix="uniscale-bench-") as folder:
            return export_ranker(model, DOMAINS[0], example, Path(folder)).score
    if form == "compiled":
        model.compile_score()

    def score(batch: Batch) -> torch.Tensor:
        with torch.no_grad():
            logits: torch.Tensor = model(batch)
        return logits

    return score


def page(kept: dict[str, Any], forms: tuple[str, ...]) -> str:
    """The record for people."""
    lines = [
        f"# Scoring {kept['candidates']} candidates, {kept['date']}",
        "",
        f"`{kept['command']}`; {kept['hardware']}, one thread, fp32. Milliseconds, median / 99th percentile.",
        "",
        f"| size | ranker | {' | '.join(forms)} |",
        "|---" * (len(forms) + 2) + "|",
    ]
    for found in kept["trials"]:
        cells = (f"{found[form]['p50']:.1f} / {found[form]['p99']:.1f}" for form in forms)
        lines.append(f"| {found['size']} | {found['model']} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
