"""Whether an SQLite file is whole, told before a library opens it, whose words for a damaged one are SQL."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

_MAGIC = b"SQLite format 3\x00"
_LOOKS, _PAUSE_SECONDS = 5, 0.1


def sqlite_fault(path: Path, *, thorough: bool = False) -> str | None:
    """Why a file is no whole SQLite database, or None if it is; one that is absent or empty is yet to be filled.

    Args:
        path: The file.
        thorough: Read every page, not only the header.
    """
    fault = _fault_of_header(path)
    for _ in range(_LOOKS - 1):
        if fault is None:
            return _damaged_page(path) if thorough and path.is_file() and path.stat().st_size else None
        time.sleep(_PAUSE_SECONDS)  # a commit that is under way writes the header before the pages at the end
        fault = _fault_of_header(path)
    return fault


def _fault_of_header(path: Path) -> str | None:
    if not path.is_file() or path.stat().st_size == 0:
        return None
    with path.open("rb") as handle:
        header = handle.read(100)
    if header[:16] != _MAGIC or len(header) < 100:
        return "it does not begin like an SQLite database"
    page_bytes = int.from_bytes(header[16:18], "big")
    page_bytes = 65536 if page_bytes == 1 else page_bytes
    num_bytes = path.stat().st_size
    is_counted = header[24:28] == header[92:96]  # an old SQLite does not keep the count of pages
    wanted = page_bytes * max(int.from_bytes(header[28:32], "big") if is_counted else 0, -(-num_bytes // page_bytes))
    return f"it is cut off: {num_bytes:,} of {wanted:,} bytes are there" if num_bytes < wanted else None


def _damaged_page(path: Path) -> str | None:
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=60)) as database:
            ((found,),) = database.execute("pragma quick_check(1)").fetchall()
    except sqlite3.OperationalError as error:
        return f"it cannot be opened: {error}"
    except sqlite3.DatabaseError as error:
        return str(error)
    return None if found == "ok" else str(found).strip()
