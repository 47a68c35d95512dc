"""From a `Batch` to named groups of dense features: the same input for every ranker.

What belongs to the request is computed once per request. Letters: R requests, N items, L history length, E embedding
width, C columns of a group, P request vectors, V item vectors.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from uniscale.contracts.frames import NUMERIC, NumericNames
from uniscale.models.batch import Batch
from uniscale.models.common.embeddings import Embeddings, EmbeddingSizes, LookUp, Vocabulary
from uniscale.models.common.history import (
    ACTION_GROUPS,
    RECENT_ACTIONS,
    ActionEncoder,
    HistoryAttention,
    action_groups,
    history_matches,
    history_means,
)
from uniscale.models.common.layout import Layout
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
        actions_RLC: Every action of the history as `ActionEncoder` describes it, newest first, [R, L, 4 E].
        is_action_RL: Whether there is one, or padding.
        layout: Which item belongs to which request.
        batch: What all of it was made of.
    """

    requests: tuple[Tensor, ...]
    items: tuple[Tensor, ...]
    actions_RLC: Tensor
    is_action_RL: Tensor
    layout: Layout
    batch: Batch


class InputEncoder(nn.Module):
    """Embeddings, numeric features, history attention and cross features.

    Items and history share the item, category and brand tables, query and title share the word table. The cross
    features are the dot products of every request vector with every item vector: attention models cannot form them
    themselves at small width, and lag behind a plain MLP without them.
    """

    def __init__(
        self,
        sizes: EmbeddingSizes,
        num_domains: int,
        numeric: NumericNames,
        *,
        has_attention: bool = True,
        history_length: int = RECENT_ACTIONS,
    ) -> None:
        """Make the tables.

        Args:
            sizes: Of the tables.
            num_domains: Domains of the model.
            numeric: Numeric features that are read.
            has_attention: Whether target attention over the recent actions is among the inputs; a ranker that reads
                the sequence itself does without.
            history_length: Actions in `Inputs.actions_RLC`, at least those that matches and means read.
        """
        super().__init__()
        width = sizes.width
        self.history_length = max(history_length, RECENT_ACTIONS)
        self.tables = Embeddings({name: rows for name, rows in asdict(sizes).items() if name != "width"}, width)
        self.domain = Vocabulary(num_domains, width, std=1.0)
        self.user_numeric = NumericEncoder(numeric.user, NUMERIC.user)
        self.query_numeric = NumericEncoder(numeric.query, NUMERIC.query)
        self.item_numeric = NumericEncoder(numeric.item, NUMERIC.item)
        self.actions = ActionEncoder(width, num_domains)
        self.history = HistoryAttention(width) if has_attention else None
        self.request_groups = (
            Group(name="user_profile", family="U", width=2 * width),
            Group(name="user_activity", family="U", width=2 * len(numeric.user) + len(ACTION_GROUPS) + 3 * width),
            Group(name="query_text", family="Q", width=2 * width),
            Group(name="query_statistics", family="Q", width=2 * len(numeric.query) + width),
            Group(name="domain", family="D", width=width),
        )
        sequences = () if self.history is None else ACTION_GROUPS
        self.item_groups = (
            Group(name="item_identity", family="I", width=2 * width),
            Group(name="item_kind", family="I", width=2 * width),
            Group(name="item_text", family="I", width=2 * width),
            Group(name="item_statistics", family="I", width=2 * len(numeric.item)),
            *(Group(name=name, family="S", width=2 * width) for name in sequences),
            Group(name="cross", family="X", width=NUM_REQUEST_VECTORS * NUM_ITEM_VECTORS + 3),
        )

    @property
    def request_width(self) -> int:
        """Columns of all request groups together."""
        return sum(group.width for group in self.request_groups)

    @property
    def item_width(self) -> int:
        """Columns of all item groups together."""
        return sum(group.width for group in self.item_groups)

    def fit_numeric(self, batch: Batch) -> None:
        """Standardise numeric features as in this batch."""
        self.user_numeric.fit(batch.user_numeric_RF)
        self.query_numeric.fit(batch.query_numeric_RF)
        self.item_numeric.fit(batch.item_numeric_NF)

    def forward(self, batch: Batch, layout: Layout) -> Inputs:
        """Encode a batch."""
        length = self.history_length
        (user, profile, query, words, item, category, brand, shop, title, facts, *past) = self.tables(
            [
                LookUp(table="users", ids=batch.user_R),
                LookUp(table="user_attributes", ids=batch.user_attributes_RA, is_bag=True),
                LookUp(table="queries", ids=batch.query_R),
                LookUp(table="words", ids=batch.query_words_RW, is_bag=True),
                LookUp(table="items", ids=batch.item_N),
                LookUp(table="categories", ids=batch.category_N),
                LookUp(table="brands", ids=batch.brand_N),
                LookUp(table="shops", ids=batch.shop_N),
                LookUp(table="words", ids=batch.title_words_NW, is_bag=True),
                LookUp(table="item_attributes", ids=batch.item_attributes_NA, is_bag=True),
                LookUp(table="items", ids=batch.history_items_RL[:, :length]),
                LookUp(table="categories", ids=batch.history_categories_RL[:, :length]),
                LookUp(table="brands", ids=batch.history_brands_RL[:, :length]),
            ]
        )
        things_RLC = torch.cat(past, dim=2)
        is_action_RL = batch.history_actions_RL[:, :length] > 0
        actions_RLC = self.actions(batch, things_RLC)
        in_group_RGL = action_groups(batch)
        means_RC = history_means(things_RLC[:, :RECENT_ACTIONS], is_action_RL[:, :RECENT_ACTIONS])
        attended: tuple[Tensor, ...] = ()
        if self.history is not None:
            attended = self.history(
                actions_RLC[:, :RECENT_ACTIONS],
                in_group_RGL,
                items_NC=torch.cat([item, category, brand, title], 1),
                text_RC=torch.cat([query, words], 1),
                layout=layout,
            ).chunk(len(ACTION_GROUPS), 1)
        dots_NC = dot_products(
            torch.cat([user, profile, query, words, means_RC], 1),
            torch.cat([item, category, brand, shop, title, facts], 1),
            layout,
        )
        num_actions_RG = in_group_RGL.sum(2).float().log1p()
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
                *attended,
                torch.cat([dots_NC, history_matches(batch, layout)], 1),
            ),
            actions_RLC=actions_RLC,
            is_action_RL=is_action_RL,
            layout=layout,
            batch=batch,
        )


def dot_products(requests_RC: Tensor, items_NC: Tensor, layout: Layout) -> Tensor:
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
