"""The way through a plan within a budget: each result is written as it comes, and one that fails stops no other."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import torch

from benchmarks.gpu.plan import FORMS, Cell, Check

EXPECTED_SECONDS = {"eager": 10.0, "compiled": 90.0, "check": 20.0}
"""What an item takes at most, until a longer one of its kind is seen; one that would end too late is not begun."""

OUT_OF_MEMORY = "out of memory"


class Run:
    """A plan under way.

    Attributes:
        kept: The record; its ``cells``, ``checks`` and ``left_out`` are filled here.
        problems: What failed, and which losses are not the CPU's.
    """

    def __init__(
        self,
        kept: dict[str, Any],
        asked: Sequence[Cell | Check],
        *,
        clock: Callable[[], float],
        budget_seconds: float,
        write: Callable[[dict[str, Any]], None],
    ) -> None:
        """Begin.

        Args:
            kept: The record without any result.
            asked: The plan.
            clock: Seconds since the run began.
            budget_seconds: Seconds of the whole run.
            write: Stores the record; called after every result.
        """
        self.kept = {**kept, "budget_seconds": budget_seconds, "cells": [], "checks": [], "left_out": []}
        self.problems: list[str] = []
        self._asked = asked
        self._clock = clock
        self._write = write
        self._expected = dict(EXPECTED_SECONDS)

    def go(self, do: Callable[[Cell | Check], dict[str, Any]], release: Callable[[], None]) -> None:
        """Do what fits into the budget.

        Args:
            do: Answers one item.
            release: Called after an item that failed, to give its memory back.
        """
        skipped: list[str] = []
        for place, item in enumerate(self._asked):
            if self._clock() + self._expected[_kind(item)] > self.kept["budget_seconds"]:
                skipped.append(str(item))
                continue
            failed = self._one(item, do)
            self._store([*skipped, *(str(later) for later in self._asked[place + 1 :])])
            if failed:
                release()
        self._store(skipped)

    def _one(self, item: Cell | Check, do: Callable[[Cell | Check], dict[str, Any]]) -> bool:
        begin, smaller = self._clock(), self._smaller_that_does_not_fit(item)
        answer = self._answer(item, do) if smaller is None else {"outcome": f"not tried, as {smaller:,} do not fit"}
        now, kind = self._clock(), _kind(item)
        self._expected[kind] = max(self._expected[kind], now - begin)
        self.kept["checks" if isinstance(item, Check) else "cells"].append({**asdict(item), **answer})
        print(f"{now:4.0f} s  {item}: {_told(answer)}", flush=True)
        failed = answer["outcome"] not in ("timed", "compared")
        if answer["outcome"].startswith("failed") or not answer.get("is_same", True):
            self.problems.append(f"{item}: {_told(answer)}")
        return failed and smaller is None

    def _answer(self, item: Cell | Check, do: Callable[[Cell | Check], dict[str, Any]]) -> dict[str, Any]:
        try:
            return do(item)
        except torch.cuda.OutOfMemoryError:
            return {"outcome": OUT_OF_MEMORY}
        except Exception as error:  # the others are still worth their time; this one is told, here and at the end
            traceback.print_exc()
            said = str(error).strip().partition("\n")[0]
            return {"outcome": f"failed: {type(error).__name__}: {said}"}

    def _smaller_that_does_not_fit(self, item: Cell | Check) -> int | None:
        if isinstance(item, Check):
            return None
        too_large = [
            cell["requests"]
            for cell in self.kept["cells"]
            if cell["outcome"] == OUT_OF_MEMORY
            and (cell["ranker"], cell["size"], cell["form"]) == (item.ranker, item.size, item.form)
        ]
        return min((requests for requests in too_large if requests < item.requests), default=None)

    def _store(self, left_out: list[str]) -> None:
        self.kept |= {"seconds": self._clock(), "left_out": left_out}
        self._write(self.kept)


def _kind(item: Cell | Check) -> str:
    if isinstance(item, Check):
        return "check"
    return "compiled" if FORMS[item.form].compiled else "eager"


def _told(answer: dict[str, Any]) -> str:
    if answer["outcome"] == "timed":
        return f"{answer['rows_per_second']:,.0f} rows/s, {answer['share_of_peak']:.1%} of the product"
    if answer["outcome"] == "compared":
        return f"losses differ by {answer['difference']:.1e}, {'the same' if answer['is_same'] else 'NOT the same'}"
    return str(answer["outcome"])
