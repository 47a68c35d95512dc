"""What a look-up in MSN's memory takes, compared with plainer ways: ``python -m benchmarks.training.memory_layer``.

Read: forward and backward of the weighted sums of slots, and the merging of gradients by slot; as `MemoryValues` does
it, with PyTorch's sparse gradient of an embedding bag, and by gathering the vectors. Search: the best slots of every
row; with the pairs that can be among the best, with all pairs of the best of both halves, and over all slots. One
thread, random look-ups. Writes a record (JSON and Markdown).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from benchmarks.record import begin, store
from uniscale.models.msn import MemoryValues, MSNConfig, ProductKeys
from uniscale.models.size import SIZES

Read = Callable[[MemoryValues, Tensor, Tensor], Tensor]
PIECE = 512


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["xs", "s", "m"], choices=SIZES)
    parser.add_argument("--items", type=int, default=600, help="of a batch; each asks once per token")
    parser.add_argument("--repeats", type=int, default=7, help="of which the best counts")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    record = begin("benchmarks.training.memory_layer")
    for size in arguments.sizes:
        record["sizes"][size] = measure(MSNConfig.of(SIZES[size]), arguments.items, arguments.repeats)
        store("memory_layer", record, markdown(record))
    print(markdown(record))


def measure(config: MSNConfig, num_items: int, repeats: int) -> dict[str, Any]:
    """Milliseconds and the largest tensor, in MiB, of every way to read; milliseconds of every way to search."""
    torch.manual_seed(0)
    rows, num_read, num_slots = num_items * config.num_tokens, config.num_read, config.num_keys**2
    values = MemoryValues(num_slots, config.width, num_read=num_read)
    slots, weights = torch.randint(num_slots, (rows, num_read)), torch.rand(rows, num_read, requires_grad=True)
    keys, scores = ProductKeys(config.num_keys, config.key_width, num_read), torch.randn(2, rows, config.num_keys)
    searches = {"pairs that can win": keys.best, "all pairs": all_pairs(num_read), "all slots": all_slots(num_read)}
    return {
        "rows": rows,
        "slots": num_slots,
        "read": num_read,
        "width": config.width,
        "read_ms": {name: best_ms(step(read, values, slots, weights), repeats) for name, read in READS.items()},
        "read_mib": {name: largest_mib(step(read, values, slots, weights)) for name, read in READS.items()},
        "search_ms": {name: best_ms(lambda s=search: s(scores), repeats) for name, search in searches.items()},
    }


def gathered(values: MemoryValues, slots_XK: Tensor, weight_XK: Tensor) -> Tensor:
    """A copy of the vector of each look-up, then their weighted sum."""
    vectors = functional.embedding(slots_XK, values.weight, sparse=True)
    return torch.bmm(weight_XK.unsqueeze(1), vectors).squeeze(1)


def bagged(values: MemoryValues, slots_XK: Tensor, weight_XK: Tensor) -> Tensor:
    """An embedding bag with PyTorch's sparse gradient."""
    return functional.embedding_bag(slots_XK, values.weight, mode="sum", per_sample_weights=weight_XK, sparse=True)


READS: dict[str, Read] = {"ours": MemoryValues.forward, "embedding bag": bagged, "gather": gathered}


def step(read: Read, values: MemoryValues, slots: Tensor, weights: Tensor) -> Callable[[], object]:
    """Forward, backward, and the gradient merged by slot."""

    def run() -> object:
        values.weight.grad = weights.grad = None
        read(values, slots, weights).square().sum().backward()
        return values.weight.grad.coalesce()  # type: ignore[union-attr]

    return run


def all_pairs(num_read: int) -> Callable[[Tensor], object]:
    """The best sums among all pairs of the best of each half."""

    def search(score_2Xn: Tensor) -> object:
        first_XK, second_XK = score_2Xn.topk(num_read, dim=2).values
        return (first_XK.unsqueeze(2) + second_XK.unsqueeze(1)).flatten(1).topk(num_read, dim=1)

    return search


def all_slots(num_read: int) -> Callable[[Tensor], object]:
    """The best sums among all slots, some rows at a time."""

    def search(score_2Xn: Tensor) -> object:
        pieces = score_2Xn.split(PIECE, dim=1)
        return [(s[0].unsqueeze(2) + s[1].unsqueeze(1)).flatten(1).topk(num_read, dim=1) for s in pieces]

    return search


def best_ms(run: Callable[[], object], repeats: int) -> float:
    """Milliseconds of processor time of the fastest run."""
    times = []
    for _ in range(repeats):
        begun = time.process_time()
        run()
        times.append(time.process_time() - begun)
    return round(1000 * min(times), 1)


class _Largest(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.num_bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        tensors = [x for x in tree_leaves(result) if isinstance(x, Tensor) and x.layout == torch.strided]
        self.num_bytes = max([self.num_bytes, *(x.numel() * x.element_size() for x in tensors)])
        return result


def largest_mib(run: Callable[[], object]) -> float:
    """Size of the largest tensor that any operation of a run gives."""
    with _Largest() as mode:
        run()
    return round(mode.num_bytes / 2**20, 1)


def markdown(record: dict[str, Any]) -> str:
    """The page that a person reads."""
    lines = [
        f"# A look-up in a memory, {record['date']}",
        "",
        f"`{record['command']}`, code {record['code_version']}, {record['hardware']}. "
        "Processor time of one thread, best run. Read: forward, backward, gradient merged by slot; in brackets the "
        "largest tensor. Search: the best slots "
        "of every row from the scores of both halves.",
        "",
        "| size | rows | slots | slots read | width | " + " | ".join(f"read, {name}" for name in READS) + " |",
        "|" + "---|" * (5 + len(READS)),
    ]
    for size, found in record["sizes"].items():
        cells = [f"{found['read_ms'][name]:,.1f} ms ({found['read_mib'][name]:,.1f} MiB)" for name in READS]
        head = [size, *(f"{found[key]:,}" for key in ("rows", "slots", "read", "width"))]
        lines.append(f"| {' | '.join([*head, *cells])} |")
    ways = list(next(iter(record["sizes"].values()))["search_ms"])
    lines += ["", "| size | " + " | ".join(f"search, {way}" for way in ways) + " |", "|" + "---|" * (1 + len(ways))]
    for size, found in record["sizes"].items():
        lines.append(f"| {size} | {' | '.join(f'{ms:,.1f} ms' for ms in found['search_ms'].values())} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
