"""No record is lost: what was read, landed and rejected is held against an independent count of each file."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from uniscale.sources.incoming import BadFileError, Incoming, first_line

_REMEDY = "Write the file again with another program, as Parquet if you can"


def require_every_record(con: duckdb.DuckDBPyConnection, file: str, select: str, num_rows: int) -> None:
    """Refuse a file of which the reader does not find all rows.

    Args:
        con: Where ``select`` runs.
        file: Name for the message.
        select: SQL query of the rows.
        num_rows: Records of the file that are rows.

    Raises:
        BadFileError: ``select`` fails or gives another number of rows.
    """
    try:
        found = con.execute(f"select count(*) from ({select})").fetchone()
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise BadFileError(file, f"cannot be read to its end ({first_line(error)})", _REMEDY) from error
    assert found is not None
    _require(file, num_rows, found[0])


def count_read(con: duckdb.DuckDBPyConnection, group: Sequence[Incoming]) -> int:
    """Records of the files of a group, those in ``checked`` and the malformed; call it right after `read_group`.

    Raises:
        BadFileError: That is not the number of records that the bytes of a file hold.
    """
    counted = dict(con.execute("select file, count(*) from temp.checked group by file").fetchall())
    total = 0
    for incoming in group:
        num_read = counted.get(incoming.file, 0) + len(incoming.malformed)
        if incoming.num_records is not None:
            _require(incoming.file, incoming.num_records, num_read)
        total += num_read
    return total


def require_all_accounted(group: Sequence[Incoming], num_read: int, num_landed: int, num_kept_out: int) -> None:
    """Refuse the files of a group unless each record was landed or kept out for a reason.

    Args:
        group: Files of one table and day.
        num_read: Their records, from `count_read`.
        num_landed: Rows landed.
        num_kept_out: Records quarantined or left out because their user was forgotten.

    Raises:
        BadFileError: The numbers do not add up.
    """
    if num_read != num_landed + num_kept_out:
        problem = f"of {num_read} records {num_landed} were landed and {num_kept_out} kept out, which is not all"
        raise BadFileError(", ".join(one.file for one in group), problem, _REMEDY)


def _require(file: str, num_records: int, num_read: int) -> None:
    if num_read != num_records:
        raise BadFileError(file, f"holds {num_records} records, but {num_read} were read", _REMEDY)
