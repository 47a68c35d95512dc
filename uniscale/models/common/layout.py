"""Items in two layouts: flat [N, ...], and padded [R, M, ...] with one row of M places per request.

What an item shares with the other items of its request (history, query, user) is computed in the padded layout, where
it is one matrix product per request, and never gathered per item.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Layout(Protocol):
    """Where the items of a batch stand.

    Attributes:
        num_requests: R.
        num_places: M.
    """

    num_requests: int
    num_places: int

    def expand(self, x_RX: Tensor) -> Tensor:
        """Give every item the values of its request: [R, ...] -> [N, ...]."""

    def expand_tokens(self, x_TRX: Tensor) -> Tensor:
        """The same for tokens: [T, R, ...] -> [T, N, ...]."""

    def pad(self, x_NX: Tensor) -> Tensor:
        """[N, X] -> [R, M, X], zero where a request has fewer than M items."""

    def unpad(self, x_RMX: Tensor) -> Tensor:
        """[R, M, X] -> [N, X]."""


class RequestLayout:
    """Many requests.

    Args:
        request_of_item_N: Row of the item's request, in any order.
        num_requests: R.

    Raises:
        ValueError: An item names a request that the batch does not have.
    """

    def __init__(self, request_of_item_N: Tensor, num_requests: int) -> None:
        counts_R = torch.bincount(request_of_item_N, minlength=num_requests)
        if counts_R.shape[0] != num_requests:
            raise ValueError(
                f"request_of_item_N names request {counts_R.shape[0] - 1}, but the batch has {num_requests} requests."
            )
        order_N = torch.argsort(request_of_item_N, stable=True)
        first_R = counts_R.cumsum(0) - counts_R
        position_N = torch.empty_like(order_N)
        position_N[order_N] = torch.arange(order_N.shape[0], device=order_N.device)
        position_N -= first_R[request_of_item_N]
        self.request_of_item_N = request_of_item_N
        self.num_requests = num_requests
        self.num_places = int(counts_R.max()) if num_requests else 0
        self.place_N = request_of_item_N * self.num_places + position_N

    def expand(self, x_RX: Tensor) -> Tensor:
        """[R, ...] -> [N, ...]."""
        return x_RX.index_select(0, self.request_of_item_N)

    def expand_tokens(self, x_TRX: Tensor) -> Tensor:
        """[T, R, ...] -> [T, N, ...]."""
        return x_TRX.index_select(1, self.request_of_item_N)

    def pad(self, x_NX: Tensor) -> Tensor:
        """[N, X] -> [R, M, X]."""
        places = x_NX.new_zeros(self.num_requests * self.num_places, x_NX.shape[1])
        return places.index_copy(0, self.place_N, x_NX).view(self.num_requests, self.num_places, x_NX.shape[1])

    def unpad(self, x_RMX: Tensor) -> Tensor:
        """[R, M, X] -> [N, X]."""
        return x_RMX.reshape(self.num_requests * self.num_places, x_RMX.shape[2]).index_select(0, self.place_N)


class OneRequest:
    """One request: both layouts are the same, and nothing depends on the values of a tensor, so it can be exported.

    Args:
        num_items: N.
    """

    def __init__(self, num_items: int) -> None:
        self.num_requests = 1
        self.num_places = num_items

    def expand(self, x_RX: Tensor) -> Tensor:
        """[1, ...] -> [N, ...]."""
        return x_RX.expand(self.num_places, *x_RX.shape[1:])

    def expand_tokens(self, x_TRX: Tensor) -> Tensor:
        """[T, 1, ...] -> [T, N, ...]."""
        return x_TRX.expand(x_TRX.shape[0], self.num_places, *x_TRX.shape[2:])

    def pad(self, x_NX: Tensor) -> Tensor:
        """[N, X] -> [1, N, X]."""
        return x_NX.unsqueeze(0)

    def unpad(self, x_RMX: Tensor) -> Tensor:
        """[1, N, X] -> [N, X]."""
        return x_RMX.squeeze(0)
