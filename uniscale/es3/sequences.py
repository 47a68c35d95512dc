"""Behaviour sequences: what each user did in all domains, stored once and shared by all samples of the user.

A sample keeps only how many of its user's actions were known before its request. Storage therefore grows with the
actions, not with samples x sequence length. The order is that of knowledge time, so that what a sample may see is a
prefix: an action that became known late never moves in front of one that a sample has seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from uniscale.config import Settings
from uniscale.contracts.days import every_day
from uniscale.contracts.events import ACTIONS_TABLE
from uniscale.contracts.literals import quoted, quoted_file
from uniscale.contracts.sequences import SEQUENCE_LENGTHS, SEQUENCES
from uniscale.es3.plan import Plan
from uniscale.es3.products import BEHAVIOUR
from uniscale.es3.statements import run_files
from uniscale.lake import Lake
from uniscale.lake.contents import Contents
from uniscale.lake.keys import build_keys
from uniscale.lake.partitions import drop_days_before, mark_built, stale_days
from uniscale.lake.spill import spill_folder


def build_sequences(settings: Settings, lake: Lake, plan: Plan, contents: Contents, *, force: bool = False) -> int:
    """Bring the sequences up to the last test day up to date, and their lengths before the first training day.

    A day depends on all earlier ones (they give the places), so a day that was landed again rebuilds those after it.
    The lengths stand for the days before the first training day, so that these are not read again. They are made from
    earlier ones that are as they should be, or from all days, with the same rows; the newest two days are kept.

    Args:
        settings: The installation.
        lake: The lake; holds the tables.
        plan: The run.
        contents: What actions up to the last test day and item versions hold.
        force: Build also the days that are up to date, and the lengths from all days.

    Returns:
        Days built.
    """
    with TemporaryDirectory(dir=spill_folder(settings.home), prefix="sequences-") as folder:
        sequences, lengths = Path(folder) / "sequences.parquet", Path(folder) / "lengths.parquet"
        # Computed before the catalogue is locked for the commit.
        with lake.read(lake.snapshot_id()) as con:
            wanted = sequence_keys(settings, plan, contents)
            # Before the first action nothing is carried.
            carried = {day: key for day, key in wanted.items() if day == plan.carried_ds}
            stale = sorted(wanted) if force else stale_days(con, SEQUENCES.qualified, wanted)
            lacking = sorted(carried) if force else stale_days(con, SEQUENCE_LENGTHS.qualified, carried)
            if not stale and not lacking:
                return 0
            first = stale[0] if stale else plan.last_eval_ds + timedelta(days=1)
            values = {
                "first_ds": first,
                "last_ds": plan.last_eval_ds,
                "base_ds": date.min if force else _base(con, wanted, min(first, plan.first_ds)),
                "carried_ds": plan.carried_ds,
            }
            run_files(con, ("sequences",), values)
            con.execute(f"copy new_sequences to {quoted(sequences)} (format parquet)")
            if lacking:
                run_files(con, ("sequence_lengths",), values)
                con.execute(f"copy new_lengths to {quoted(lengths)} (format parquet)")

        def work(writer: duckdb.DuckDBPyConnection) -> None:
            if stale:
                where = f"ds between date '{first}' and date '{plan.last_eval_ds}'"
                Lake.replace(writer, SEQUENCES, where, f"from read_parquet({quoted_file(sequences)})")
                mark_built(writer, SEQUENCES.qualified, {day: wanted[day] for day in wanted if day >= first})
            if lacking:
                where = f"ds = date '{plan.carried_ds}'"
                Lake.replace(writer, SEQUENCE_LENGTHS, where, f"from read_parquet({quoted_file(lengths)})")
                mark_built(writer, SEQUENCE_LENGTHS.qualified, carried)
                drop_days_before(writer, [SEQUENCE_LENGTHS], plan.carried_ds - timedelta(days=1))

        lake.commit(work, f"sequences of {first} to {plan.last_eval_ds}")
    return len(stale)


def _base(con: duckdb.DuckDBPyConnection, wanted: Mapping[date, str], before: date) -> date:
    """The newest day before another one whose lengths are as they should be; if there is none, one before all days."""
    held = set(wanted).difference(stale_days(con, SEQUENCE_LENGTHS.qualified, wanted))
    return max((day for day in held if day < before), default=date.min)


def sequence_keys(settings: Settings, plan: Plan, contents: Contents) -> dict[date, str]:
    """Build key of each day from the first action to the last test day; none without an action."""
    acted_on = contents.days(ACTIONS_TABLE)
    days = every_day(min(acted_on), plan.last_eval_ds) if acted_on else ()
    return build_keys(BEHAVIOUR, plan, contents, {day: {} for day in days}, settings=settings, policy=plan.policy)
