"""Random requests that look like frames: to count, to time and to check, where no real ones are at hand."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from uniscale.contracts.frames import HASH_SPACE, ITEM_NUMERIC, QUERY_NUMERIC, USER_NUMERIC
from uniscale.models.batch import (
    NUM_ITEM_ATTRIBUTES,
    NUM_QUERY_WORDS,
    NUM_TITLE_WORDS,
    NUM_USER_ATTRIBUTES,
    Batch,
)


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

    return Batch(
        domain_R=torch.arange(num_requests) % num_domains,
        user_R=ids(num_requests),
        user_attributes_RA=ids(num_requests, NUM_USER_ATTRIBUTES),
        query_R=ids(num_requests),
        query_words_RW=ids(num_requests, NUM_QUERY_WORDS),
        user_numeric_RF=numbers(num_requests, len(USER_NUMERIC)),
        query_numeric_RF=numbers(num_requests, len(QUERY_NUMERIC)),
        history_items_RL=ids(num_requests, length) * is_known,
        history_categories_RL=ids(num_requests, length) * is_known,
        history_brands_RL=ids(num_requests, length) * is_known,
        history_actions_RL=history(1, 5),
        history_domains_RL=history(0, num_domains + 1),
        history_hours_RL=torch.rand(num_requests, length, generator=rng) * 500 * is_known,
        request_of_item_N=torch.arange(num_requests).repeat_interleave(torch.tensor(sizes)),
        item_N=ids(num_items),
        category_N=ids(num_items),
        brand_N=ids(num_items),
        shop_N=ids(num_items),
        title_words_NW=ids(num_items, NUM_TITLE_WORDS),
        item_attributes_NA=ids(num_items, NUM_ITEM_ATTRIBUTES),
        item_numeric_NF=numbers(num_items, len(ITEM_NUMERIC)),
    )
