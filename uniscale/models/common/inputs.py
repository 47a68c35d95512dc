"""From a `Batch` to named groups of dense features: the same input for every ranker.

What belongs to the request is computed once per request. Letters: R requests, N items, L history length, E embedding
width, C columns of a group, P request vectors, V item vectors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from uniscale.batch.tensors import Batch
from uniscale.contracts.frames import NUMERIC, NumericNames
from uniscale.contracts.inputs import HISTORY_IDS, ITEM_IDS, REQUEST_IDS, Identifier
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

NUM_REQUEST_VECTORS = len(REQUEST_IDS) + len(HISTORY_IDS)
NUM_ITEM_VECTORS = len(ITEM_IDS)

ITEM_GROUPS = tuple(dict.fromkeys(one.group for one in ITEM_IDS))
"""Groups of an item's identifiers, in the order in which they are declared."""

ATTENDED_BY = ("item_index", "category_index", "brand_index", "title_words")
"""What of an item asks for the actions of the history."""


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
            Group(name="user_profile", family="U", width=_size(REQUEST_IDS, "user_profile") * width),
            Group(
                name="user_activity",
                family="U",
                width=2 * len(numeric.user) + len(ACTION_GROUPS) + len(HISTORY_IDS) * width,
            ),
            Group(name="query_text", family="Q", width=_size(REQUEST_IDS, "query_text") * width),
            Group(name="query_statistics", family="Q", width=2 * len(numeric.query) + width),
            Group(name="domain", family="D", width=width),
        )
        sequences = () if self.history is None else ACTION_GROUPS
        self.item_groups = (
            *(Group(name=name, family="I", width=_size(ITEM_IDS, name) * width) for name in ITEM_GROUPS),
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
        vectors = self.tables(
            [
                *(_look_up(batch, one) for one in (*REQUEST_IDS, *ITEM_IDS)),
                *(LookUp(table=one.table, ids=getattr(batch, one.tensor)[:, :length]) for one in HISTORY_IDS),
            ]
        )
        asked, items = vectors[: len(REQUEST_IDS)], vectors[len(REQUEST_IDS) : -len(HISTORY_IDS)]
        past = vectors[-len(HISTORY_IDS) :]
        by_name = {one.name: vector for one, vector in zip((*REQUEST_IDS, *ITEM_IDS), [*asked, *items], strict=True)}
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
                items_NC=torch.cat([by_name[name] for name in ATTENDED_BY], 1),
                text_RC=_group(REQUEST_IDS, "query_text", by_name),
                layout=layout,
            ).chunk(len(ACTION_GROUPS), 1)
        dots_NC = dot_products(
            torch.cat([*asked, means_RC], 1),
            torch.cat(items, 1),
            layout,
        )
        num_actions_RG = in_group_RGL.sum(2).float().log1p()
        return Inputs(
            requests=(
                _group(REQUEST_IDS, "user_profile", by_name),
                torch.cat([self.user_numeric(batch.user_numeric_RF), num_actions_RG, means_RC], 1),
                _group(REQUEST_IDS, "query_text", by_name),
                torch.cat([self.query_numeric(batch.query_numeric_RF), by_name["query_words"]], 1),
                self.domain(batch.domain_R),
            ),
            items=(
                *(_group(ITEM_IDS, name, by_name) for name in ITEM_GROUPS),
                self.item_numeric(batch.item_numeric_NF),
                *attended,
                torch.cat([dots_NC, history_matches(batch, layout)], 1),
            ),
            actions_RLC=actions_RLC,
            is_action_RL=is_action_RL,
            layout=layout,
            batch=batch,
        )


def _look_up(batch: Batch, one: Identifier) -> LookUp:
    return LookUp(table=one.table, ids=getattr(batch, one.tensor), is_bag=one.width is not None)


def _size(identifiers: tuple[Identifier, ...], group: str) -> int:
    """Vectors of a group."""
    return sum(one.group == group for one in identifiers)


def _group(identifiers: tuple[Identifier, ...], group: str, vectors: Mapping[str, Tensor]) -> Tensor:
    """The vectors of a group side by side."""
    return torch.cat([vectors[one.name] for one in identifiers if one.group == group], 1)


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
