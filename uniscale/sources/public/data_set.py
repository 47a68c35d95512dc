"""A public data set as data: its files, the SQL that maps them to the event contract, and how it is landed.

A set's SQL sees every file as a view named like its key, with ``row_number`` and the declared columns (text, if the
file is CSV), and makes one view per contract table and kind of event. What the data does not say is decided there,
once, and written down in docs/ingest.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from uniscale.config import Settings
from uniscale.contracts.schema import Table
from uniscale.lake.lake import Lake
from uniscale.sources.csv_files import csv_header, open_csv
from uniscale.sources.csv_scan import MAX_MALFORMED
from uniscale.sources.every_record import require_every_record
from uniscale.sources.fingerprints import source_key
from uniscale.sources.incoming import BadFileError, Incoming, Malformed
from uniscale.sources.ingest import ingest_prepared
from uniscale.sources.reading import parquet_records, parquet_select, require_columns
from uniscale.sources.report import IngestReport
from uniscale.sources.source_files import SourceFile, find_files, unpacked

_SQL = Path(__file__).parent


@dataclass(frozen=True, kw_only=True, slots=True)
class DataSet:
    """A public data set.

    Attributes:
        name: Name of the source: on the command line, in the quarantine, and of the SQL file next to this one.
        title: What people call it.
        files: Its files by the name of the view that shows them.
        views: Contract table, view of the SQL, and the file its rows come from. Malformed lines of a file are
            quarantined under the first view that names the file.
        domains: Domains its requests and actions name.
        targets: Those that a ranker can be trained for, the usual one first.
        misfits: View of (row_number, reason, line): rows of the first view's file that the SQL leaves out because their
            parts do not fit together.
    """

    name: str
    title: str
    files: dict[str, SourceFile]
    views: tuple[tuple[Table, str, str], ...]
    domains: tuple[str, ...]
    targets: tuple[str, ...]
    misfits: str | None = None


def ingest_data_set(settings: Settings, lake: Lake, data_set: DataSet, path: Path) -> IngestReport:
    """Land a data set.

    Args:
        settings: Of the installation; the report hints at the lines it lacks.
        lake: Where to land.
        data_set: How it is mapped.
        path: The folder of its files; for a set of one file, the file itself.

    Raises:
        FileNotFoundError: A file of the set is not there.
        BadFileError: A file is not of this set, or too much of it is bad; the lake stays as it was.
    """
    found = find_files(data_set.title, data_set.files, path)
    paths = [part for parts in found.values() for part in parts]
    keys: dict[date | None, str] = {None: source_key(settings.home, paths)}
    with unpacked(settings.home / "unpacked" / str(keys[None]), data_set.files, found) as plain:

        def prepare(con: duckdb.DuckDBPyConnection) -> Sequence[Incoming]:
            return _prepare(con, data_set, plain)

        hints = domain_hints(settings, data_set.domains, data_set.targets)
        return ingest_prepared(lake, data_set.name, prepare, keys, hints=hints)


def _prepare(con: duckdb.DuckDBPyConnection, data_set: DataSet, found: dict[str, list[Path]]) -> list[Incoming]:
    malformed = {view: _open(con, data_set, view, found[view]) for view in data_set.files}
    con.execute((_SQL.parent / "macros.sql").read_text(encoding="utf-8"))
    con.execute((_SQL / f"{data_set.name.replace('-', '_')}.sql").read_text(encoding="utf-8"))
    if data_set.misfits:
        file = data_set.views[0][2]
        malformed[file] += _misfits(con, data_set.misfits, _label(found[file]))
    return [
        Incoming(
            table=table,
            file=f"{_label(found[file])}#{view}",
            select=f"from {view}",
            day=None,
            domains=data_set.domains,
            malformed=malformed.pop(file, ()),
        )
        for table, view, file in data_set.views
    ]


def _open(con: duckdb.DuckDBPyConnection, data_set: DataSet, view: str, parts: Sequence[Path]) -> tuple[Malformed, ...]:
    """Show the parts of a file as one view, its rows numbered through; returns the records that are no rows."""
    source = data_set.files[view]
    columns = ", ".join(f'"{column}"' for column in source.columns)
    selects: list[str] = []
    malformed: list[Malformed] = []
    before = 0
    for part in parts:
        select, bad, num_records = _read(con, data_set, source, part)
        require_every_record(con, part.name, select, num_records - len(bad))
        selects.append(f"select row_number + {before} as row_number, {columns} from ({select})")
        malformed += [Malformed(row_number=b.row_number + before, reason=b.reason, line=b.line) for b in bad]
        before += num_records
    con.execute(f"create or replace temp view {view} as {' union all '.join(selects)}")
    return tuple(malformed)


def _read(
    con: duckdb.DuckDBPyConnection, data_set: DataSet, source: SourceFile, part: Path
) -> tuple[str, tuple[Malformed, ...], int]:
    """One file as a query with ``row_number``, its records that are no rows, and how many records it has in all."""
    whose = f"{data_set.title}'s {part.name}"
    if source.form is None:
        select = parquet_select(con, part, part.name)
        present = [row[0] for row in con.execute(f"describe {select}").fetchall()]
        require_columns(part.name, source.columns, present, whose)
        return select, (), parquet_records(part, part.name)
    header = csv_header(part, part.name, source.form)
    require_columns(part.name, source.columns, header, whose)
    found = open_csv(con, part, header, source.columns, name=part.name, form=source.form)
    return found.select, found.malformed, found.num_records


def _misfits(con: duckdb.DuckDBPyConnection, view: str, file: str) -> tuple[Malformed, ...]:
    rows = con.execute(
        f"select row_number, reason, line from {view} order by row_number limit {MAX_MALFORMED + 1}"
    ).fetchall()
    if len(rows) > MAX_MALFORMED:
        row, reason, _ = rows[0]
        problem = f"more than {MAX_MALFORMED} lines do not fit together; first row {row}: {reason}"
        raise BadFileError(file, problem, "Give the file as it was published")
    return tuple(Malformed(row_number=row, reason=reason, line=line) for row, reason, line in rows)


def _label(parts: Sequence[Path]) -> str:
    return ", ".join(part.name for part in parts)


def domain_hints(settings: Settings, domains: Sequence[str], targets: Sequence[str]) -> tuple[str, ...]:
    """Lines that `uniscale.toml` lacks for days to be run on data with these domains and targets."""
    if settings.target_domain in targets and set(domains) <= set(settings.domains):
        return ()
    target, *others = targets
    listed = ", ".join(f'"{domain}"' for domain in dict.fromkeys(domains))
    also = f" (target_domain may be {' or '.join(others)} as well)" if others else ""
    return (
        f"to run days on this data, put these two lines at the top of uniscale.toml{also}:",
        f'target_domain = "{target}"',
        f"domains = [{listed}]",
    )
