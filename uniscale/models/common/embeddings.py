"""Hashed embedding tables.

A frame holds 31-bit hashes, a table has far fewer rows: `table_row` folds one into the other and keeps row 0 for
"missing". Row 0 is zero and never trained. Gradients are sparse, for row-wise optimisers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

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


def table_row(hash_id: Tensor, num_rows: int) -> Tensor:
    """Row of a hash: 0 for 0, else 1 + hash % (num_rows - 1)."""
    return torch.where(hash_id == 0, 0, 1 + hash_id % (num_rows - 1))


class HashedTable(nn.Module):
    """One vector per identifier, or the mean over a bag of identifiers."""

    def __init__(self, num_rows: int, width: int) -> None:
        super().__init__()
        if num_rows < 2:
            raise ValueError(f"num_rows={num_rows} leaves no row beside the one for missing values; use at least 2.")
        self.num_rows = num_rows
        self.weight = nn.Parameter(torch.empty(num_rows, width))
        nn.init.normal_(self.weight, std=INITIAL_STD)
        with torch.no_grad():
            self.weight[0].zero_()

    def forward(self, hash_id: Tensor) -> Tensor:
        """[...] hashes -> [..., E]; 0 gives the zero vector."""
        return nn.functional.embedding(table_row(hash_id, self.num_rows), self.weight, padding_idx=0, sparse=True)

    def mean(self, bag_XW: Tensor) -> Tensor:
        """[X, W] hashes -> [X, E], the mean over those that are not 0; an empty bag gives the zero vector."""
        return nn.functional.embedding_bag(
            table_row(bag_XW, self.num_rows), self.weight, mode="mean", padding_idx=0, sparse=True
        )
