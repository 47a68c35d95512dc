"""What a user did before: keys and values once per request, target attention for its items in the padded layout.

Actions stand newest first. Letters: R requests, M places per request, N items, L actions, G action groups, E embedding
width, A attention width (2 E).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from uniscale.batch.tensors import Batch
from uniscale.contracts.events import ACTIONS
from uniscale.models.common.embeddings import Vocabulary
from uniscale.models.common.layers import linear
from uniscale.models.common.layout import Layout

ACTION_GROUPS = ("own_domain_clicks", "purchases", "other_domain_actions", "all_actions")
"""Each gives one vector per item. "Own" is the request's domain, so no domain is special to a model."""

RECENT_ACTIONS = 20
"""Actions that target attention, means and matches read: the newest. Rankers of long sequences read on from there."""

CLICK, PURCHASE = (1 + ACTIONS.index(action) for action in ("click", "purchase"))
NUM_ACTIONS = 1 + len(ACTIONS)
"""Kinds of actions, and 0 for what is none of them: padding."""
NUM_AGES = 12


def action_groups(batch: Batch) -> Tensor:
    """Which of the recent actions belong to which group, in the order of ACTION_GROUPS.

    Returns:
        [R, G, L], bool.
    """
    actions_RL = batch.history_actions_RL[:, :RECENT_ACTIONS]
    is_known_RL = actions_RL > 0
    is_own_RL = batch.history_domains_RL[:, :RECENT_ACTIONS] == (batch.domain_R + 1).unsqueeze(1)
    return torch.stack(
        [
            is_own_RL & (actions_RL == CLICK),
            actions_RL == PURCHASE,
            is_known_RL & ~is_own_RL,
            is_known_RL,
        ],
        dim=1,
    )


class ActionEncoder(nn.Module):
    """What an action was: its item, category and brand, together with what was done, where, and how long ago."""

    def __init__(self, width: int, num_domains: int) -> None:
        super().__init__()
        self.width_out = 4 * width
        self.action = Vocabulary(NUM_ACTIONS, width)
        self.domain = Vocabulary(num_domains + 1, width)
        self.age = Vocabulary(NUM_AGES, width)

    def forward(self, batch: Batch, things_RLC: Tensor) -> Tensor:
        """Item, category and brand vectors [R, L, 3 E] -> [R, L, 4 E]; padding is not zero."""
        length = things_RLC.shape[1]
        age_RL = torch.log2(1 + batch.history_hours_RL[:, :length]).clamp(0, NUM_AGES - 1).long()
        what_RLE = (
            self.action(batch.history_actions_RL[:, :length])
            + self.domain(batch.history_domains_RL[:, :length])
            + self.age(age_RL)
        )
        return torch.cat([things_RLC, what_RLE], dim=2)


class HistoryAttention(nn.Module):
    """Attention of each item over its user's actions, one softmax per action group.

    Every softmax has one silent place (score 0, value 0) in addition to the actions: an empty group gives the zero
    vector, and a history that does not fit the item can be ignored.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width_out = 2 * width
        self.key_value = linear(4 * width, 2 * self.width_out)
        self.item_query = linear(4 * width, self.width_out)
        self.text_query = linear(2 * width, self.width_out)

    def forward(
        self, actions_RLC: Tensor, in_group_RGL: Tensor, *, items_NC: Tensor, text_RC: Tensor, layout: Layout
    ) -> Tensor:
        """Attend.

        Args:
            actions_RLC: What `ActionEncoder` gave, [R, L, 4 E].
            in_group_RGL: What `action_groups` gave.
            items_NC: Item, category, brand and title vectors of the items, [N, 4 E].
            text_RC: Query and query-word vectors, [R, 2 E].
            layout: Where the items stand.

        Returns:
            [N, G A].
        """
        k_RLA, v_RLA = self.key_value(actions_RLC).chunk(2, dim=2)
        q_RMA = layout.pad(self.item_query(items_NC)) + self.text_query(text_RC).unsqueeze(1)
        score_RML = torch.bmm(q_RMA, k_RLA.transpose(1, 2)) / math.sqrt(self.width_out)
        weight_RGML = _masked_softmax(score_RML, in_group_RGL)
        num_requests, num_groups, num_places, length = weight_RGML.shape
        out_RXA = torch.bmm(weight_RGML.view(num_requests, num_groups * num_places, length), v_RLA)
        out_RGMA = out_RXA.view(num_requests, num_groups, num_places, self.width_out)
        return layout.unpad(out_RGMA.transpose(1, 2).reshape(num_requests, num_places, num_groups * self.width_out))


def _masked_softmax(score_RML: Tensor, in_group_RGL: Tensor) -> Tensor:
    """Softmax over L within each group and with the silent place, which is then dropped: [R, G, M, L]."""
    score_RGML = score_RML.unsqueeze(1).masked_fill(~in_group_RGL.unsqueeze(2), -math.inf)
    return torch.softmax(nn.functional.pad(score_RGML, (0, 1)), dim=3)[..., :-1].contiguous()


def history_means(actions_RLC: Tensor, is_known_RL: Tensor) -> Tensor:
    """Mean over the known actions, zero without any: [R, L, C] -> [R, C]."""
    weight_RL = is_known_RL.to(actions_RLC.dtype)
    weight_RL = weight_RL / weight_RL.sum(1, keepdim=True).clamp(min=1)
    return torch.bmm(weight_RL.unsqueeze(1), actions_RLC).squeeze(1)


def history_matches(batch: Batch, layout: Layout) -> Tensor:
    """How often the user acted lately on this very item, its category, its brand: [N, 3], ln(1 + count)."""
    same = []
    ids_RM3 = layout.pad(torch.stack([batch.item_N, batch.category_N, batch.brand_N], dim=1))
    histories = (batch.history_items_RL, batch.history_categories_RL, batch.history_brands_RL)
    for index, history_RL in enumerate(histories):
        id_RM1 = ids_RM3[:, :, index].unsqueeze(2)
        same.append(((id_RM1 == history_RL[:, :RECENT_ACTIONS].unsqueeze(1)) & (id_RM1 > 0)).sum(2))
    return layout.unpad(torch.stack(same, dim=2)).float().log1p()
