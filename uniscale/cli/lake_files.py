"""Every file that the lake's catalogue names: is it there, as long as it was, with a footer that can be read?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb

from uniscale.lake import Lake

_THREADS = 8
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

files as (
    select table_id, path, path_is_relative, file_size_bytes, end_snapshot
    from __ducklake_metadata_lake.ducklake_data_file
    union all by name
    select table_id, path, path_is_relative, file_size_bytes, end_snapshot
    from __ducklake_metadata_lake.ducklake_delete_file
)

select
    homes.table_name,
    if(files.path_is_relative::boolean, homes.folder, '') || files.path as path,
    files.file_size_bytes,
    files.end_snapshot is null as is_current
from files
inner join homes on files.table_id = homes.table_id
order by all
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class LakeFile:
    """A Parquet file of the lake.

    Attributes:
        table: Qualified table that it belongs to.
        path: Where it is: a path, or the address of an object.
        num_bytes: How long it was when it was written.
        is_current: Whether the newest snapshot reads it; else only earlier ones do.
    """

    table: str
    path: str
    num_bytes: int
    is_current: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """What is wrong with a file."""

    file: LakeFile
    reason: str


def check_lake_files(lake: Lake, watch: Callable[[Iterator[None], int], Iterator[None]]) -> tuple[int, list[Fault]]:
    """Open the footer of every file that any snapshot reads.

    Args:
        lake: The lake.
        watch: Passes on one element per file looked at; is told their number, for a progress bar.

    Returns:
        Number of files, and the faults in the order of tables and paths.
    """
    faults: list[Fault] = []
    with lake.read() as con:
        rows = con.execute(_QUERY, {"data_path": lake.data_path}).fetchall()
        files = [LakeFile(table=t, path=p, num_bytes=size, is_current=now) for t, p, size, now in rows]

        def look() -> Iterator[None]:
            with ThreadPoolExecutor(_THREADS) as pool:
                for file, reason in zip(files, pool.map(lambda file: _fault(con, file), files), strict=True):
                    if reason is not None:
                        faults.append(Fault(file=file, reason=reason))
                    yield None

        for _ in watch(look(), len(files)):
            pass
    return len(files), faults


def _fault(con: duckdb.DuckDBPyConnection, file: LakeFile) -> str | None:
    return _fault_of_object(con, file) if "://" in file.path else _fault_of_path(file)


def _fault_of_path(file: LakeFile) -> str | None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = Path(file.path)
    if not path.is_file():
        return "is not there"
    num_bytes = path.stat().st_size
    if num_bytes != file.num_bytes:
        return f"has {num_bytes:,} bytes, not {file.num_bytes:,}"
    try:
        pq.read_metadata(path)
    except (pa.ArrowInvalid, OSError) as error:
        return f"cannot be read: {str(error).splitlines()[0]}"
    return None


def _fault_of_object(con: duckdb.DuckDBPyConnection, file: LakeFile) -> str | None:
    try:
        con.cursor().execute("select num_rows from parquet_file_metadata(?)", [file.path]).fetchone()
    except duckdb.Error as error:
        return f"cannot be read: {str(error).splitlines()[0]}"
    return None
