"""What the lake holds: rows and newest day of every table, rejected rows, served input against recomputed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb

from uniscale.contracts.all_tables import TABLES
from uniscale.contracts.events import QUARANTINE
from uniscale.contracts.outcomes import SKEW
from uniscale.contracts.samples import SAMPLES
from uniscale.lake.lake import table_has
from uniscale.lake.stored import num_rows_of_tables
from uniscale.ui.queries.judged import Row, rows_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Stock:
    """A table: its rows by day as the catalogue has them; no file is opened."""

    name: str
    grain: str
    num_rows: int
    num_days: int
    first: date
    last: date


def stock(con: duckdb.DuckDBPyConnection) -> list[Stock]:
    """Tables with days that hold a row."""
    found = []
    by_day = [table for table in TABLES if table.partition == "ds"]
    counted = num_rows_of_tables(con, by_day)
    for table in by_day:
        days = counted[table.qualified]
        if days:
            found.append(
                Stock(
                    name=table.qualified,
                    grain=table.grain,
                    num_rows=sum(days.values()),
                    num_days=len(days),
                    first=min(days),
                    last=max(days),
                )
            )
    return found


def quarantined(con: duckdb.DuckDBPyConnection) -> list[Row]:
    """Rejected rows by day, table and reason, newest and most first."""
    if not table_has(con, QUARANTINE):
        return []
    return rows_of(
        con,
        f"select ds, table_name, column_name, reason, count(*) as num_rows from lake.{QUARANTINE.qualified} "
        "group by all order by ds desc nulls last, num_rows desc limit 50",
    )


def skew_by_day(con: duckdb.DuckDBPyConnection) -> list[Row]:
    """By day and kind: values compared, those that match, and the feature that matches least."""
    if not table_has(con, SKEW):
        return []
    return rows_of(
        con,
        "select ds, kind, sum(num_values)::bigint as num_values, sum(num_matches)::bigint as num_matches, "
        "arg_min(feature, num_matches / nullif(num_values, 0)) as worst, "
        "min(num_matches / nullif(num_values, 0)) as worst_share "
        f"from lake.{SKEW.qualified} group by all order by ds desc, kind limit 60",
    )


def maturity(con: duckdb.DuckDBPyConnection) -> list[Row]:
    """By day of the samples: whether their labels are final, and until when they were known."""
    if not table_has(con, SAMPLES):
        return []
    return rows_of(
        con,
        "select ds, bool_and(is_final) as is_final, max(label_as_of) as label_as_of, count(*) as num_samples, "
        f"any_value(policy_version) as policy_version from lake.{SAMPLES.qualified} group by ds order by ds desc",
    )


def policy_of_day(con: duckdb.DuckDBPyConnection, ds: date) -> str | None:
    """Version of the ES3 policy that made a day's samples."""
    if not table_has(con, SAMPLES):
        return None
    row = con.execute(f"select any_value(policy_version) from lake.{SAMPLES.qualified} where ds = ?", [ds]).fetchone()
    return None if row is None else row[0]
