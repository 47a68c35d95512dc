"""One measurement of `benchmarks.serving.lookup`, in milliseconds per request as JSON.

``python -m benchmarks.serving.lookup_run HOME KIND REDIS CANDIDATES CATEGORIES REQUESTS``
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.features.materialize import DS
from benchmarks.serving.lookup import CATEGORIES, ITEMS, QUERIES, USERS
from uniscale.config import Settings
from uniscale.contracts.days import midnight_after
from uniscale.contracts.features import FEATURE_TABLES, ITEM_FEATURES, USER_CATEGORY_FEATURES, USER_FRESH_ACTIONS
from uniscale.features.online.materialize import materialize
from uniscale.features.online.slots import LIVE, read_pointer
from uniscale.features.repo import open_store
from uniscale.lake import Lake
from uniscale.serving.lookup import RankingLookup
from uniscale.serving.request import RankingRequest
from uniscale.serving.snapshot import ItemSnapshot


def main() -> None:
    """Command line."""
    home, kind, address, *numbers = sys.argv[1:]
    candidates, categories, number = map(int, numbers)
    settings = Settings(home=Path(home))
    settings.features.online_store = kind
    settings.features.redis = address or settings.features.redis
    settings.features.deadline_ms = 1000  # what it takes is measured, not cut off
    materialize(settings, Lake(settings), DS)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    pa.set_cpu_count(1)
    lookup = RankingLookup(settings)
    requests = [random_request(n, candidates, categories) for n in range(number * 11 // 10)]
    for request in requests:
        lookup.look_up(request)  # splits the words of every query
    parts = timed_parts(lookup)
    found: dict[str, Any] = {
        "item_features": len(ITEM_FEATURES.features) + len(USER_CATEGORY_FEATURES.features),
        "known query": percentiles(lookup.look_up, requests),
    }
    found["parts"] = {name: 1000 * seconds / len(requests) for name, seconds in parts.items() if name != "rest"}
    found["parts"]["rest"] = found["known query"]["mean"] - sum(found["parts"].values())
    fresh = [random_request(n, candidates, categories, query=f"red hat {n}") for n in range(len(requests))]
    found["new query"] = percentiles(lookup.look_up, fresh)
    assert lookup.counts.degraded == lookup.counts.unknown_items == lookup.counts.unknown_users == 0
    found["feast"] = percentiles(by_feast(settings), requests[: max(len(requests) // 5, 20)])
    print(json.dumps(found))


def random_request(n: int, candidates: int, categories: int, query: str | None = None) -> RankingRequest:
    """The request of a number; an item's category is its number modulo CATEGORIES."""
    rng = np.random.default_rng(n)
    drawn = np.arange(ITEMS).reshape(-1, CATEGORIES)[:, rng.choice(CATEGORIES, categories, replace=False)].ravel()
    return RankingRequest(
        request_id=str(n),
        user_id=f"u{rng.integers(USERS)}",
        query_text=query or f"red shoe {rng.integers(QUERIES)}",
        domain="search",
        requested_at=midnight_after(DS) + timedelta(hours=9, seconds=n),
        item_ids=tuple(f"i{k}" for k in rng.choice(drawn, candidates, replace=False)),
    )


def percentiles(answer: Callable[[Any], Any], requests: list[RankingRequest]) -> dict[str, float]:
    """Milliseconds per request; the first eleventh warms up."""
    taken = []
    for request in requests:
        began = time.perf_counter()
        answer(request)
        taken.append(1000 * (time.perf_counter() - began))
    measured = np.array(taken[len(taken) // 11 :])
    return {
        "p50": float(np.percentile(measured, 50)),
        "p99": float(np.percentile(measured, 99)),
        "mean": float(measured.mean()),
    }


def timed_parts(lookup: RankingLookup) -> dict[str, float]:
    """Seconds spent in the store and in the snapshot from now on."""
    parts = {"store": 0.0, "snapshot": 0.0}

    def timed(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            began = time.perf_counter()
            try:
                return work(*arguments, **options)
            finally:
                parts[name] += time.perf_counter() - began

        return call

    lookup._stored = timed("store", lookup._stored)  # type: ignore[method-assign]
    ItemSnapshot.take = timed("snapshot", ItemSnapshot.take)  # type: ignore[method-assign]
    return parts


def by_feast(settings: Settings) -> Callable[[RankingRequest], None]:
    """The same request through ``get_online_features`` alone."""
    pointer = read_pointer(settings)
    assert pointer is not None
    slot, live = open_store(settings, project=pointer.slot), open_store(settings, project=LIVE)
    references = {t.name: [f"{t.name}:{feature.name}" for feature in t.features] for t in FEATURE_TABLES}

    def answer(request: RankingRequest) -> None:
        user = {"user_id": request.user_id, "query_text": str(request.query_text)}
        of_request = [*references["user_features"], *references["query_features"], *references["user_sequences"]]
        slot.get_online_features(features=of_request, entity_rows=[user]).to_dict()
        fresh = references[USER_FRESH_ACTIONS.name]
        live.get_online_features(features=fresh, entity_rows=[{"user_id": request.user_id}]).to_dict()
        rows = [{"item_id": name} for name in request.item_ids]
        items = slot.get_online_features(features=references["item_features"], entity_rows=rows).to_dict()
        categories = sorted(set(items["category_id"]))
        assert 0 < len(categories) <= CATEGORIES
        pairs = [{"user_id": request.user_id, "category_id": name} for name in categories]
        slot.get_online_features(features=references["user_category_features"], entity_rows=pairs).to_dict()

    return answer


if __name__ == "__main__":
    main()
