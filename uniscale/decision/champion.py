"""Who serves, since when and why: every change of the champion is a row of ``ml.champions``; the alias is what serves.

The row is written before the alias is moved. Killed between the two, the same change finishes and is not written twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

import duckdb

from uniscale.contracts.outcomes import CHAMPIONS
from uniscale.lake import Lake
from uniscale.lake.lake import table_has
from uniscale.registry.store import Registry
from uniscale.registry.version import Version

BY_HAND = ("set", "rolled_back")


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A row of ``ml.champions``."""

    changed_at: datetime
    version: str
    replaced: str | None
    how: str
    ds: date | None
    reason: str


def make_champion(
    lake: Lake, registry: Registry, version: Version, *, how: str, reason: str, ds: date | None = None
) -> bool:
    """Let a version serve, and write down why; one that serves already is left alone.

    Args:
        lake: The lake.
        registry: The registry of the installation.
        version: Who serves from now on.
        how: One of `uniscale.contracts.outcomes.CHAMPION_CHANGES`.
        reason: Why, in a sentence.
        ds: Day of the run that decided; None by hand.

    Returns:
        Whether the champion changed.
    """
    holder = registry.champion()
    if holder is not None and holder.version == version.version:
        return False
    change = Change(
        changed_at=datetime.now(UTC).replace(tzinfo=None),
        version=version.version,
        replaced=None if holder is None else holder.version,
        how=how,
        ds=ds,
        reason=reason,
    )
    if not _is_written(lake, change):
        lake.commit(lambda con: _append(con, change), f"champion: version {version.version}, {how}")
    registry.set_alias("champion", version)
    return True


def champion_changes(lake: Lake) -> list[Change]:
    """All changes on record, newest first."""
    if not lake.exists():
        return []
    with lake.read() as con:
        return _changes(con)


def set_champion(lake: Lake, registry: Registry, name: str, reason: str) -> Version:
    """Let a version serve by hand.

    Args:
        lake: The lake.
        registry: The registry of the installation.
        name: Number of the version, or ``challenger``.
        reason: Why, in a sentence.

    Raises:
        ValueError: There is no such version, or it serves already.
    """
    version = registry.named(name)
    if not make_champion(lake, registry, version, how="set", reason=reason):
        raise ValueError(f"version {version.version} is the champion already")
    return version


def roll_back(lake: Lake, registry: Registry, reason: str) -> Version:
    """Let the version serve that the present champion replaced.

    Raises:
        ValueError: There is no champion, or none is on record that it replaced.
    """
    holder = registry.named("champion")
    before = next((change.replaced for change in champion_changes(lake) if change.version == holder.version), None)
    if before is None:
        raise ValueError(
            f"champion version {holder.version} replaced none that is on record; name one by its number: uniscale "
            "champion set VERSION"
        )
    version = registry.get(before)
    make_champion(lake, registry, version, how="rolled_back", reason=reason)
    return version


def is_overruled(con: duckdb.DuckDBPyConnection, ds: date) -> bool:
    """Whether the champion was changed by hand after the day had moved the alias."""
    changes = _changes(con)
    moved = next((change.changed_at for change in changes if change.ds == ds and change.how != "first"), None)
    return moved is not None and any(change.how in BY_HAND and change.changed_at > moved for change in changes)


def _changes(con: duckdb.DuckDBPyConnection) -> list[Change]:
    if not table_has(con, CHAMPIONS):
        return []
    names = CHAMPIONS.column_names
    rows = con.execute(f"select {', '.join(names)} from lake.{CHAMPIONS.qualified} order by changed_at desc").fetchall()
    return [Change(**dict(zip(names, row, strict=True))) for row in rows]


def _is_written(lake: Lake, change: Change) -> bool:
    """Whether the newest row on record is this change, whose process was killed before it moved the alias."""
    newest = next(iter(champion_changes(lake)), None)
    return newest is not None and (newest.version, newest.replaced, newest.how, newest.ds) == (
        change.version,
        change.replaced,
        change.how,
        change.ds,
    )


def _append(con: duckdb.DuckDBPyConnection, change: Change) -> None:
    Lake.create(con, CHAMPIONS)
    values = [getattr(change, name) for name in CHAMPIONS.column_names]
    con.execute(f"insert into lake.{CHAMPIONS.qualified} values ({', '.join('?' for _ in values)})", values)
