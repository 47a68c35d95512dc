"""Requests as fixed-width arrays, the form in which they are stored and drawn, and as model input.

Letters: R requests, N items of all requests together. Arrays carry the names of the `Batch` and `Labels` fields they
become; identifiers are stored as 32-bit integers and widened when a batch is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from uniscale.batch.tensors import Batch, Labels

Array = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Encoded:
    """Requests with their items as fixed-width arrays.

    Attributes:
        requests: By `Batch` field (those per request), first axis R.
        items: By `Batch` field (those per item) and of `Labels`, first axis N.
        offsets: First item of each request, and N at the end, [R + 1].
    """

    requests: Mapping[str, Array]
    items: Mapping[str, Array]
    offsets: Array

    @property
    def num_requests(self) -> int:
        """R."""
        return len(self.offsets) - 1


def to_batch(encoded: Encoded) -> tuple[Batch, Labels]:
    """Arrays as tensors: identifiers become 64-bit integers, everything else 32-bit floats."""
    columns = {**encoded.requests, **encoded.items}
    tensors = {name: _tensor(values) for name, values in columns.items()}
    labels = Labels(**{field.name: tensors.pop(field.name) for field in fields(Labels)})
    lengths = np.diff(encoded.offsets)
    tensors["request_of_item_N"] = torch.from_numpy(np.repeat(np.arange(len(lengths)), lengths))
    return Batch(**tensors), labels


def _tensor(values: Array) -> torch.Tensor:
    wide = np.float32 if values.dtype.kind == "f" else np.int64
    return torch.from_numpy(np.array(values, dtype=wide, order="C"))  # a copy: Arrow's buffers may not be written to
