"""Serve logged requests again, as they came, and log what a ranker would have been given: a shadow of real serving.

The day's actions are pushed in the order in which they became known, to a Feast project of their own. What is logged is
then recomputed like real traffic (`uniscale.serving.skew`), so the whole online path is checked every day, also where
nothing is served yet.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from uniscale.config import Settings
from uniscale.contracts.days import midnight_after
from uniscale.contracts.events import ACTIONS_TABLE
from uniscale.contracts.marts import FCT_EXPOSURES
from uniscale.features.online.bulk import bulk_store
from uniscale.features.online.push import push_actions
from uniscale.features.online.push_rules import COLUMNS
from uniscale.features.online.slots import SHADOW, read_pointer
from uniscale.features.repo import open_store
from uniscale.lake import Lake
from uniscale.serving.lookup import RankingLookup
from uniscale.serving.request import MAX_CANDIDATES, RankingRequest
from uniscale.serving.served_log import ServedLog, served_folder


def serve_again(settings: Settings, lake: Lake, ds: date, num_requests: int) -> dict[str, Any]:
    """Serve some of a day's target-domain requests from the daily values of the midnight before.

    Args:
        settings: The installation.
        lake: The lake; holds the day's requests and actions.
        ds: UTC day of the requests.
        num_requests: How many to serve, drawn by a hash of their identifiers.

    Returns:
        What was missing (`uniscale.serving.request.Counts`), the ``generation``, and milliseconds per look-up at the
        median and the 99th percentile; ``skipped`` with the reason when other daily values are served.
    """
    moment = midnight_after(ds - timedelta(days=1))
    pointer = read_pointer(settings)
    if pointer is None or pointer.moment != moment:
        held = "nothing is served yet" if pointer is None else f"{pointer} are served"
        return {"skipped": f"the requests of {ds} need the daily values of {moment:%Y-%m-%d %H:%M} UTC; {held}"}
    with lake.read() as con:
        requests = _requests(con, settings.target_domain, ds, num_requests)
        actions = _actions(con, ds, {request.user_id for request in requests})
    shutil.rmtree(served_folder(settings, "shadow", ds), ignore_errors=True)
    live = open_store(settings, project=SHADOW)
    bulk_store(live).clear(live.config, live.list_feature_views())
    lookup = RankingLookup(settings, live_project=SHADOW)
    domains = actions["domain"].unique().to_pylist()  # they were judged when they were landed
    milliseconds = []
    pushed = 0
    with ServedLog(settings, "shadow") as log:
        for request in requests:
            number = int(np.searchsorted(actions["recorded_at"], np.datetime64(request.requested_at), side="left"))
            if number > pushed:
                push_actions(settings, actions.slice(pushed, number - pushed), project=SHADOW, domains=domains)
                pushed = number
            began = time.perf_counter()
            answer = lookup.look_up(request)
            milliseconds.append(1000 * (time.perf_counter() - began))
            log.append(answer)
    speed = {f"p{share}_ms": float(np.percentile(milliseconds, share)) for share in (50, 99)} if milliseconds else {}
    return {**asdict(lookup.counts), "pushed": pushed, "generation": pointer.generation, **speed}


def _requests(con: duckdb.DuckDBPyConnection, domain: str, ds: date, number: int) -> list[RankingRequest]:
    """Requests with their whole candidate lists, in the order of their times."""
    rows = con.execute(
        f"""
        with lists as (
            select
                request_id,
                any_value(user_id) as user_id,
                any_value(query_text) as query_text,
                any_value(domain) as domain,
                any_value(requested_at) as requested_at,
                list_sort(list(item_id)) as item_ids
            from {FCT_EXPOSURES.qualified}
            where ds = ? and domain = ?
            group by request_id
            having count(*) <= {MAX_CANDIDATES}
            order by md5(request_id), request_id
            limit ?
        )
        select * from lists order by requested_at, request_id
        """,
        [ds, domain, number],
    ).fetchall()
    names = ("request_id", "user_id", "query_text", "domain", "requested_at")
    return [RankingRequest(**dict(zip(names, row, strict=False)), item_ids=tuple(row[-1])) for row in rows]


def _actions(con: duckdb.DuckDBPyConnection, ds: date, users: set[str]) -> pa.Table:
    """What became known of some users on the day, oldest knowledge first."""
    query = (
        f"select {', '.join(COLUMNS)} from {ACTIONS_TABLE.qualified} "
        "where ds = ? and list_contains(?, user_id) order by recorded_at, action_id"
    )
    return con.execute(query, [ds, sorted(users)]).to_arrow_table()
