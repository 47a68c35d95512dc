"""From a `Batch` to named groups of dense features: the same input for every ranker.

What belongs to the request is computed once per request. Letters: R requests, N items, L history length, E embedding
width, C columns of a group, P request vectors, V item vectors.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from uniscale.contracts.frames import NUMERIC, NumericNames
from uniscale.models.batch import Batch
from uniscale.models.common.embeddings import EmbeddingSizes, HashedTable
from uniscale.models.common.history import (
    ACTION_GROUPS,
    HistoryAttention,
    action_groups,
    history_matches,
    history_means,
)
from uniscale.models.common.layout import RequestLayout
from uniscale.models.common.numeric import NumericEncoder

NUM_REQUEST_VECTORS = 7
NUM_ITEM_VECTORS = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """A group of features that belong together by meaning.

    Attributes:
        name: What it describes.
        family: U user, Q query, D domain, I item, S sequence, X cross features.
        width: Columns.
    """

    name: str
    family: str
    width: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Inputs:
    """Values of the groups, in the order of `InputEncoder.request_groups` and `.item_groups`.

    Attributes:
        requests: One [R, C] per group.
        items: One [N, C] per group.
        layout: Which item belongs to which request.
    """

    requests: tuple[Tensor, ...]
    items: tuple[Tensor, ...]
    layout: RequestLayout


class InputEncoder(nn.Module):
    """Embeddings, numeric features, history attention and cross features.

    Items and history share the item, category and brand tables, query and title share the word table. The cross
    features are the dot products of every request vector with every item vector: attention models cannot form them
    themselves at small width, and lag behind a plain MLP without them.
    """

    def __init__(self, sizes: EmbeddingSizes, num_domains: int, numeric: NumericNames) -> None:
        super().__init__()
        width = sizes.width
        self.user = HashedTable(sizes.users, width)
        self.user_attribute = HashedTable(sizes.user_attributes, width)
        self.query = HashedTable(sizes.queries, width)
        self.word = HashedTable(sizes.words, width)
        self.item = HashedTable(sizes.items, width)
        self.category = HashedTable(sizes.categories, width)
        self.brand = HashedTable(sizes.brands, width)
        self.shop = HashedTable(sizes.shops, width)
        self.item_attribute = HashedTable(sizes.item_attributes, width)
        self.domain = nn.Embedding(num_domains, width)
        nn.init.normal_(self.domain.weight, std=1.0)
        self.user_numeric = NumericEncoder(numeric.user, NUMERIC.user)
        self.query_numeric = NumericEncoder(numeric.query, NUMERIC.query)
        self.item_numeric = NumericEncoder(numeric.item, NUMERIC.item)
        self.history = HistoryAttention(width, num_domains)
        self.request_groups = (
            Group(name="user_profile", family="U", width=2 * width),
            Group(name="user_activity", family="U", width=2 * len(numeric.user) + len(ACTION_GROUPS) + 3 * width),
            Group(name="query_text", family="Q", width=2 * width),
            Group(name="query_statistics", family="Q", width=2 * len(numeric.query) + width),
            Group(name="domain", family="D", width=width),
        )
        self.item_groups = (
            Group(name="item_identity", family="I", width=2 * width),
            Group(name="item_kind", family="I", width=2 * width),
            Group(name="item_text", family="I", width=2 * width),
            Group(name="item_statistics", family="I", width=2 * len(numeric.item)),
            *(Group(name=name, family="S", width=self.history.width_out) for name in ACTION_GROUPS),
            Group(name="cross", family="X", width=NUM_REQUEST_VECTORS * NUM_ITEM_VECTORS + 3),
        )

    def fit_numeric(self, batch: Batch) -> None:
        """Standardise numeric features as in this batch."""
        self.user_numeric.fit(batch.user_numeric_RF)
        self.query_numeric.fit(batch.query_numeric_RF)
        self.item_numeric.fit(batch.item_numeric_NF)

    def forward(self, batch: Batch) -> Inputs:
        """Encode a batch.

        Raises:
            ValueError: A request is of a domain the model was not built for.
        """
        self._refuse_unknown_domain(batch)
        layout = RequestLayout(batch.request_of_item_N, batch.domain_R.shape[0])
        user, profile = self.user(batch.user_R), self.user_attribute.mean(batch.user_attributes_RA)
        query, words = self.query(batch.query_R), self.word.mean(batch.query_words_RW)
        item, shop = self.item(batch.item_N), self.shop(batch.shop_N)
        category, brand = self.category(batch.category_N), self.brand(batch.brand_N)
        title, facts = self.word.mean(batch.title_words_NW), self.item_attribute.mean(batch.item_attributes_NA)
        actions_RLC = self._actions(batch)
        means_RC = history_means(actions_RLC, batch.history_actions_RL > 0)
        attended_NC = self.history(
            batch,
            actions_RLC=actions_RLC,
            items_NC=torch.cat([item, category, brand, title], 1),
            text_RC=torch.cat([query, words], 1),
            layout=layout,
        )
        dots_NC = dot_products(
            torch.cat([user, profile, query, words, means_RC], 1),
            torch.cat([item, category, brand, shop, title, facts], 1),
            layout,
        )
        num_actions_RG = action_groups(batch).sum(2).float().log1p()
        return Inputs(
            requests=(
                torch.cat([user, profile], 1),
                torch.cat([self.user_numeric(batch.user_numeric_RF), num_actions_RG, means_RC], 1),
                torch.cat([query, words], 1),
                torch.cat([self.query_numeric(batch.query_numeric_RF), words], 1),
                self.domain(batch.domain_R),
            ),
            items=(
                torch.cat([item, shop], 1),
                torch.cat([category, brand], 1),
                torch.cat([title, facts], 1),
                self.item_numeric(batch.item_numeric_NF),
                *attended_NC.chunk(len(ACTION_GROUPS), 1),
                torch.cat([dots_NC, history_matches(batch, layout)], 1),
            ),
            layout=layout,
        )

    def _refuse_unknown_domain(self, batch: Batch) -> None:
        num_domains = self.domain.num_embeddings
        unknown = batch.domain_R[(batch.domain_R < 0) | (batch.domain_R >= num_domains)]
        if len(unknown):
            raise ValueError(f"domain_R holds index {int(unknown[0])}, but the model has {num_domains} domains.")

    def _actions(self, batch: Batch) -> Tensor:
        """Item, category and brand vectors of the history, [R, L, 3 E]."""
        return torch.cat(
            [
                self.item(batch.history_items_RL),
                self.category(batch.history_categories_RL),
                self.brand(batch.history_brands_RL),
            ],
            dim=2,
        )


def dot_products(requests_RC: Tensor, items_NC: Tensor, layout: RequestLayout) -> Tensor:
    """Dot products of P request vectors with V item vectors.

    Args:
        requests_RC: The request vectors side by side, [R, P E].
        items_NC: The item vectors side by side, [N, V E].
        layout: Which item belongs to which request.

    Returns:
        [N, V P].
    """
    width = requests_RC.shape[1] // NUM_REQUEST_VECTORS
    requests_RPE = requests_RC.view(layout.num_requests, NUM_REQUEST_VECTORS, width)
    items_RXE = layout.pad(items_NC).view(layout.num_requests, layout.num_places * NUM_ITEM_VECTORS, width)
    dots_RXP = torch.bmm(items_RXE, requests_RPE.transpose(1, 2))
    return layout.unpad(dots_RXP.view(layout.num_requests, layout.num_places, NUM_ITEM_VECTORS * NUM_REQUEST_VECTORS))
