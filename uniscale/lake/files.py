"""Every file that the lake's catalogue names: is it there, as long as it was, with a footer that can be read?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from uniscale.lake.lake import Lake

TAKEN_OUT = "lost files taken out"
"""What a commit that takes lost files out of the newest snapshot says, for programs: its past is known to be lost."""

_THREADS = 8
_NOT_FOUND = 404
_QUERY = """
with
homes as (
    select
        tables.table_id,
        any_value(schemas.schema_name) || '.' || arg_max(tables.table_name, tables.begin_snapshot) as table_name,
        if(
            bool_and(tables.path_is_relative::boolean),
            if(bool_and(schemas.path_is_relative::boolean), $data_path, '') || any_value(schemas.path),
            ''
        ) || any_value(tables.path) as folder
    from __ducklake_metadata_lake.ducklake_table as tables
    inner join __ducklake_metadata_lake.ducklake_schema as schemas on tables.schema_id = schemas.schema_id
    group by tables.table_id
),

days as (
    select data_file_id, try_cast(any_value(partition_value) as date) as day
    from __ducklake_metadata_lake.ducklake_file_partition_value
    group by data_file_id
),

files as (
    select table_id, data_file_id, path, path_is_relative, file_size_bytes, record_count as num_rows, end_snapshot
    from __ducklake_metadata_lake.ducklake_data_file
    union all by name
    select table_id, data_file_id, path, path_is_relative, file_size_bytes, 0 as num_rows, end_snapshot
    from __ducklake_metadata_lake.ducklake_delete_file
)

select
    homes.table_name,
    days.day,
    files.data_file_id,
    if(files.path_is_relative::boolean, homes.folder, '') || files.path as path,
    files.file_size_bytes,
    files.num_rows,
    files.end_snapshot is null as is_current,
    coalesce(changes.commit_extra_info = $taken_out, false) as is_taken_out
from files
inner join homes on files.table_id = homes.table_id
left join days on files.data_file_id = days.data_file_id
left join __ducklake_metadata_lake.ducklake_snapshot_changes as changes on files.end_snapshot = changes.snapshot_id
order by all
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class LakeFile:
    """A Parquet file of the lake.

    Attributes:
        table: Qualified table that it belongs to.
        day: Partition that it belongs to; None in a table without partitions.
        data_file_id: Number of the data file; a file of deletes has that of the one it is about.
        path: Where it is: a path, or the address of an object.
        num_bytes: How long it was when it was written.
        num_rows: Rows in it, deleted ones included; 0 for a file of deletes.
        is_current: Whether the newest snapshot reads it; else only earlier ones do.
        is_taken_out: Whether the newest snapshot does not read it because it, or another one of its day, was lost.
    """

    table: str
    day: date | None
    data_file_id: int
    path: str
    num_bytes: int
    num_rows: int
    is_current: bool
    is_taken_out: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """What is wrong with a file.

    Attributes:
        file: The file.
        reason: What is wrong, in words.
        is_certain: Whether it is the file; else the place where it lies may be out of reach for the moment.
    """

    file: LakeFile
    reason: str
    is_certain: bool


def files_of(lake: Lake, con: duckdb.DuckDBPyConnection) -> list[LakeFile]:
    """Every file that any snapshot reads, in the order of tables and days.

    Args:
        lake: The lake.
        con: A connection to it.
    """
    rows = con.execute(_QUERY, {"data_path": lake.data_path, "taken_out": TAKEN_OUT}).fetchall()
    names = ("table", "day", "data_file_id", "path", "num_bytes", "num_rows", "is_current", "is_taken_out")
    return [LakeFile(**dict(zip(names, row, strict=True))) for row in rows]


def find_faults(
    con: duckdb.DuckDBPyConnection,
    files: Sequence[LakeFile],
    watch: Callable[[Iterator[None], int], Iterator[None]] | None = None,
) -> list[Fault]:
    """Open the footer of every one of some files.

    Args:
        con: A connection to the lake.
        files: The files.
        watch: Passes on one element per file looked at; is told their number, for a progress bar.

    Returns:
        The faults, in the order of the files.
    """
    faults: list[Fault] = []

    def look() -> Iterator[None]:
        with ThreadPoolExecutor(_THREADS) as pool:
            for fault in pool.map(lambda file: _fault(con, file), files):
                if fault is not None:
                    faults.append(fault)
                yield None

    for _ in look() if watch is None else watch(look(), len(files)):
        pass
    return faults


def _fault(con: duckdb.DuckDBPyConnection, file: LakeFile) -> Fault | None:
    return _fault_of_object(con, file) if "://" in file.path else _fault_of_path(file)


def _fault_of_path(file: LakeFile) -> Fault | None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = Path(file.path)
    if not path.is_file():
        return Fault(file=file, reason="is not there", is_certain=True)
    num_bytes = path.stat().st_size
    if num_bytes != file.num_bytes:
        return Fault(file=file, reason=f"has {num_bytes:,} bytes, not {file.num_bytes:,}", is_certain=True)
    try:
        pq.read_metadata(path)
    except (pa.ArrowInvalid, OSError) as error:
        return Fault(file=file, reason=_unread(error), is_certain=isinstance(error, pa.ArrowInvalid))
    return None


def _fault_of_object(con: duckdb.DuckDBPyConnection, file: LakeFile) -> Fault | None:
    try:
        con.cursor().execute("select num_rows from parquet_file_metadata(?)", [file.path]).fetchone()
    except duckdb.Error as error:
        is_missing = getattr(error, "status_code", None) == _NOT_FOUND
        return Fault(file=file, reason=_unread(error), is_certain=is_missing)
    return None


def _unread(error: Exception) -> str:
    return f"cannot be read: {str(error).splitlines()[0]}"
