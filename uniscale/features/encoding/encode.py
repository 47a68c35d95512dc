"""From joined feature rows to the numbers a model takes: the same code for training, evaluation and serving.

Arrow tables come in, with the columns of the feature tables (`uniscale.contracts.features`), NULL where no version
answered. The inputs of `uniscale.contracts.inputs` come out, one row per request.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from uniscale.contracts.features import QUERY_FEATURES, USER_FEATURES
from uniscale.contracts.inputs import INPUTS, ITEM_INPUTS, REQUEST_IDS
from uniscale.features.encoding.columns import Array, column, lists, matrix_lists, stacked
from uniscale.features.encoding.hashing import hashed
from uniscale.features.encoding.history import encode_histories
from uniscale.features.encoding.numeric import numeric_inputs
from uniscale.features.encoding.pairs import encode_pairs


def encode(requests: pa.Table, items: pa.Table, row: Array, *, history_length: int | None) -> pa.Table:
    """Encode requests with their items.

    Args:
        requests: One row per request: ``user_id``, ``query_text`` (as the feature tables spell it), ``query_words``
            (its words as text), ``domain``, ``requested_at``, and the features of user, query and history.
        items: One row per item of a request: prepared items (`uniscale.features.encoding.items.prepare_items`) with the
            columns of the user-category features.
        row: Place of each item's request in ``requests``, ascending, [N].
        history_length: Actions of a history that are kept, at most; None without histories, and without their columns.

    Returns:
        The columns REQUEST_INPUTS, HISTORY_INPUTS and ITEM_INPUTS, in the order of the requests.
    """
    asked_us = np.asarray(column(requests, "requested_at").cast(pa.timestamp("us")).cast(pa.int64()))
    asked_at = asked_us / 1e6
    columns = {
        **{one.name: hashed(requests, one) for one in REQUEST_IDS},
        **{
            name: matrix_lists(stacked(numeric_inputs(requests, contract, asked_at), requests.num_rows))
            for name, contract in (("user_numeric", USER_FEATURES), ("query_numeric", QUERY_FEATURES))
        },
        **({} if history_length is None else encode_histories(requests, asked_us, history_length)),
        "item_numeric": lists(matrix_lists(encode_pairs(requests, items, row, asked_at)), row, requests.num_rows),
        **{name: lists(column(items, name), row, requests.num_rows) for name in ITEM_INPUTS if name != "item_numeric"},
    }
    return pa.table({name: columns[name] for name in INPUTS if name in columns})
