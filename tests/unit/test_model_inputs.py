"""Tables, numbers, history and cross features, each against a plain computation."""

import math

import pytest
import torch
from support_models import random_batch

from uniscale.models.common.embeddings import Embeddings, LookUp, Vocabulary
from uniscale.models.common.history import (
    ACTION_GROUPS,
    ActionEncoder,
    HistoryAttention,
    action_groups,
    history_matches,
    history_means,
)
from uniscale.models.common.inputs import dot_products
from uniscale.models.common.layers import TokenProjection
from uniscale.models.common.layout import RequestLayout
from uniscale.models.common.numeric import NumericEncoder


def test_identifiers_of_a_table_fold_into_its_own_rows_and_a_missing_one_is_row_zero():
    tables = Embeddings({"a": 7, "b": 3}, 2)
    hashes = torch.tensor([0, 1, 7, 8, 2**31 - 1])
    assert tables.rows("a", hashes).tolist() == [0, 2, 1, 2, 1 + (2**31 - 1) % 7]
    assert tables.rows("b", hashes).tolist() == [0, 9, 9, 10, 8 + (2**31 - 1) % 3]
    assert tables.weight.shape == (11, 2)


def test_a_look_up_gives_the_row_of_an_identifier_and_the_mean_of_a_bag():
    tables = Embeddings({"a": 7, "b": 5}, 3)
    ids, bags = torch.tensor([[3, 0], [9, 3]]), torch.tensor([[3, 0, 4], [0, 0, 0]])
    single, mean = tables([LookUp(table="a", ids=ids), LookUp(table="b", ids=bags, is_bag=True)])
    assert torch.equal(single, tables.weight[tables.rows("a", ids)])
    assert not single[0, 1].any()
    expected = tables.weight[tables.rows("b", torch.tensor([3, 4]))].mean(0)
    torch.testing.assert_close(mean, torch.stack([expected, torch.zeros(3)]))


def test_a_table_needs_a_row():
    with pytest.raises(ValueError, match="the table 'b' has 0 rows"):
        Embeddings({"a": 1, "b": 0}, 4)


def test_numbers_that_a_vocabulary_does_not_list_share_a_row_and_are_counted():
    vocabulary = Vocabulary(4, 2)
    vectors = vocabulary(torch.tensor([0, 3, 4, 99, -1]))
    assert torch.equal(vectors[2:], vocabulary.weight[[4, 4, 4]])
    assert torch.equal(vectors[:2], vocabulary.weight[[0, 3]])
    assert vocabulary.diagnose() == {"num_unknown": 3}


def test_numbers_are_standardised_over_the_values_that_are_there():
    encoder = NumericEncoder(("a", "b", "c"), ("a", "b", "c"))
    nan = math.nan
    encoder.fit(torch.tensor([[1.0, 5.0, nan], [3.0, 5.0, nan], [nan, 5.0, nan]]))
    assert encoder.mean_F.tolist() == [2.0, 5.0, 0.0]
    assert encoder.std_F.tolist() == [1.0, 1.0, 1.0]
    encoded = encoder(torch.tensor([[4.0, 4.0, 1e9], [nan, nan, -math.inf]]))
    assert encoded.tolist() == [[2.0, -1.0, 6.0, 0, 0, 0], [0, 0, -6.0, 1, 1, 0]]


def test_numbers_are_read_by_name_whatever_else_is_given():
    plain = NumericEncoder(("a", "b"), ("a", "b"))
    picking = NumericEncoder(("a", "b"), ("new", "b", "a"))
    for encoder, rows in ((plain, [[1.0, 5.0], [3.0, 9.0]]), (picking, [[7.0, 5.0, 1.0], [7.0, 9.0, 3.0]])):
        encoder.fit(torch.tensor(rows))
    assert picking(torch.tensor([[0.0, 6.0, 2.0]])).tolist() == plain(torch.tensor([[2.0, 6.0]])).tolist()


def test_each_slice_of_a_token_layer_starts_at_its_own_scale():
    torch.manual_seed(0)
    weight = TokenProjection(50, 16, 48, num_parts=2).weight_TDO.detach()
    assert weight.abs().max() <= math.sqrt(6 / 64)
    assert weight.std() == pytest.approx(math.sqrt(2 / 64), rel=0.05)


def test_actions_fall_into_groups_by_kind_and_domain():
    batch = random_batch(sizes=(2, 3, 1, 2), length=8)
    groups = action_groups(batch)
    for r in range(4):
        for place in range(8):
            action, domain = batch.history_actions_RL[r, place], batch.history_domains_RL[r, place]
            is_own = bool(domain == batch.domain_R[r] + 1)
            expected = [is_own and action == 1, action == 4, action > 0 and not is_own, action > 0]
            assert groups[r, :, place].tolist() == [bool(value) for value in expected]


def test_history_attention_is_a_softmax_over_the_group_and_one_silent_place():
    torch.manual_seed(0)
    batch = random_batch(sizes=(2, 3, 1, 2), length=8)
    attention, encoder = HistoryAttention(4), ActionEncoder(4, 3)
    actions, items, text = torch.randn(4, 8, 12), torch.randn(8, 16), torch.randn(4, 8)
    layout = RequestLayout(batch.request_of_item_N, 4)
    described, groups = encoder(batch, actions), action_groups(batch)
    out = attention(described, groups, items_NC=items, text_RC=text, layout=layout)
    keys, values = attention.key_value(described).chunk(2, dim=2)
    for n, r in enumerate(batch.request_of_item_N.tolist()):
        query = attention.item_query(items[n]) + attention.text_query(text[r])
        for g in range(len(ACTION_GROUPS)):
            members = torch.nonzero(groups[r, g]).squeeze(1).tolist()
            scores = [math.exp(float((query @ keys[r, m]).detach()) / math.sqrt(8)) for m in members]
            expected = sum((s * values[r, m] for s, m in zip(scores, members, strict=True)), torch.zeros(8))
            torch.testing.assert_close(out[n, 8 * g : 8 * g + 8], expected / (1 + sum(scores)), rtol=1e-4, atol=1e-5)


def test_history_means_leave_padding_out_and_are_zero_without_actions():
    actions = torch.tensor([[[2.0], [4.0], [9.0]], [[1.0], [1.0], [1.0]]])
    known = torch.tensor([[True, True, False], [False, False, False]])
    assert history_means(actions, known).tolist() == [[3.0], [0.0]]


def test_matches_count_actions_on_the_same_known_thing():
    batch = random_batch(sizes=(5, 4, 3), length=10, num_ids=4)
    matches = history_matches(batch, RequestLayout(batch.request_of_item_N, 3))
    pairs = (
        (batch.item_N, batch.history_items_RL),
        (batch.category_N, batch.history_categories_RL),
        (batch.brand_N, batch.history_brands_RL),
    )
    for column, (ids, histories) in enumerate(pairs):
        for n, r in enumerate(batch.request_of_item_N.tolist()):
            count = sum(int(ids[n]) == past for past in histories[r].tolist()) if ids[n] else 0
            assert float(matches[n, column]) == pytest.approx(math.log1p(count))
    assert matches.max() > 1


def test_cross_features_are_the_dot_products_of_request_and_item_vectors():
    torch.manual_seed(0)
    layout = RequestLayout(torch.tensor([1, 0, 1, 1]), 2)
    requests, items = torch.randn(2, 7, 4), torch.randn(4, 6, 4)
    dots = dot_products(requests.flatten(1), items.flatten(1), layout)
    for n, r in enumerate([1, 0, 1, 1]):
        torch.testing.assert_close(dots[n].view(6, 7), items[n] @ requests[r].T)
