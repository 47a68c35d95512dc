"""What every ranker takes: requests with their items, user and query columns once per request.

Letters: R requests, N items of all requests together, A attributes, W words, L history length, F numeric features.
Identifiers are 31-bit hashes (`uniscale.contracts.frames.hash_id`), 0 is missing or padding; numeric values may be NaN.
`uniscale.contracts.inputs` declares them, with the widths of the bags.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Model input for R requests with N items.

    Attributes:
        domain_R: Index of the request's domain in the model's domain list.
        user_R: Hashed user.
        user_attributes_RA: Hashed profile facts, padded with 0.
        query_R: Hashed query text.
        query_words_RW: Hashed words of the query, padded with 0.
        user_numeric_RF: In the order of USER_NUMERIC, NaN where missing.
        query_numeric_RF: In the order of QUERY_NUMERIC, NaN where missing.
        history_items_RL: Hashed items acted on, newest first, padded with 0 at the end.
        history_categories_RL: Their categories.
        history_brands_RL: Their brands.
        history_actions_RL: 1 + index of the action in `uniscale.contracts.events.ACTIONS`, 0 padding.
        history_domains_RL: 1 + index of the action's domain, 0 padding or a domain the model does not know.
        history_hours_RL: Hours from the action to the request, >= 0; 0 in padding.
        request_of_item_N: Row of the item's request, in [0, R).
        item_N: Hashed item.
        category_N: Hashed category.
        brand_N: Hashed brand.
        shop_N: Hashed shop.
        title_words_NW: Hashed words of the title, padded with 0.
        item_attributes_NA: Hashed facts of the item, padded with 0.
        item_numeric_NF: In the order of ITEM_NUMERIC, NaN where missing.
    """

    domain_R: Tensor
    user_R: Tensor
    user_attributes_RA: Tensor
    query_R: Tensor
    query_words_RW: Tensor
    user_numeric_RF: Tensor
    query_numeric_RF: Tensor
    history_items_RL: Tensor
    history_categories_RL: Tensor
    history_brands_RL: Tensor
    history_actions_RL: Tensor
    history_domains_RL: Tensor
    history_hours_RL: Tensor
    request_of_item_N: Tensor
    item_N: Tensor
    category_N: Tensor
    brand_N: Tensor
    shop_N: Tensor
    title_words_NW: Tensor
    item_attributes_NA: Tensor
    item_numeric_NF: Tensor

    @property
    def num_items(self) -> int:
        """N."""
        return int(self.request_of_item_N.shape[0])

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on another device."""
        return Batch(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


@dataclass(frozen=True, kw_only=True, slots=True)
class Labels:
    """What happened to the N items of a batch.

    Attributes:
        targets_NK: 0 or 1 per task, in the order of TASKS, float.
        weight_N: Training weight, float.
        place_N: Place in the shown list, from 1; 0 if not shown. How the label was observed: no ranker knows it.
    """

    targets_NK: Tensor
    weight_N: Tensor
    place_N: Tensor

    def to(self, device: torch.device | str) -> Labels:
        """The same labels on another device."""
        return Labels(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})
