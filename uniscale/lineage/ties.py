"""Which rows of the lake belong to a user, decided from the columns of a table: a new table is covered by its contract.

A row belongs to a user if it names the user, else if it names a request of the user, else if it names a sample made
from one. Rejected rows are searched for the identifier itself. A query that nobody else typed belongs to the user too
when the user is forgotten, wherever it stands.
"""

from __future__ import annotations

import duckdb

from uniscale.contracts.alerts import ALERT_TABLES
from uniscale.contracts.all_tables import TABLES
from uniscale.contracts.carried import ITEMS_SEEN
from uniscale.contracts.daily_counts import ITEM_COUNTS, ITEM_DOMAIN_COUNTS
from uniscale.contracts.events import ITEMS, REQUESTS
from uniscale.contracts.features import ITEM_FEATURES
from uniscale.contracts.forgotten import FORGOTTEN
from uniscale.contracts.marts import FCT_EXPOSURES, ITEM_VERSIONS
from uniscale.contracts.monitor import MONITOR_TABLES
from uniscale.contracts.outcomes import CHAMPIONS, COMPARISONS, DECISIONS, METRICS, PARTITIONS, SKEW, STEPS
from uniscale.contracts.samples import OUTSIDE_CLICKS, SAMPLES
from uniscale.contracts.schema import Table
from uniscale.lake.forgotten import told_values
from uniscale.lake.lake import table_has

IMPERSONAL = (
    ITEMS,
    ITEM_VERSIONS,
    ITEMS_SEEN,
    ITEM_DOMAIN_COUNTS,
    ITEM_COUNTS,
    ITEM_FEATURES,
    OUTSIDE_CLICKS,
    METRICS,
    COMPARISONS,
    DECISIONS,
    CHAMPIONS,
    STEPS,
    PARTITIONS,
    SKEW,
    *MONITOR_TABLES,
    *ALERT_TABLES,
    FORGOTTEN,
)
"""Tables without rows of one user: facts of items, sums over many users, and notes of what ran."""


def owned(table: Table) -> str | None:
    """SQL condition for the rows of a user, after `find_user`; None for a table that holds none."""
    if "user_id" in table.column_names:
        return "user_id = getvariable('lineage_user')"
    if "request_id" in table.column_names:
        return "request_id in (select request_id from temp.user_requests)"
    if "sample_id" in table.column_names:
        return "sample_id in (select sample_id from temp.user_samples)"
    if "row_json" in table.column_names:
        wanted = "(select list(request_id) from temp.user_requests)"
        told = told_values("row_json")
        named = "json_extract_string(row_json, ['$.request_id', '$.sample_id'])"
        return f"(list_contains({told}, getvariable('lineage_user')) or list_has_any({named}, coalesce({wanted}, [])))"
    return None


def erased(table: Table) -> str | None:
    """SQL condition for the rows that go when a user is forgotten, after `find_user`; None if none can."""
    ties = [owned(table)]
    if "query_text" in table.column_names:
        ties.append("normalised_query(query_text) in (select query_text from temp.user_queries)")
    if "sample_id" in table.column_names and table is not SAMPLES:
        ties.append("sample_id in (select sample_id from temp.user_samples)")
    return " or ".join(f"({tie})" for tie in ties if tie is not None) or None


def find_user(con: duckdb.DuckDBPyConnection, user: str) -> None:
    """Make a connection ready for the conditions: the user's requests, samples, and queries that nobody else typed."""
    con.execute("set variable lineage_user = ?", [user])
    _gather(con, "user_requests", "request_id", [(REQUESTS, owned(REQUESTS)), (FCT_EXPOSURES, owned(FCT_EXPOSURES))])
    con.execute("create or replace temp table user_queries (query_text varchar)")
    if table_has(con, REQUESTS):
        con.execute(
            f"""
            insert into temp.user_queries
            select normalised_query(query_text)
            from lake.{REQUESTS.qualified}
            where query_text is not null
            group by all
            having bool_and(user_id = getvariable('lineage_user'))
            """
        )
    _gather(con, "user_samples", "sample_id", [(SAMPLES, erased(SAMPLES))])


def present(con: duckdb.DuckDBPyConnection) -> list[Table]:
    """Tables of the catalogue that the lake has by now."""
    return [table for table in TABLES if table_has(con, table)]


def _gather(con: duckdb.DuckDBPyConnection, name: str, column: str, sources: list[tuple[Table, str | None]]) -> None:
    """A temporary table of the distinct values of a column over the rows that match."""
    con.execute(f"create or replace temp table {name} ({column} varchar)")
    for table, condition in sources:
        if table_has(con, table):
            con.execute(
                f"insert into temp.{name} select distinct {column} from lake.{table.qualified} where {condition}"
            )
