"""Forget a user: out of every table, out of the online store, out of the files, and never landed again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import duckdb

from uniscale.config import Settings
from uniscale.contracts.outcomes import PARTITIONS, STEPS
from uniscale.contracts.schema import Table
from uniscale.lake import Lake, forgotten
from uniscale.lake.erasure import erase_deleted_rows
from uniscale.lake.lake import table_has
from uniscale.lake.rerun import do_again
from uniscale.lineage.ties import erased, find_user, present
from uniscale.lineage.trained_models import models_trained_on
from uniscale.lineage.user import days_with_samples
from uniscale.pipeline.look_ups import forget_look_ups
from uniscale.sources.fingerprints import EVENTS
from uniscale.sources.landed import SOURCE

_INPUTS_CHANGED = "forgotten"
"""Input key of a finished step whose inputs lost rows: no run has it, so the step is done again."""


def forget_user(settings: Settings, lake: Lake, user: str, tell: Callable[[str], None]) -> dict[str, Any]:
    """Remove a user from the installation; killed at any moment, the same call finishes.

    The rows go and the user is put on the list of forgotten users in one commit; then the online store and the files
    are cleaned. Nothing else may work on the installation meanwhile. Afterwards the lake has no past: all snapshots
    but the newest are gone.

    Args:
        settings: The installation.
        lake: Its lake.
        user: Identifier of the user.
        tell: Takes a sentence about what is done next.

    Returns:
        ``rows`` deleted now by table, ``online`` entities and ``served`` answers deleted, ``models``: versions that
        were trained on the user and have to be retrained (see `models_trained_on`), ``was_forgotten``: whether there
        was nothing left to do, ``young_files``: see `erase_deleted_rows`.

    Raises:
        ValueError: The lake has no row of the user, and they were not forgotten before.
        FileNotFoundError: There is no lake.
    """
    with lake.read() as con:
        entry = forgotten.entry_of(con, user)
        find_user(con, user)
        held = _holders(con)
        queries = [row[0] for row in con.execute("select query_text from temp.user_queries").fetchall()]
    if not held and entry is None:
        raise ValueError(f"no table of the lake has a row of user {user!r}; identifiers are compared letter by letter")
    done = not held and entry is not None and entry["erased_at"] is not None
    rows: dict[str, int] = {}
    online = served = young_files = 0
    if not done:
        # The online store comes first: which queries are the user's own is known only while the rows are there.
        tell("cleaning the online store")
        from uniscale.features.online.removal import remove_online
        from uniscale.serving.served_log import forget_served

        online = remove_online(settings, {"user_id": [user], "query_text": queries})
        served = forget_served(settings, user)
        if held:
            tell("deleting rows")
            snapshot = lake.snapshot_id()
            rows = lake.commit(lambda con: _delete(con, settings, user, snapshot), "one user forgotten")
        tell("rewriting files")
        _clear_spill(settings)
        young_files = erase_deleted_rows(lake)
        lake.commit(lambda con: forgotten.mark_erased(con, user), "one forgotten user erased")
    with lake.read() as con:
        entry = forgotten.entry_of(con, user)
    assert entry is not None
    return {
        "rows": rows,
        "online": online,
        "served": served,
        "was_forgotten": done,
        "young_files": young_files,
        "models": models_trained_on(settings, entry["sample_days"], entry["snapshot_id"]),
    }


def _holders(con: duckdb.DuckDBPyConnection) -> list[Table]:
    """Tables with a row to delete."""
    found = []
    for table in present(con):
        condition = erased(table)
        query = f"select 1 from lake.{table.qualified} where {condition} limit 1"
        if condition is not None and con.execute(query).fetchone() is not None:
            found.append(table)
    return found


def _delete(con: duckdb.DuckDBPyConnection, settings: Settings, user: str, snapshot_id: int) -> dict[str, int]:
    """Delete the rows, list the user, and mark what was made from them as not up to date; all in one transaction."""
    find_user(con, user)
    forgotten.add(con, user, snapshot_id, days_with_samples(con))
    days: list[date] = []
    rows: dict[str, int] = {}
    for table in present(con):
        condition = erased(table)
        if condition is None:
            continue
        first = con.execute(f"select min(ds) from lake.{table.qualified} where {condition}").fetchone()
        deleted = con.execute(f"delete from lake.{table.qualified} where {condition}").fetchone()
        if deleted and deleted[0]:
            rows[table.qualified] = int(deleted[0])
            days += [first[0]] if first and first[0] is not None else []
    if days:
        _make_stale(con, settings, user, min(days))
    return rows


def _make_stale(con: duckdb.DuckDBPyConnection, settings: Settings, user: str, first: date) -> None:
    """What was derived from the user's first day on still counts their clicks: the next run builds it again."""
    if table_has(con, PARTITIONS):
        con.execute(
            f"delete from lake.{PARTITIONS.qualified} where table_name not in (?, ?) and ds >= ?",
            [EVENTS, SOURCE, first],
        )
    if not table_has(con, STEPS):
        return
    do_again(con, first - timedelta(days=settings.window.eval_days), _INPUTS_CHANGED)  # a run reads its test days too
    forget_look_ups(con, user)


def _clear_spill(settings: Settings) -> None:
    """Temporary files of killed processes may hold rows of anybody."""
    folder = settings.home / "spill"
    if folder.is_dir():
        shutil.rmtree(folder)
        folder.mkdir()
