"""Are synthetic queries like the ones people type? Measured on real searches whose query is hidden."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import duckdb
import numpy as np

from uniscale.contracts.days import Day
from uniscale.es3.embed import Embedder, NgramEmbedder
from uniscale.es3.plan import Plan
from uniscale.es3.queries import find_queries, read_searches
from uniscale.es3.statements import run_files, run_sql, sql_text

MAX_SEARCHES = 4000
"""Searches measured, the same ones every time."""

Pair = tuple[int, str, str, bool | None]
"""Tier, query that was asked, query that was made, whether they mean the same category (None: not known)."""


def measure_queries(con: duckdb.DuckDBPyConnection, plan: Plan, day: Day) -> dict[str, Any]:
    """Make a query for each real search with a click, as if its own were unknown, and compare the two.

    A search's user, time and clicked category are known to the tiers, and what happened before it; its query is not.

    Args:
        con: A connection after `uniscale.es3.days.prepare_items`.
        plan: The run.
        day: The day whose searches are held out.

    Returns:
        ``searches`` (held out), ``chance`` (how alike two queries of different searches are), ``tiers`` (``tier N``, as
        used: the first one that finds a query) and ``alone`` (each tier tried on every search). Of each: ``coverage``
        (share of the searches), ``exact`` (same query), ``same_intent`` (same category, of the pairs where both are
        known), ``similarity`` (mean cosine) and ``made`` (queries). Empty without a search to hold out.
    """
    values = {**plan.values(day), "max_searches": MAX_SEARCHES}
    run_files(con, ("report_held_out",), values)
    asked = [text for (text,) in con.execute("select asked_query from held_out order by request_id").fetchall()]
    if not asked:
        return {}
    policy = plan.policy.searchification
    read_searches(con, policy, values)
    used = _pairs(con, plan, values, policy.tiers)
    # The first tier has been tried on every search by then.
    first = [pair for pair in used if pair[0] in policy.tiers[:1]]
    alone = {tier: _pairs(con, plan, values, (tier,)) if place else first for place, tier in enumerate(policy.tiers)}
    embedder = NgramEmbedder()
    embedder.fit(sorted(set(asked)))
    return {
        "searches": len(asked),
        "chance": _similarity(embedder, asked, asked[1:] + asked[:1]),
        "tiers": {
            f"tier {tier}": _compare(embedder, (pair for pair in used if pair[0] == tier), len(asked))
            for tier in policy.tiers
        },
        "alone": {f"tier {tier}": _compare(embedder, pairs, len(asked)) for tier, pairs in alone.items()},
    }


def _pairs(con: duckdb.DuckDBPyConnection, plan: Plan, values: dict[str, Any], tiers: tuple[int, ...]) -> list[Pair]:
    find_queries(con, plan.policy.searchification, values, tiers)
    return run_sql(con, sql_text("report_quality"), values).fetchall()


def _compare(embedder: Embedder, pairs: Iterable[Pair], num_searches: int) -> dict[str, Any]:
    known = list(pairs)
    intents = Counter(same for *_, same in known if same is not None)
    asked, made = [pair[1] for pair in known], [pair[2] for pair in known]
    return {
        "made": len(known),
        "coverage": round(len(known) / num_searches, 4),
        "exact": _share(sum(one == other for one, other in zip(asked, made, strict=True)), len(known)),
        "same_intent": _share(intents[True], intents.total()),
        "similarity": _similarity(embedder, asked, made),
    }


def _similarity(embedder: Embedder, ones: list[str], others: list[str]) -> float | None:
    if not ones:
        return None
    cosines = np.einsum("ij,ij->i", embedder.embed(ones), embedder.embed(others))
    return round(float(cosines.mean()), 4)


def _share(count: int, of: int) -> float | None:
    return round(count / of, 4) if of else None
