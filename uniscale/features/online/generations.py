"""A generation: the values of a moment, one Parquet file per feature view, named by what is in them.

The same rows give the same name, however the files are laid out. The step from one generation to the next is computed
from their files: rows that are new or changed, keys that are gone.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from uniscale.config import Settings
from uniscale.contracts.literals import quoted, quoted_file
from uniscale.features.offline.versions import ViewSpec, columns, newest
from uniscale.features.online.schema_check import check_schemas
from uniscale.features.online.slots import generation_folder, generations_folder
from uniscale.lake import Lake

if TYPE_CHECKING:
    from feast import FeatureView


@dataclass(frozen=True, kw_only=True, slots=True)
class Generation:
    """Values of all views.

    Attributes:
        name: Hash of the content.
        folder: Where the files are.
        rows: Number of rows by view.
    """

    name: str
    folder: Path
    rows: dict[str, int]

    def file(self, view: str) -> Path:
        """The file of a view."""
        return self.folder / f"{view}.parquet"


def build_generation(
    settings: Settings, lake: Lake, views: Sequence[FeatureView], moment: datetime, max_age: timedelta
) -> tuple[Generation, int]:
    """Write the newest row per key as of a moment; the same rows are kept once.

    Args:
        settings: The installation.
        lake: The lake with the feature tables.
        views: Views to write.
        moment: The values are those known at this moment (naive UTC).
        max_age: Age beyond which no version counts, in addition to the time to live of a view.

    Returns:
        The generation, and the lake snapshot it was read from.

    Raises:
        ValueError: A table does not have the columns of its view.
    """
    part = _new_part(settings)
    snapshot_id = lake.snapshot_id()
    with lake.read(snapshot_id) as con:
        check_schemas(con, views)
        for view in views:
            spec = _spec(view)
            start = moment - (min(view.ttl, max_age) if view.ttl else max_age)
            query = newest(spec, start, moment, honour_knowledge_time=True, latest_only=True)
            _copy(con, f"select * from ({query}) order by {columns(view.join_keys)}", part / f"{view.name}.parquet")
        return adopt(settings, con, part), snapshot_id


def without(settings: Settings, con: duckdb.DuckDBPyConnection, name: str, gone: Mapping[str, str]) -> Generation:
    """A generation like another, without some rows.

    Args:
        settings: The installation.
        con: A connection.
        name: The other generation; it stays as it is.
        gone: SQL condition of the rows to leave out, by view.
    """
    part = _new_part(settings)
    for file in sorted(generation_folder(settings, name).glob("*.parquet")):
        if file.stem in gone:
            _copy(con, f"select * from {quoted_file(file)} where not ({gone[file.stem]})", part / file.name)
        else:
            (part / file.name).hardlink_to(file)
    return adopt(settings, con, part)


def adopt(settings: Settings, con: duckdb.DuckDBPyConnection, part: Path) -> Generation:
    """Give a folder of files the name of its content."""
    digest = hashlib.sha256()
    rows = {}
    for file in sorted(part.glob("*.parquet")):
        described = con.execute(f"describe from {quoted_file(file)}").fetchall()
        # Sums over the hashes of the rows: the same in any order, and too wide to agree by chance.
        found = con.execute(
            "select count(*), sum(row_hash), sum(hash(row_hash)) "
            f"from (select hash(v) as row_hash from {quoted_file(file)} as v)"
        ).fetchone()
        assert found is not None
        rows[file.stem] = int(found[0])
        digest.update(json.dumps([file.stem, [row[:2] for row in described], [str(value) for value in found]]).encode())
    name = digest.hexdigest()
    folder = generation_folder(settings, name)
    if folder.is_dir():
        shutil.rmtree(part)
    else:
        part.replace(folder)
    return Generation(name=name, folder=folder, rows=rows)


def drop_generations(settings: Settings, keep: Collection[str | None]) -> None:
    """Delete the generations that nobody needs any more, and what killed runs left."""
    for folder in generations_folder(settings).glob("*"):
        if folder.name not in keep:
            shutil.rmtree(folder)


def same_columns(con: duckdb.DuckDBPyConnection, old: Path, new: Path) -> bool:
    """Whether two generations have the same views with the same columns, so that one can be turned into the other."""
    files = [{file.name: file for file in folder.glob("*.parquet")} for folder in (old, new)]

    def described(file: Path) -> list[tuple[str, ...]]:
        return [row[:2] for row in con.execute(f"describe from {quoted_file(file)}").fetchall()]

    return files[0].keys() == files[1].keys() and all(
        described(files[0][n]) == described(files[1][n]) for n in files[0]
    )


def changed_rows(keys: Sequence[str], old: Path, new: Path) -> str:
    """SQL for the rows of a view that are new or changed, in the order of their keys."""
    return (
        f"select n.* from {quoted_file(new)} as n left join {quoted_file(old)} as o using ({columns(keys)}) "
        f"where n is distinct from o order by {columns(keys)}"
    )


def gone_keys(keys: Sequence[str], old: Path, new: Path) -> str:
    """SQL for the keys of a view that have no row any more."""
    return (
        f"select {columns(keys)} from {quoted_file(old)} as o anti join {quoted_file(new)} as n using ({columns(keys)})"
    )


def _new_part(settings: Settings) -> Path:
    part = generations_folder(settings) / ".part"
    if part.exists():
        shutil.rmtree(part)
    part.mkdir(parents=True)
    return part


def _copy(con: duckdb.DuckDBPyConnection, query: str, file: Path) -> None:
    con.execute(f"copy ({query}) to {quoted(file)} (format parquet, compression zstd)")


def _spec(view: FeatureView) -> ViewSpec:
    source = view.batch_source
    return ViewSpec(
        name=view.name,
        table=source.get_table_query_string(),
        keys={key: key for key in view.join_keys},
        features={feature.name: feature.name for feature in view.features},
        timestamp=source.timestamp_field,
        created=source.created_timestamp_column,
        ttl=None,
    )
