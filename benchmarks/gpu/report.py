"""The record of a GPU for people."""

from __future__ import annotations

from collections import Counter
from typing import Any

from benchmarks.gpu.compare import REQUESTS, SIZE, STEPS, TOLERANCE
from benchmarks.gpu.measure import ITEMS
from benchmarks.gpu.plan import FORMS
from uniscale.models.zoo import SIZES

HEAD = ("ranker", "size", "requests", "form")


def page(kept: dict[str, Any]) -> str:
    """The record as Markdown."""
    cells = sorted(kept["cells"], key=_place)
    timed = [cell for cell in cells if cell["outcome"] == "timed"]
    lines = [
        f"# Training steps on {kept['card']}, {kept['date']}",
        "",
        f"`{kept['command']}`, code {kept['code_version']}; {kept['hardware']}. {kept['seconds']:.0f} s of at most "
        f"{kept['budget_seconds']:.0f}.",
        f"Requests of {ITEMS} random items, one part per batch; medians over steps, copies to the device included. "
        "The share is",
        "that of the best matrix product in the same precision; busy is the share of the step in which a kernel runs.",
        "",
        *_table(("product", "TFLOP/s"), [(form, f"{best:.3g}") for form, best in kept["peak_tflops"].items()]),
        "",
        *_table(
            (*HEAD, "rows/s", "ms", "share", "busy", "kernels", "peak GiB", "first step, s"),
            [_row(cell) for cell in cells],
        ),
        "",
        "Where the time of a step goes, by the kind of operation that launched a kernel:",
        "",
        *_kinds(timed),
        "",
        f"Losses of {STEPS} fp32 steps at size {SIZE}, {REQUESTS} requests each, against the CPU's; the same if "
        f"none differs by more than {TOLERANCE:g} of it:",
        "",
        *_table(
            ("ranker", "first loss", "last loss", "largest difference", "same"),
            [_check(check) for check in kept["checks"]],
        ),
        "",
        "One thread of the loader:",
        "",
        *_table(
            ("requests", "rows/s"),
            [(f"{int(requests):,}", f"{speed:,.0f}") for requests, speed in kept["loader_rows_per_second"].items()],
        ),
        "",
        f"Left out, for want of time: {counted(kept['left_out']) or 'nothing'}.",
    ]
    return "\n".join(lines) + "\n"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows)]


def _place(cell: dict[str, Any]) -> tuple[int, str, int, int]:
    """Small sizes first, and what is compared side by side."""
    return list(SIZES).index(cell["size"]), cell["ranker"], cell["requests"], list(FORMS).index(cell["form"])


def counted(left_out: list[str]) -> str:
    """How many of each ranker and size; the record has them one by one."""
    return "; ".join(f"{name} ({number})" for name, number in Counter(each.split(",")[0] for each in left_out).items())


def _of(cell: dict[str, Any]) -> tuple[str, ...]:
    return cell["ranker"], cell["size"], f"{cell['requests']:,}", cell["form"]


def _row(cell: dict[str, Any]) -> tuple[str, ...]:
    if cell["outcome"] != "timed":
        return (*_of(cell), cell["outcome"], *[""] * 6)
    return (
        *_of(cell),
        f"{cell['rows_per_second']:,.0f}",
        f"{1e3 * cell['seconds']:,.2f}",
        f"{cell['share_of_peak']:.1%}",
        _or_dash(cell["busy_share"], ".0%"),
        _or_dash(cell["kernels"], ",d"),
        _or_dash(cell["peak_gib"], ".2f"),
        f"{cell['first_seconds']:.1f}",
    )


def _kinds(timed: list[dict[str, Any]]) -> list[str]:
    kinds = list(timed[0]["time_by_kind"]) if timed else []
    rows = [(*_of(cell), *(f"{cell['time_by_kind'][kind]:.0%}" for kind in kinds)) for cell in timed]
    return _table((*HEAD, *kinds), rows)


def _check(check: dict[str, Any]) -> tuple[str, ...]:
    if check["outcome"] != "compared":
        return check["ranker"], "", "", check["outcome"], "no"
    return (
        check["ranker"],
        f"{check['first_loss']:.4f}",
        f"{check['last_loss']:.4f}",
        f"{check['difference']:.1e}",
        "yes" if check["is_same"] else "no",
    )


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
