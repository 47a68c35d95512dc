"""Small marketplaces for tests, and views over what they wrote."""

import hashlib
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from uniscale.simulator.simulate import simulate
from uniscale.simulator.sizes import SIZES
from uniscale.simulator.worlds import choose_world

START = date(2026, 1, 5)
TABLES = {
    "events": ("users", "items", "requests", "candidates", "actions"),
    "truth": ("candidates", "actions", "users", "items"),
}


TINY = replace(SIZES["xs"], num_users=240, num_items=800, num_brands=30, num_shops=10, searches_per_day=300)
"""A marketplace that is made in a moment; enter it into ``SIZES`` as ``tiny``."""


def write_tiny(folder: Path, *changes: str, days: int = 2, world: str = "default", start: date = START) -> Path:
    """A world of size ``tiny``, with knobs set as on the command line."""
    simulate(folder, days=days, size="tiny", seed=7, start=start, blueprint=choose_world(world, changes))
    return folder


def content_digest(folder: Path, ds: date) -> str:
    """Of all values of a day that no processor rounds in its own way: everything but floating-point numbers."""
    digest = hashlib.sha256()
    for file in sorted(folder.glob(f"*/*/ds={ds}/*.parquet")):
        table = pq.ParquetFile(file).read()
        for name, column in zip(table.column_names, table.columns, strict=True):
            kind = column.type.value_type if pa.types.is_list(column.type) else column.type
            if not pa.types.is_floating(kind):
                digest.update(f"{file.relative_to(folder)} {name} {column.to_pylist()}".encode())
    return digest.hexdigest()


def write(folder: Path, days: int, seed: int = 7) -> Path:
    simulate(folder, days=days, size="xs", seed=seed, start=START)
    return folder


def views(folder: Path) -> duckdb.DuckDBPyConnection:
    """``events.requests`` ... ``truth.items``, each with the day folder as ``ds``."""
    con = duckdb.connect()
    con.execute("set threads = 1")
    for root, names in TABLES.items():
        con.execute(f"create schema {root}")
        for name in names:
            files = folder / root / name / "*" / "*.parquet"
            con.execute(
                f"create table {root}.{name} as "
                f"from read_parquet('{files}', hive_partitioning = true, hive_types = {{'ds': date}})"
            )
    return con


def one(con: duckdb.DuckDBPyConnection, sql: str):
    """The single value of a query."""
    return con.execute(sql).fetchone()[0]


def auc(con: duckdb.DuckDBPyConnection, score: str) -> float:
    """AUC of a score for clicks on shown search rows; ties count half."""
    return one(
        con,
        f"""
        with shown as (
            select {score} as score, a.item_id is not null as is_clicked
            from events.candidates c
            join events.requests r using (request_id)
            join truth.candidates t using (request_id, item_id)
            left join (select distinct request_id, item_id from events.actions where action = 'click') a
                using (request_id, item_id)
            where c.is_exposed and r.domain = 'search'
        ), ranked as (
            select is_clicked, rank() over (order by score) + (count(*) over (partition by score) - 1) / 2 as place
            from shown
        ), counted as (
            select sum(place) filter (where is_clicked) as places, count(*) filter (where is_clicked) as positives,
                count(*) filter (where not is_clicked) as negatives
            from ranked
        )
        select (places - positives * (positives + 1) / 2) / (positives * negatives) from counted
        """,
    )
