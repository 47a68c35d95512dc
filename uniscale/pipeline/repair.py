"""Lost days of derived tables: they are taken out of the lake and count as not built.

Days of the log come back by landing them again (`uniscale.sources.unland`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import duckdb

from uniscale.contracts.alerts import ALERT_TABLES
from uniscale.contracts.events import QUARANTINE
from uniscale.contracts.monitor import MONITOR_TABLES
from uniscale.contracts.outcomes import CHAMPIONS, COMPARISONS, DECISIONS, METRICS, PARTITIONS, PREDICTIONS, SKEW, STEPS
from uniscale.lake.lake import Lake, table_has
from uniscale.lake.lost import LostPart, take_out
from uniscale.lake.rerun import do_again
from uniscale.pipeline.products import PRODUCTS

_MADE_BY = {
    **{table.qualified: product.step for product in PRODUCTS for table in product.tables},
    **{table.qualified: "evaluate" for table in (PREDICTIONS, METRICS, COMPARISONS)},
    DECISIONS.qualified: "promote",
    SKEW.qualified: "skew",
    **{table.qualified: "monitor" for table in MONITOR_TABLES},
}
"""The step of a day that makes a table."""

_OF_THE_RUN = frozenset(table.qualified for table in (PREDICTIONS, METRICS, COMPARISONS, DECISIONS, *MONITOR_TABLES))
"""Tables whose day is that of the run; of the others a run makes days around its own."""

_BOOKS = frozenset(table.qualified for table in (PARTITIONS, STEPS))
"""What is noted of others: without the note a thing counts as not done, and is done again."""

_NOT_NEEDED = frozenset(table.qualified for table in (QUARANTINE, CHAMPIONS, *ALERT_TABLES))
"""What nothing is made from: rejected rows, alerts, and why the champion changed; the alias is in the registry."""

_LOST = "lost"
"""Input key of a finished step whose result was lost: no run has it, so the step is done again."""


def can_be_made_again(part: LostPart) -> bool:
    """Whether a lost part is made again by what is left, or nothing is made from it."""
    return part.table in {*_MADE_BY, *_BOOKS, *_NOT_NEEDED}


def repair(lake: Lake, parts: Sequence[LostPart], eval_days: int) -> None:
    """Take out lost parts that can be made again, and have the steps that make them done again.

    Killed at any moment, the same call finishes the work; until then the parts cannot be read, as before.

    Args:
        lake: The lake.
        parts: The parts.
        eval_days: Test days of a run.

    Raises:
        ValueError: A part cannot be made again.
    """
    for part in parts:
        if not can_be_made_again(part):
            raise ValueError(f"{part.name} cannot be made again from what the lake holds")
    take_out(lake, [part for part in parts if part.table in _BOOKS])
    made = [part for part in parts if part.table not in _BOOKS]
    if made:
        names = ", ".join(part.name for part in made)
        lake.commit(lambda con: _count_as_missing(con, made, eval_days), f"to be made again: {names}")
        take_out(lake, made)


def _count_as_missing(con: duckdb.DuckDBPyConnection, parts: Sequence[LostPart], eval_days: int) -> None:
    for part in parts:
        if part.day is None:
            continue
        if table_has(con, PARTITIONS):
            con.execute(
                f"delete from lake.{PARTITIONS.qualified} where ds = ? and split_part(table_name, '/', 1) = ?",
                [part.day, part.table],
            )
        is_of_run = part.table in _OF_THE_RUN
        first = part.day if is_of_run else part.day - timedelta(days=eval_days)  # a run reads the test days after it
        do_again(con, first, _LOST, step=_MADE_BY[part.table], last=part.day if is_of_run else None)
