"""Random requests that look like frames: to count, to time and to check, where no real ones are at hand."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from uniscale.batch.tensors import Batch
from uniscale.contracts.events import ACTIONS
from uniscale.contracts.frames import HASH_SPACE, ITEM_NUMERIC, QUERY_NUMERIC, USER_NUMERIC
from uniscale.contracts.inputs import HISTORY_IDS, ITEM_IDS, REQUEST_IDS, Identifier


def random_batch(
    *,
    sizes: Sequence[int],
    length: int,
    num_domains: int = 3,
    num_ids: int = 50,
    seed: int = 0,
    missing: float = 0.2,
    is_second_new: bool = False,
) -> Batch:
    """Requests whose identifiers repeat; domains take turns.

    Args:
        sizes: Items of each request.
        length: Actions of a history, at most; each has half of them at least.
        num_domains: Domains.
        num_ids: Different identifiers.
        seed: Decides everything drawn.
        missing: Share of identifiers and numbers that are missing.
        is_second_new: Whether the second request has no history.
    """
    rng = torch.Generator().manual_seed(seed)
    vocabulary = torch.randint(1, HASH_SPACE, (num_ids,), generator=rng)
    num_requests, num_items = len(sizes), sum(sizes)

    def ids(*shape: int) -> Tensor:
        drawn = vocabulary[torch.randint(0, num_ids, shape, generator=rng)]
        return torch.where(torch.rand(shape, generator=rng) < missing, 0, drawn)

    def numbers(*shape: int) -> Tensor:
        drawn = torch.randn(shape, generator=rng)
        return torch.where(torch.rand(shape, generator=rng) < missing, torch.nan, drawn)

    lengths = torch.randint(length // 2, length + 1, (num_requests, 1), generator=rng)
    if is_second_new:
        lengths[1] = 0
    is_known = torch.arange(length) < lengths

    def history(low: int, high: int) -> Tensor:
        return torch.randint(low, high, (num_requests, length), generator=rng) * is_known

    def drawn(rows: int, one: Identifier) -> Tensor:
        return ids(rows) if one.width is None else ids(rows, one.width)

    return Batch(
        domain_R=torch.arange(num_requests) % num_domains,
        **{one.tensor: drawn(num_requests, one) for one in REQUEST_IDS},
        user_numeric_RF=numbers(num_requests, len(USER_NUMERIC)),
        query_numeric_RF=numbers(num_requests, len(QUERY_NUMERIC)),
        **{one.tensor: ids(num_requests, length) * is_known for one in HISTORY_IDS},
        history_actions_RL=history(1, 1 + len(ACTIONS)),
        history_domains_RL=history(0, num_domains + 1),
        history_hours_RL=torch.rand(num_requests, length, generator=rng) * 500 * is_known,
        request_of_item_N=torch.arange(num_requests).repeat_interleave(torch.tensor(sizes)),
        **{one.tensor: drawn(num_items, one) for one in ITEM_IDS},
        item_numeric_NF=numbers(num_items, len(ITEM_NUMERIC)),
    )
