"""Files of the newest snapshot that are lost: what rows go with them, and how the lake lets go of these.

DuckLake's own delete opens the file. So what it writes into its catalogue when all rows of a file are deleted is
written here: a snapshot, and in the entry of the file that it ends there. Earlier snapshots go on naming the file, and
can be read as little as before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path

import duckdb

from uniscale.lake.files import TAKEN_OUT, Fault, LakeFile, files_of, find_faults
from uniscale.lake.lake import Lake, rollback
from uniscale.lake.stored import METADATA, inlined_tables


@dataclass(frozen=True, kw_only=True, slots=True)
class LostPart:
    """What cannot be read for lost files: a day of a table, or files of a table without days.

    Attributes:
        table: Qualified name of the table.
        day: The day; None in a table without days.
        faults: What is wrong with which files.
    """

    table: str
    day: date | None
    faults: tuple[Fault, ...]

    @property
    def name(self) -> str:
        """Table and day, for people."""
        return self.table if self.day is None else f"{self.table} of {self.day}"


def lost_parts(faults: Iterable[Fault]) -> list[LostPart]:
    """Faults of files that the newest snapshot reads, by table and day."""

    def part(fault: Fault) -> tuple[str, date]:
        return fault.file.table, fault.file.day or date.max

    current = sorted((fault for fault in faults if fault.file.is_current), key=part)
    return [
        LostPart(table=found[0].file.table, day=found[0].file.day, faults=tuple(found))
        for found in (list(group) for _, group in groupby(current, part))
    ]


def find_lost(
    lake: Lake, con: duckdb.DuckDBPyConnection, wanted: Callable[[LakeFile], bool] | None = None
) -> list[LostPart]:
    """What the newest snapshot cannot read any more.

    Args:
        lake: The lake.
        con: A connection to it.
        wanted: Which files to look at; None for all.

    Raises:
        RuntimeError: No file at all is where the lake's files are, or one cannot be read for a reason that may pass.
    """
    files = [file for file in files_of(lake, con) if file.is_current and (wanted is None or wanted(file))]
    faults = find_faults(con, files)
    refuse_without_files(lake, faults)
    for fault in faults:
        if not fault.is_certain:
            raise RuntimeError(
                f"{fault.file.path} {fault.reason}; it may be there all the same: remove it if it is not"
            )
    return lost_parts(faults)


def refuse_without_files(lake: Lake, faults: Sequence[Fault]) -> None:
    """Refuse to take files for lost that may all be somewhere else.

    Raises:
        RuntimeError: No file at all is where the lake's files are.
    """
    if faults and "://" not in lake.data_path and not any(Path(lake.data_path).rglob("*.parquet")):
        raise RuntimeError(f"there is no file of the lake in {lake.data_path}; is its disk mounted?")


def take_out(lake: Lake, parts: Sequence[LostPart]) -> None:
    """Take lost days, and lost files of tables without days, out of the newest snapshot, in one commit.

    Of a day all rows go, also those in files that are there: a part of a day would pass for the day. A part whose files
    are not read any more stays as it is.

    Raises:
        LakeLockedError: Others wrote for longer than the configured seconds; nothing has changed, call it again.
    """

    def work(con: duckdb.DuckDBPyConnection) -> None:
        con.execute("begin transaction")
        try:
            _end(con, parts)
            con.execute("commit")
        except BaseException:
            rollback(con)
            raise

    lake.administer(work)


def _end(con: duckdb.DuckDBPyConnection, parts: Sequence[LostPart]) -> None:
    ((newest,),) = con.execute(f"select max(snapshot_id) from {METADATA}.ducklake_snapshot").fetchall()
    changes: dict[str, None] = {}
    names = []
    for part in parts:
        changed = _end_part(con, part, newest + 1)
        changes |= dict.fromkeys(changed)
        names += [part.name] if changed else []
    if not changes:
        return
    con.execute(
        f"insert into {METADATA}.ducklake_snapshot "
        "(snapshot_id, snapshot_time, schema_version, next_catalog_id, next_file_id) "
        "select snapshot_id + 1, now(), schema_version, next_catalog_id, next_file_id "
        f"from {METADATA}.ducklake_snapshot where snapshot_id = ?",
        [newest],
    )
    con.execute(
        f"insert into {METADATA}.ducklake_snapshot_changes "
        "(snapshot_id, changes_made, author, commit_message, commit_extra_info) values (?, ?, 'uniscale', ?, ?)",
        [newest + 1, ",".join(changes), f"lost: {', '.join(names)}", TAKEN_OUT],
    )


def _end_part(con: duckdb.DuckDBPyConnection, part: LostPart, snapshot_id: int) -> list[str]:
    """End the files of a part, and the rows of its day in the catalogue; returns what DuckLake calls these changes."""
    lost = ", ".join(str(fault.file.data_file_id) for fault in part.faults)
    of_now = f"from {METADATA}.ducklake_data_file where end_snapshot is null"
    tables = con.execute(f"select distinct table_id {of_now} and data_file_id in ({lost})").fetchall()
    if not tables:
        return []
    ((table_id,),) = tables
    changes = [f"deleted_from_table:{table_id}"]
    if part.day is not None:
        of_day = f"from {METADATA}.ducklake_file_partition_value where table_id = {table_id} and partition_value = ?"
        held = con.execute(
            f"select data_file_id {of_now} and data_file_id in (select data_file_id {of_day})", [str(part.day)]
        )
        lost = ", ".join(str(row[0]) for row in held.fetchall())
        for name in inlined_tables(con, table_id):
            which = "end_snapshot is null and cast(ds as date) = ?"
            query = f'update {METADATA}."{name}" set end_snapshot = {snapshot_id} where {which}'
            ((num_rows,),) = con.execute(query, [part.day]).fetchall()
            changes += [f"inlined_delete:{table_id}"] if num_rows else []
    for kind in ("data", "delete"):
        con.execute(
            f"update {METADATA}.ducklake_{kind}_file set end_snapshot = {snapshot_id} "
            f"where end_snapshot is null and data_file_id in ({lost})"
        )
    return changes
