"""Who is compared with whom for a day, the same at every re-run.

Decisions are kept in ``ml.decisions``. A day that has one is compared with the same champion again. A day before the
last decided one is compared with the champion of its time, and moves no alias. Else the champion is the version that
holds the alias, so a champion set by hand is respected.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb

from uniscale.contracts.outcomes import DECISIONS
from uniscale.lake import Lake
from uniscale.lake.lake import table_has
from uniscale.registry.store import Registry
from uniscale.registry.version import Version


@dataclass(frozen=True, kw_only=True, slots=True)
class Contest:
    """The two versions of a day; they may be one and the same."""

    champion: Version
    challenger: Version

    @property
    def is_single(self) -> bool:
        """Whether there is only one version, so nothing to compare."""
        return self.champion.version == self.challenger.version


def find_contest(lake: Lake, registry: Registry, ds: date) -> Contest:
    """The versions to compare for a day.

    Raises:
        ValueError: No version was trained for the day, or none is champion; the message names the command.
    """
    challenger = registry.trained_for(ds)
    if challenger is None:
        raise ValueError(f"no version was trained for {ds}; run: uniscale step train {ds}")
    known = champion_of_record(lake, ds)
    champion = registry.champion() if known is None else registry.get(known)
    if champion is None:
        raise ValueError(f"no version holds the alias champion; run: uniscale step train {ds}")
    return Contest(champion=champion, challenger=challenger)


def champion_of_record(lake: Lake, ds: date) -> str | None:
    """The champion that the decisions name for a day, or None when the alias is to be asked."""
    with lake.read() as con:
        rows = _decisions(con)
    own = [champion for day, _, champion, _ in rows if day == ds]
    if own:
        return own[0]
    later = [champion for day, _, champion, _ in rows if day > ds]
    if not later:
        return None
    earlier = [(decision, champion, challenger) for day, decision, champion, challenger in rows if day < ds]
    if earlier:
        decision, champion, challenger = earlier[-1]
        return challenger if decision == "promoted" else champion
    return later[0]


def is_last_decided(con: duckdb.DuckDBPyConnection, ds: date) -> bool:
    """Whether no later day has decided."""
    return all(day <= ds for day, *_ in _decisions(con))


def _decisions(con: duckdb.DuckDBPyConnection) -> list[tuple[date, str, str, str]]:
    """Day, decision, champion and challenger of every decision, oldest first."""
    if not table_has(con, DECISIONS):
        return []
    return con.execute(
        f"select ds, decision, champion_version, challenger_version from lake.{DECISIONS.qualified} order by ds"
    ).fetchall()
