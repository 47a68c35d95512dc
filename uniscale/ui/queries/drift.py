"""What monitoring found: how source rows differ from native ones, what stood out, and the history of a column."""

from __future__ import annotations

from datetime import date

import duckdb

from uniscale.contracts.monitor import CONTRASTS, FINDINGS, PROFILES, SCORE_RATES, SEPARABILITY
from uniscale.lake.lake import table_has
from uniscale.ui.queries.judged import Row, rows_of


def separability(con: duckdb.DuckDBPyConnection, first: date) -> list[Row]:
    """How well populations of training rows are told from native rows, by day."""
    if not table_has(con, SEPARABILITY):
        return []
    return rows_of(con, f"from lake.{SEPARABILITY.qualified} where ds >= date '{first}' order by population, ds")


def findings(con: duckdb.DuckDBPyConnection, first: date) -> list[Row]:
    """What stood out, newest and worst first."""
    if not table_has(con, FINDINGS):
        return []
    return rows_of(
        con,
        f"from lake.{FINDINGS.qualified} where ds >= date '{first}' "
        "order by ds desc, severity = 'critical' desc, abs(score) desc nulls last",
    )


def populations(con: duckdb.DuckDBPyConnection, ds: date) -> list[Row]:
    """Populations of a day with their rows and columns."""
    if not table_has(con, PROFILES):
        return []
    return rows_of(
        con,
        "select population, any_value(stage) as stage, max(num_rows) as num_rows, count(*) as num_columns, "
        f"max(weight) as weight from lake.{PROFILES.qualified} where ds = ? group by population order by population",
        [ds],
    )


def newest_profile(con: duckdb.DuckDBPyConnection) -> date | None:
    """The newest day with profiles."""
    if not table_has(con, PROFILES):
        return None
    row = con.execute(f"select max(ds) from lake.{PROFILES.qualified}").fetchone()
    return None if row is None else row[0]


def contrasts(con: duckdb.DuckDBPyConnection, population: str, first: date) -> list[Row]:
    """Distance of each column of a population from native rows, by day."""
    if not table_has(con, CONTRASTS):
        return []
    return rows_of(
        con,
        f"from lake.{CONTRASTS.qualified} where population = ? and ds >= ? order by column_name, ds",
        [population, first],
    )


def profiles_of(con: duckdb.DuckDBPyConnection, population: str, ds: date) -> list[Row]:
    """Profile of every column of a population on a day."""
    if not table_has(con, PROFILES):
        return []
    return rows_of(
        con,
        f"from lake.{PROFILES.qualified} where population = ? and ds = ? order by column_name",
        [population, ds],
    )


def history_of(con: duckdb.DuckDBPyConnection, population: str, column: str) -> list[Row]:
    """Profile of one column of a population over all days."""
    if not table_has(con, PROFILES):
        return []
    return rows_of(
        con,
        f"from lake.{PROFILES.qualified} where population = ? and column_name = ? order by ds",
        [population, column],
    )


def click_rates(con: duckdb.DuckDBPyConnection, population: str, ds: date) -> list[Row]:
    """Clicks by tenth of the champion's score, of a population and of native rows of the target domain."""
    if not table_has(con, SCORE_RATES):
        return []
    return rows_of(
        con,
        f"from lake.{SCORE_RATES.qualified} where ds = ? and (population = ? or provenance = 'native') "
        "order by population, decile",
        [ds, population],
    )
