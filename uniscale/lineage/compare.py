"""Hold a replayed lake against the installation's, partition by partition.

A partition that no later run has built again is compared as it is now, so that a row changed since is found. One that
was built again is compared as it was when the run had finished.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date

import duckdb

from uniscale.lake import Lake
from uniscale.lineage.content import EMPTY, differing_keys, read_content, read_keys


@dataclass(frozen=True, kw_only=True, slots=True)
class Partition:
    """One day of a table, replayed and as it is held.

    Attributes:
        table: Qualified table, with ``/split`` for frames.
        ds: Day.
        rows: Rows that the replay gave.
        rows_held: Rows that the lake holds.
        is_same: Whether all rows are equal.
        held: ``now`` or ``then``: which state of the lake was compared.
        keys: Keys of the first rows that differ.
    """

    table: str
    ds: date
    rows: int
    rows_held: int
    is_same: bool
    held: str
    keys: tuple[dict[str, str], ...] = ()


def compare(copy: Lake, lake: Lake, written_at: int) -> list[Partition]:
    """Compare every derived partition of ``copy``.

    Args:
        copy: The replayed lake.
        lake: The installation's.
        written_at: Snapshot of ``lake`` right after the run.
    """
    with ExitStack() as stack:
        ours = stack.enter_context(copy.read())
        now = stack.enter_context(lake.read())
        then = stack.enter_context(lake.read(written_at))
        keys_now, keys_then = read_keys(now), read_keys(then)
        found: list[Partition] = []
        days: dict[str, list[date]] = {}
        for name, day in sorted(read_keys(ours)):
            days.setdefault(name, []).append(day)
        for name, listed in days.items():
            untouched = [d for d in listed if keys_now.get((name, d)) == keys_then.get((name, d))]
            restated = [d for d in listed if d not in untouched]
            found += _compare(ours, now, name, untouched, "now") + _compare(ours, then, name, restated, "then")
        return sorted(found, key=lambda partition: (partition.table, partition.ds))


def _compare(
    ours: duckdb.DuckDBPyConnection, theirs: duckdb.DuckDBPyConnection, name: str, days: list[date], held: str
) -> list[Partition]:
    replayed, kept = read_content(ours, name, days), read_content(theirs, name, days)
    found = []
    for day in days:
        one, other = replayed.get(day, EMPTY), kept.get(day, EMPTY)
        found.append(
            Partition(
                table=name,
                ds=day,
                rows=one.rows,
                rows_held=other.rows,
                is_same=one == other,
                held=held,
                keys=() if one == other else tuple(differing_keys(ours, theirs, name, day)),
            )
        )
    return found
