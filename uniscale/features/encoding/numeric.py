"""Numeric inputs as the contract of the feature tables declares them (`uniscale.contracts.schema.ModelInput`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa

from uniscale.contracts.schema import Table
from uniscale.features.encoding.columns import Array, numbers


def numeric_inputs(rows: pa.Table, contract: Table, asked_at: Array) -> list[Array]:
    """The numeric inputs that a feature table gives, in its columns' order; NaN where a value is missing.

    Args:
        rows: Rows with the columns of the table.
        contract: The table.
        asked_at: Time of the request of each row, in seconds since 1970.
    """
    return [
        _INPUTS[column.model_input](numbers(rows, column.name), asked_at)
        for column in contract.columns
        if column.model_input
    ]


def log_of(values: Array) -> Array:
    """ln(1 + x), 0 for x < 0; NaN stays."""
    return np.asarray(np.log1p(np.maximum(values, 0)))


def _log_hours_since(moments: Array, asked_at: Array) -> Array:
    return log_of((asked_at - moments) / 3600)


_INPUTS: Mapping[str, Callable[[Array, Array], Array]] = {
    "log": lambda values, _: log_of(values),
    "value": lambda values, _: values,
    "age": _log_hours_since,
}
