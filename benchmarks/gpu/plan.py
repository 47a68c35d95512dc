"""What a GPU is asked in which order, the most telling first: a run that is cut short has said most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LEADERS = ("hhsft", "rankmixer")
"""Rankers that come before all others."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """How steps are computed.

    Attributes:
        precision: As in `uniscale.training.config.Worker`.
        compiled: Whether the ranker is compiled.
    """

    precision: str
    compiled: bool = False


FORMS = {
    "fp32": Form(precision="fp32"),
    "TF32": Form(precision="bf16_matmul"),
    "bf16": Form(precision="bf16"),
    "bf16 compiled": Form(precision="bf16", compiled=True),
}
"""By name. Products of fp32 tensors in bf16 are TF32 on a GPU."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """Steps to time.

    Attributes:
        ranker: Its name.
        size: Its size.
        form: Key of `FORMS`.
        requests: Requests of a batch.
    """

    ranker: str
    size: str
    form: str
    requests: int

    def __str__(self) -> str:
        return f"{self.ranker} {self.size}, {self.form}, {self.requests:,} requests"


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """A ranker whose steps are compared with the processor's."""

    ranker: str

    def __str__(self) -> str:
        return f"{self.ranker} against the CPU"


def plan(
    rankers: Sequence[str], sizes: Sequence[str], batches: Sequence[int], forms: Sequence[str]
) -> list[Cell | Check]:
    """Everything that is asked, each once.

    The first size comes before the others, the leading rankers before theirs, and all rankers at one batch before the
    others at each; compiled forms take long to begin and come late; last comes whatever is left.

    Args:
        rankers: Names.
        sizes: Sizes, the most telling first.
        batches: Requests of a batch.
        forms: Keys of `FORMS`.
    """
    leaders = [name for name in LEADERS if name in rankers]
    others = [name for name in rankers if name not in LEADERS]
    eager = [form for form in forms if not FORMS[form].compiled]
    compiled = [form for form in forms if FORMS[form].compiled]
    growing = sorted(batches)
    middle = growing[len(growing) // 2 :][:1]
    asked: list[Cell | Check] = [
        *_checks(leaders),
        *_cells(leaders, sizes[:1], eager, growing),
        *_cells(others, sizes[:1], eager, middle),
        *_checks(others),
        *_cells(leaders, sizes[1:], eager, growing),
        *_cells(leaders, sizes[:1], compiled, middle),
        *_cells(others, sizes[1:], eager, middle),
        *_cells(others, sizes[:1], compiled, middle),
        *_cells([*leaders, *others], sizes, [*eager, *compiled], growing),
    ]
    return list(dict.fromkeys(asked))


def _checks(rankers: Sequence[str]) -> list[Check]:
    return [Check(ranker=name) for name in rankers]


def _cells(rankers: Sequence[str], sizes: Sequence[str], forms: Sequence[str], batches: Sequence[int]) -> list[Cell]:
    """All combinations; those of a ranker at a size follow each other, so that it is built once."""
    return [
        Cell(ranker=ranker, size=size, form=form, requests=requests)
        for size in sizes
        for ranker in rankers
        for form in forms
        for requests in batches
    ]
