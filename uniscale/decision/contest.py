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
    """The versions of a day; champion and challenger may be one and the same.

    Attributes:
        champion: Who serves.
        challenger: Trained for the day, to replace it.
        refresh: The champion's recipe trained on the challenger's days, where neither of the two is that.
    """

    champion: Version
    challenger: Version
    refresh: Version | None = None

    def versions(self) -> dict[str, Version]:
        """Every version once, by role."""
        found = {"champion": self.champion}
        if self.challenger.version != self.champion.version:
            found["challenger"] = self.challenger
        if self.refresh is not None:
            found["refresh"] = self.refresh
        return found


def find_contest(lake: Lake, registry: Registry, ds: date) -> Contest:
    """The versions to compare for a day.

    Raises:
        ValueError: No version was trained for the day, or none is champion; the message names the command.
    """
    challenger = registry.trained_for(ds)
    if challenger is None:
        raise ValueError(f"no version was trained for {ds}; run: uniscale step train {ds}")
    champion = champion_at(lake, registry, ds)
    if champion is None:
        raise ValueError(f"no version holds the alias champion; run: uniscale step train {ds}")
    fresh = registry.trained_for(ds, "refresh")
    is_wanted = (
        fresh is not None
        and fresh.version != champion.version
        and fresh.recipe_key == champion.recipe_key != challenger.recipe_key
        and champion.days != challenger.days == fresh.days
    )
    return Contest(champion=champion, challenger=challenger, refresh=fresh if is_wanted else None)


def champion_at(lake: Lake, registry: Registry, ds: date) -> Version | None:
    """Who served when a day was decided, or serves now if it has not been; None before the first."""
    known = champion_of_record(lake, ds)
    return registry.champion() if known is None else registry.get(known)


def champion_of_record(lake: Lake, ds: date) -> str | None:
    """The champion that the decisions name for a day, or None when the alias is to be asked."""
    if not lake.exists():
        return None
    with lake.read() as con:
        rows = _decisions(con)
    own = [champion for day, champion, _ in rows if day == ds]
    if own:
        return own[0]
    later = [champion for day, champion, _ in rows if day > ds]
    if not later:
        return None
    earlier = [serves for day, _, serves in rows if day < ds]
    return earlier[-1] if earlier else later[0]


def is_last_decided(con: duckdb.DuckDBPyConnection, ds: date) -> bool:
    """Whether no later day has decided."""
    return all(day <= ds for day, *_ in _decisions(con))


def _decisions(con: duckdb.DuckDBPyConnection) -> list[tuple[date, str, str]]:
    """Day, champion, and who served after it, of every decision, oldest first."""
    if not table_has(con, DECISIONS):
        return []
    return con.execute(
        f"""
        select
            ds, champion_version,
            coalesce(
                json_extract_string(evidence, '$.serves'),
                if(decision = 'promoted', challenger_version, champion_version)
            )
        from lake.{DECISIONS.qualified}
        order by ds
        """
    ).fetchall()
