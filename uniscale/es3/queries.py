"""Stage C: one query for each synthetic request, by the tiers of the policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from uniscale.contracts.policy import Searchification
from uniscale.es3.nearest import add_nearest_queries
from uniscale.es3.statements import run_files


def read_searches(con: duckdb.DuckDBPyConnection, policy: Searchification, values: Mapping[str, Any]) -> None:
    """Read the searches that may lend a query, once for all calls of `find_queries` for the same requests.

    Args:
        con: Holds the temporary tables ``outside_groups`` and ``item_versions``.
        policy: Its tiers decide what is read.
        values: Parameters of the SQL files.
    """
    run_files(con, ("5_past_searches",), values)
    if 3 in policy.tiers:
        run_files(con, ("5_frequent_queries",), values)


def find_queries(
    con: duckdb.DuckDBPyConnection,
    policy: Searchification,
    values: Mapping[str, Any],
    tiers: Sequence[int] | None = None,
) -> None:
    """Fill the temporary table ``group_queries`` with at most one query per row of ``outside_groups``.

    Args:
        con: A connection after `read_searches`; holds the temporary tables ``outside_groups``, ``outside_rows`` and
            ``item_versions``.
        policy: Its tiers are tried in order; a request that has a query keeps it.
        values: Parameters of the SQL files.
        tiers: Some of the policy's tiers instead of all.
    """
    con.execute(
        "create or replace temp table group_queries (sample_id varchar, query_text varchar, query_tier integer, "
        "query_support bigint, query_confidence double)"
    )
    for tier in policy.tiers if tiers is None else tiers:
        if tier == 1:
            run_files(con, ("5_own_queries",), values)
        elif tier == 2:
            run_files(con, ("5_co_occurring_queries",), values)
        else:
            add_nearest_queries(con, policy.nearest, values)
