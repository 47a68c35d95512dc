"""Tier 3 of the synthetic queries: the past query nearest to the titles of a request's items of one category.

The titles are those of *all* items of the category in the request, clicked or not: the nearest query to the clicked
title alone would give the label away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from uniscale.contracts.policy import NearestQuery
from uniscale.es3.embed import Embedder, Vectors, make_embedder, unit_rows
from uniscale.es3.statements import run_files

PROBES_AT_ONCE = 4096
"""Synthetic requests embedded at once, which bounds the memory of their titles."""

_NEIGHBOURS = 4
"""Queries looked at per request: those of equal similarity are told apart by their text."""

_FOUND = pa.schema(
    {
        "sample_id": pa.string(),
        "query_text": pa.string(),
        "query_tier": pa.int32(),
        "query_support": pa.int64(),
        "query_confidence": pa.float64(),
    }
)


def add_nearest_queries(con: duckdb.DuckDBPyConnection, policy: NearestQuery, values: Mapping[str, Any]) -> None:
    """Give the synthetic requests that still lack a query the nearest one, above the least similarity.

    Args:
        con: Holds the temporary tables ``outside_groups``, ``outside_rows``, ``frequent_queries``, ``known_texts`` and
            ``group_queries``; the last one gets the new rows.
        policy: Embedder, index, least similarity.
        values: Parameters of the SQL files.
    """
    run_files(con, ("5_probes",), values)
    queries = con.execute("select query_text, num_users from frequent_queries order by query_text").fetchall()
    probes = con.execute("select sample_id, titles from probes order by sample_id").fetchall()
    if not queries or not probes:
        return
    embedder = make_embedder(policy.embedder)
    embedder.fit([text for (text,) in con.execute("from known_texts order by all").fetchall()])
    texts, support = zip(*queries, strict=True)
    index = QueryIndex(embedder.embed(texts), policy.index)
    for start in range(0, len(probes), PROBES_AT_ONCE):
        part = probes[start : start + PROBES_AT_ONCE]
        nearest, similarity = index.nearest(_mean_titles(embedder, [titles for _, titles in part]))
        rows = [
            (sample_id, texts[query], 3, support[query], float(cosine))
            for (sample_id, _), query, cosine in zip(part, nearest, similarity, strict=True)
            if cosine >= policy.min_similarity
        ]
        con.register("found", pa.table([list(column) for column in zip(*rows, strict=True)] or [[]] * 5, schema=_FOUND))
        con.execute("insert into group_queries by name from found")
        con.unregister("found")


def _mean_titles(embedder: Embedder, titles: Sequence[Sequence[str]]) -> Vectors:
    """Direction of the mean of each list of titles, [N, dim]."""
    distinct = sorted({title for some in titles for title in some})
    place = {title: number for number, title in enumerate(distinct)}
    vectors = embedder.embed(distinct)
    return unit_rows(np.stack([vectors[[place[title] for title in sorted(some)]].mean(axis=0) for some in titles]))


class QueryIndex:
    """Vectors of queries, to be searched by scalar product."""

    def __init__(self, vectors: Vectors, kind: str) -> None:
        """Build the index, on one thread: the graph of an approximate index depends on the order of its insertions.

        Args:
            vectors: One row per query, [N, dim].
            kind: FAISS factory string.

        Raises:
            ValueError: FAISS does not know the kind, or cannot build it from so few queries.
        """
        import faiss

        faiss.omp_set_num_threads(1)
        self._size = len(vectors)
        try:
            self._index = faiss.index_factory(vectors.shape[1], kind, faiss.METRIC_INNER_PRODUCT)
            self._index.train(vectors)
            self._index.add(vectors)
        except RuntimeError as error:
            raise ValueError(
                f"searchification.nearest.index {kind!r} cannot be built for {self._size} queries: {error}; "
                "use Flat or HNSW32"
            ) from error

    def nearest(self, probes: Vectors) -> tuple[list[int], Vectors]:
        """The nearest query of each probe and their scalar product; of equal ones the first."""
        scores, places = self._index.search(probes, min(_NEIGHBOURS, self._size))
        scores = np.where(places < 0, -1, np.round(scores, 6))
        is_best = scores == scores.max(axis=1, keepdims=True)
        return np.where(is_best, places, self._size).min(axis=1).tolist(), scores.max(axis=1)
