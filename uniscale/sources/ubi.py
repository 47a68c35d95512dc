"""User Behavior Insights (UBI): the open standard of search logs, with an index of queries and one of events.

A logged query is a request in domain ``search``, an impression a shown candidate, what else the engine returned an
unshown one. ``ubi.sql`` maps the records. What the standard leaves to an application (where positions begin, what its
actions are called) is found in the log or told by a person, and reported either way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb

from uniscale.config import Settings
from uniscale.contracts.events import ACTIONS, ACTIONS_TABLE, CANDIDATES, ITEMS, REQUESTS, USERS
from uniscale.contracts.schema import Table
from uniscale.lake.keys import input_key
from uniscale.lake.lake import Lake
from uniscale.sources.csv_scan import MAX_MALFORMED
from uniscale.sources.fingerprints import content_digests
from uniscale.sources.incoming import BadFileError, Incoming, Malformed
from uniscale.sources.ingest import ingest_prepared
from uniscale.sources.public.data_set import domain_hints
from uniscale.sources.report import IngestReport
from uniscale.sources.rules import YEARS
from uniscale.sources.times import define_times
from uniscale.sources.ubi_files import UbiPart, load_records, ubi_parts
from uniscale.sources.ubi_report import describe_log

SOURCE = "ubi"
DOMAIN = "search"
IMPRESSION = "impression"
MEANINGS = {
    IMPRESSION: IMPRESSION,
    "click": "click",
    "click_through": "click",
    "add_to_cart": "cart",
    "purchase": "purchase",
}
"""What the action names of the standard mean in the event contract; the others (watch, view) mean nothing to it."""

_VIEWS: tuple[tuple[Table, str, str], ...] = (
    (USERS, "ubi_users", ""),
    (ITEMS, "ubi_items", ""),
    (REQUESTS, "ubi_requests", "query"),
    (CANDIDATES, "ubi_impressions", ""),
    (CANDIDATES, "ubi_unshown", ""),
    (ACTIONS_TABLE, "ubi_actions", "event"),
)
"""Contract table, view of the SQL, and the kind of malformed records that are quarantined with it."""

_SQL = Path(__file__).parent


@dataclass(frozen=True, kw_only=True, slots=True)
class UbiMapping:
    """What a person tells about a log.

    Attributes:
        positions_from: What an application calls the top of a list, 0 or 1; found in the log where it is not told.
        meanings: ``impression`` or an action of the contract, by ``action_name``; in addition to the standard's names.
    """

    positions_from: Mapping[str, int] = field(default_factory=dict)
    meanings: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for application, place in self.positions_from.items():
            if place not in (0, 1):
                raise ValueError(f"the positions of {application} cannot count from {place}: give 0 or 1")
        for name, meaning in self.meanings.items():
            if meaning not in (IMPRESSION, *ACTIONS):
                raise ValueError(f"{name}={meaning}: an action means one of {', '.join((IMPRESSION, *ACTIONS))}")


def ingest_ubi(settings: Settings, lake: Lake, path: Path, mapping: UbiMapping | None = None) -> IngestReport:
    """Land a UBI log.

    Args:
        settings: Of the installation.
        lake: Where to land.
        path: A bulk file, or the folder of the files of both indices.
        mapping: What the log does not say by itself.

    Raises:
        FileNotFoundError: There is nothing at ``path``.
        ValueError: A file is of another kind, or the mapping names what the log does not have.
        BadFileError: A file is cut off or too much of it is bad; the lake stays as it was.
    """
    mapping = mapping or UbiMapping()
    parts = ubi_parts(path)
    facts: list[str] = []

    def prepare(con: duckdb.DuckDBPyConnection) -> Sequence[Incoming]:
        records = load_records(con, parts)
        map_records(con, mapping)
        facts[:] = describe_log(con, records)
        malformed = _malformed(con, parts)
        return [
            Incoming(
                table=table,
                file=f"{part.path.resolve()}#{view}",
                select=f"select * exclude (part) from {view} where part = {index}",
                day=None,
                domains=(DOMAIN,),
                malformed=tuple(malformed.get((index, kind), ())),
            )
            for table, view, kind in _VIEWS
            for index, part in enumerate(parts)
        ]

    keys: dict[date | None, str] = {None: _fingerprint(settings.home, parts, mapping)}
    report = ingest_prepared(lake, SOURCE, prepare, keys, hints=domain_hints(settings, (DOMAIN,), (DOMAIN,)))
    report.hints = (*facts, *report.hints)
    return report


def _fingerprint(home: Path, parts: Sequence[UbiPart], mapping: UbiMapping) -> str:
    digests = content_digests(home, [part.path for part in parts])
    files = {part.name: digests[part.path] for part in parts}
    return input_key(
        {"files": files, "positions_from": dict(mapping.positions_from), "meanings": dict(mapping.meanings)}
    )


def map_records(con: duckdb.DuckDBPyConnection, mapping: UbiMapping) -> None:
    """Make the views of the five tables over the loaded records.

    Raises:
        ValueError: The mapping names an application or action that the log does not have.
    """
    con.execute("create or replace temp table ubi_kinds (action_name varchar, meaning varchar)")
    con.executemany("insert into ubi_kinds values (?, ?)", list({**MEANINGS, **mapping.meanings}.items()))
    con.execute("create or replace temp table ubi_told_positions (application varchar, positions_from int)")
    if mapping.positions_from:
        con.executemany("insert into ubi_told_positions values (?, ?)", list(mapping.positions_from.items()))
    first, last = YEARS
    possible = f"coalesce(t >= timestamp '{first}-01-01' and t < timestamp '{last}-01-01', false)"
    con.execute(f"create or replace temp macro is_possible(t) as {possible}")
    define_times(con)
    for name in ("macros.sql", "ubi.sql"):
        con.execute((_SQL / name).read_text(encoding="utf-8"))
    _refuse_unknown(con, "application", mapping.positions_from, "meaning = 'impression'")
    _refuse_unknown(con, "action_name", mapping.meanings, "true")


def _refuse_unknown(con: duckdb.DuckDBPyConnection, column: str, named: Mapping[str, object], where: str) -> None:
    """A name that the log does not have is a slip of the pen, and would change nothing without a word."""
    rows = con.execute(f"select distinct {column} from ubi_events where {where} and {column} is not null order by 1")
    held = [row[0] for row in rows.fetchall()]
    for name in named:
        if name not in held:
            raise ValueError(f"no event has the {column} {name!r}; the log has {', '.join(held) or 'none'}")


def _malformed(con: duckdb.DuckDBPyConnection, parts: Sequence[UbiPart]) -> dict[tuple[int, str], list[Malformed]]:
    """Records that are none, by part and kind."""
    rows = con.execute(
        f"select part, kind, row_number, reason, line from ubi_misfits order by all limit {MAX_MALFORMED + 1}"
    ).fetchall()
    if len(rows) > MAX_MALFORMED:
        part, _, number, reason, _ = rows[0]
        problem = f"more than {MAX_MALFORMED} records are malformed; first row {number}: {reason}"
        raise BadFileError(parts[part].name, problem, "Give the two indices as OpenSearch exports them")
    found: dict[tuple[int, str], list[Malformed]] = {}
    for part, kind, number, reason, line in rows:
        found.setdefault((part, kind), []).append(Malformed(row_number=number, reason=reason, line=line))
    return found
