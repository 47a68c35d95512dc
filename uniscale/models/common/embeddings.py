"""Hashed embedding tables, all in one matrix.

A frame holds 31-bit hashes, a table has far fewer rows: a hash is folded into the rows of its table. Row 0 of the
matrix stands for "missing" in every table: it is zero and never trained. All look-ups of a batch are one call with one
sparse gradient, so an optimiser sorts the touched rows once and not once per table.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from uniscale.models.common.sparse import SparseTable, train_rows

INITIAL_STD = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbeddingSizes:
    """Width of all tables and rows of each."""

    width: int
    users: int
    user_attributes: int
    queries: int
    words: int
    items: int
    categories: int
    brands: int
    shops: int
    item_attributes: int

    @classmethod
    def of(cls, *, width: int, items: int) -> EmbeddingSizes:
        """Sizes in usual proportion to the rows of the item table, a power of two >= 1,024."""
        return cls(
            width=width,
            users=items,
            user_attributes=max(512, items // 32),
            queries=items // 2,
            words=items // 2,
            items=items,
            categories=max(512, items // 32),
            brands=max(512, items // 16),
            shops=max(512, items // 16),
            item_attributes=max(512, items // 16),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class LookUp:
    """Identifiers to look up.

    Attributes:
        table: Name of the table.
        ids: Hashes, 0 where missing.
        is_bag: The last axis of ``ids`` is a bag, of which the mean over the known is wanted.
    """

    table: str
    ids: Tensor
    is_bag: bool = False


class Embeddings(SparseTable):
    """Hashed tables of one width.

    Args:
        rows: Rows of each table, at least 1.
        width: E.
    """

    def __init__(self, rows: Mapping[str, int], width: int) -> None:
        super().__init__()
        for name, number in rows.items():
            if number < 1:
                raise ValueError(f"the table {name!r} has {number} rows; use at least 1")
        self.width = width
        self._rows = dict(rows)
        self._first: dict[str, int] = {}
        total = 1
        for name, number in rows.items():
            self._first[name] = total
            total += number
        self.weight = nn.Parameter(torch.empty(total, width))
        nn.init.normal_(self.weight, std=INITIAL_STD)
        with torch.no_grad():
            self.weight[0].zero_()

    def forward(self, look_ups: Sequence[LookUp]) -> list[Tensor]:
        """Vectors of every look-up.

        Args:
            look_ups: What is asked; all of a batch in one call.

        Returns:
            Per look-up [..., E]: one vector per identifier, or per bag. Missing identifiers and empty bags give zero.
        """
        rows = [self.rows(asked.table, asked.ids) for asked in look_ups]
        rows_X = torch.cat([row.reshape(-1) for row in rows])
        vectors = self.sums(rows_X, torch.cat(_offsets(look_ups, rows)), _weights(look_ups, rows_X))
        shapes = [row.shape[:-1] if asked.is_bag else row.shape for asked, row in zip(look_ups, rows, strict=True)]
        parts = torch.split(vectors, [math.prod(shape) for shape in shapes])
        return [part.view(*shape, self.width) for part, shape in zip(parts, shapes, strict=True)]

    def sums(self, rows_X: Tensor, offsets_G: Tensor, weights_X: Tensor) -> Tensor:
        """Weighted sums of rows over bags that lie one after the other.

        Args:
            rows_X: Rows of the matrix.
            offsets_G: First of each bag.
            weights_X: Weight of each.

        Returns:
            [G, E].
        """
        read_GE = functional.embedding_bag(
            rows_X, self.weight.detach(), offsets_G, mode="sum", per_sample_weights=weights_X
        )
        return train_rows(read_GE, self.weight, rows_X, offsets_G, weights_X)

    def rows(self, table: str, ids: Tensor) -> Tensor:
        """Rows of the matrix that stand for identifiers: 0 for 0, else within the table."""
        return torch.where(ids == 0, 0, self._first[table] + ids % self._rows[table])


class Vocabulary(nn.Module):
    """A small table of numbers that a contract lists, and one row for any other number.

    Attributes:
        num_unknown: How many numbers outside the list were looked up since the model was made.
    """

    def __init__(self, size: int, width: int, *, std: float = INITIAL_STD) -> None:
        super().__init__()
        self.size = size
        self.weight = nn.Parameter(torch.empty(size + 1, width))
        nn.init.normal_(self.weight, std=std)
        self.register_buffer("num_unknown", torch.zeros((), dtype=torch.int64), persistent=False)

    def forward(self, numbers: Tensor) -> Tensor:
        """[...] numbers -> [..., E]; a number outside [0, size) has the last row."""
        is_unknown = (numbers < 0) | (numbers >= self.size)
        if not torch.compiler.is_compiling():
            self.num_unknown += is_unknown.sum()
        return functional.embedding(torch.where(is_unknown, self.size, numbers), self.weight)

    def diagnose(self) -> dict[str, float]:
        """Numbers outside the list so far."""
        return {"num_unknown": float(self.num_unknown)}


def _weights(look_ups: Sequence[LookUp], rows_X: Tensor) -> Tensor:
    """1 where an identifier is known, 0 where it is missing; in a bag divided by the number of the known."""
    weights_X = (rows_X > 0).float()
    for asked, weights in zip(look_ups, weights_X.split([asked.ids.numel() for asked in look_ups]), strict=True):
        if asked.is_bag:
            bags = weights.view(-1, asked.ids.shape[-1])
            bags /= bags.sum(1, keepdim=True).clamp(min=1)
    return weights_X


def _offsets(look_ups: Sequence[LookUp], rows: Sequence[Tensor]) -> list[Tensor]:
    """First identifier of every bag; an identifier by itself is a bag of one."""
    begin, offsets = 0, []
    for asked, row in zip(look_ups, rows, strict=True):
        step = row.shape[-1] if asked.is_bag else 1
        end = begin + row.numel()
        offsets.append(torch.arange(begin, end, step, device=row.device))
        begin = end
    return offsets
