"""Put tables of the records into the documentation: ``python -m benchmarks.publish``.

A page holds a table between two marks, ``<!-- table: STEM NUMBER [ROW ...] -->`` and ``<!-- end -->``: of the newest
record whose name starts with the stem, the table of that number (from 0), all rows or those in which one of the words
stands. What is between the marks is rewritten.
"""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path

from benchmarks.record import newest

ROOT = Path(__file__).parents[1]
MARKED = re.compile(r"(<!-- table: (\S+) (\d+)([^>]*) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    """Command line."""
    for page in pages():
        text = page.read_text(encoding="utf-8")
        if published(text) != text:
            page.write_text(published(text), encoding="utf-8")
            print(page.relative_to(ROOT))


def pages() -> list[Path]:
    """Pages that may hold tables of records."""
    return sorted((ROOT / "docs").rglob("*.md"))


def published(text: str) -> str:
    """The page with the tables of the present records.

    Raises:
        ValueError: A mark names a record or a table that is not there, or rows that its table does not have.
    """
    return MARKED.sub(_table, text)


def _table(mark: re.Match[str]) -> str:
    begin, stem, number, words, end = mark.groups()
    file = newest(stem, ".md")
    lines = file.read_text(encoding="utf-8").splitlines()
    tables = [list(group) for is_table, group in groupby(lines, lambda line: line.startswith("|")) if is_table]
    if int(number) >= len(tables):
        raise ValueError(f"{file.name} has {len(tables)} tables: {begin.strip()}")
    head, rows = tables[int(number)][:2], tables[int(number)][2:]
    wanted = words.split()
    missing = [word for word in wanted if not any(_has(row, word) for row in rows)]
    if missing:
        raise ValueError(f"{file.name} has no row of {', '.join(missing)}: {begin.strip()}")
    kept = [row for row in rows if not wanted or any(_has(row, word) for word in wanted)]
    return begin + "\n" + "\n".join(head + kept) + "\n\n" + end


def _has(row: str, word: str) -> bool:
    return word in (cell.strip() for cell in row.split("|"))


if __name__ == "__main__":
    main()
