"""A registry that was copied or moved with its home: MLflow writes down where each artefact is from the root on."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

_PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
)
"""Columns of MLflow's tables that name places below the artefact root."""


def follow_home(database: Path, root: str, experiments: Sequence[str]) -> None:
    """Make every place of an embedded registry one below the artefact root of the home it is in now.

    Nothing is changed in a registry that has not moved. All places change in one transaction.

    Args:
        database: MLflow's SQLite database.
        root: Artefact root of the home, as a URI.
        experiments: Names of the experiments that are directly below the root: they tell where it was.
    """
    if not database.is_file():
        return
    with closing(sqlite3.connect(database, timeout=60, isolation_level=None)) as con:
        if con.execute("select 1 from sqlite_master where name = 'model_versions'").fetchone() is None:
            return  # the tables are still to be made
        marks = ", ".join("?" for _ in experiments)
        rows = con.execute(f"select name, artifact_location from experiments where name in ({marks})", experiments)
        before = {place.removesuffix(f"/{name}") for name, place in rows.fetchall() if place.endswith(f"/{name}")}
        moved = sorted(before - {root})
        if not moved:
            return
        con.execute("begin immediate")
        for old in moved:
            for table, column in _PLACES:
                con.execute(
                    f"update {table} set {column} = ? || substr({column}, ?) where substr({column}, 1, ?) = ?",
                    [root, len(old) + 1, len(old) + 1, f"{old}/"],
                )
        con.execute("commit")
