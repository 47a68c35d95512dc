"""Model input of requests as it was at their times: retrieved point-in-time through Feast, then encoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from uniscale.contracts.features import HISTORY_SERVICE, ITEM_SERVICE, PAIR_SERVICE, REQUEST_SERVICE
from uniscale.features import model_inputs_sql
from uniscale.features.encoding.encode import encode
from uniscale.features.encoding.items import prepare_items
from uniscale.features.encoding.pairs import with_pair_features

if TYPE_CHECKING:
    from feast import FeatureStore


def model_inputs(
    con: duckdb.DuckDBPyConnection, store: FeatureStore, samples: str, *, history_length: int | None
) -> pa.Table:
    """Inputs of some samples, one row per sample, ordered by ``requested_at`` and ``sample_id``.

    User, query and history features are joined once per sample, those of an item once per sample and item, those of
    user and category once per sample and category of its items.

    Args:
        con: A lake connection with the macros of `uniscale.features.encoding.text`.
        store: Feast.
        samples: Table of the connection with ``sample_id, user_id, query_text, domain, requested_at, item_ids``.
        history_length: Newest actions of a history, as the online store serves it; None without histories.
    """
    for service, entities, table in (
        (REQUEST_SERVICE, model_inputs_sql.request_entities(samples), "input_requests"),
        (ITEM_SERVICE, model_inputs_sql.item_entities(samples), "input_items"),
        (PAIR_SERVICE, model_inputs_sql.pair_entities(samples, "input_items"), "input_pairs"),
    ):
        _join(con, store, service, entities, table)
    if history_length is not None:
        _join(con, store, HISTORY_SERVICE, "from input_requests", "input_histories")
    requests = con.sql(
        model_inputs_sql.ordered("input_requests" if history_length is None else "input_histories")
    ).to_arrow_table()
    query = model_inputs_sql.items_of_requests(samples, "input_items", "input_pairs")
    items = con.sql(query).to_arrow_table()
    return encode(
        requests,
        with_pair_features(prepare_items(items), items),
        items.column("row").to_numpy(),
        history_length=history_length,
    )


def _join(con: duckdb.DuckDBPyConnection, store: FeatureStore, service: str, entities: str, table: str) -> None:
    """Make a table of the entities with the features of a service as they were at their times."""
    job = store.get_historical_features(entity_df=entities, features=store.get_feature_service(service))
    job.to_temp_table(con, table)
