"""Items in two layouts: flat [N, ...], and padded [R, M, ...] with one row of M places per request.

What an item shares with the other items of its request (history, query, user) is computed in the padded layout, where
it is one matrix product per request, and never gathered per item.
"""

from __future__ import annotations

import torch
from torch import Tensor


class RequestLayout:
    """Where each of N items stands among the items of its request.

    Args:
        request_of_item_N: Row of the item's request, in any order.
        num_requests: R.
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
        """Give every item the values of its request: [R, X] -> [N, X]."""
        return x_RX.index_select(0, self.request_of_item_N)

    def pad(self, x_NX: Tensor) -> Tensor:
        """[N, X] -> [R, M, X], zero where a request has fewer than M items."""
        places = x_NX.new_zeros(self.num_requests * self.num_places, x_NX.shape[1])
        return places.index_copy(0, self.place_N, x_NX).view(self.num_requests, self.num_places, x_NX.shape[1])

    def unpad(self, x_RMX: Tensor) -> Tensor:
        """[R, M, X] -> [N, X]."""
        return x_RMX.reshape(self.num_requests * self.num_places, x_RMX.shape[2]).index_select(0, self.place_N)
