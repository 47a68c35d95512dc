"""LONGER: the paper's counts, its mask row by row, merging, and what is computed once per request."""

from dataclasses import replace

import pytest
import torch
from support_models import (
    DOMAINS,
    inputs_of,
    pad_columns,
    random_batch,
    random_labels,
    scatter_weights,
    take_request,
)
from torch.utils._pytree import tree_map
from torch.utils.flop_counter import FlopCounterMode

from uniscale.models.common.inputs import Inputs
from uniscale.models.common.layout import OneRequest, RequestLayout
from uniscale.models.common.routing import OneDomain
from uniscale.models.common.sequence import TransformerBlock, attend_or_ignore, see_all, see_onwards
from uniscale.models.longer import LONGER, CausalLayer, LONGERConfig, merge
from uniscale.models.loss import ranking_loss
from uniscale.models.zoo import SIZES, build_model

CONFIG = LONGERConfig.of(SIZES["xs"])


def flops(compute):
    with FlopCounterMode(display=False) as counter:
        compute()
    return counter.get_total_flops()


def block_flops(length, width):
    """Of a transformer block over one sequence, on tensors without numbers."""
    with torch.device("meta"):
        block, x = TransformerBlock(width, 2), torch.empty(1, length, width)
        everything = torch.ones(1, length, length, dtype=torch.bool)
    return flops(lambda: block(x, everything))


def test_a_block_costs_what_the_paper_counts():
    length, width = 2048, 32
    assert block_flops(length, width) == 24 * length * width**2 + 4 * length**2 * width == 587_202_560
    assert sum(p.numel() for p in TransformerBlock(width, 2).parameters()) == 12 * width**2 + 13 * width


@pytest.mark.parametrize(("length", "width", "merged"), [(2048, 32, 4), (2048, 32, 8), (64, 16, 2)])
def test_merging_changes_the_cost_by_the_ratio_of_the_paper(length, width, merged):
    ratio = block_flops(length // merged, merged * width) / block_flops(length, width)
    assert ratio == pytest.approx((6 * width * merged + length / merged) / (6 * width + length))
    assert sum(p.numel() for p in TransformerBlock(merged * width, 2).parameters()) == (
        12 * merged**2 * width**2 + 13 * merged * width
    )


def test_rows_see_the_known_rows_that_are_not_newer_and_themselves():
    is_known = torch.tensor([[True, True, False, True]])
    assert see_onwards(is_known)[0].int().tolist() == [[1, 1, 0, 1], [0, 1, 0, 1], [0, 0, 1, 1], [0, 0, 0, 1]]
    assert see_all(is_known)[0].int().tolist() == [[1, 1, 0, 1], [1, 1, 0, 1], [1, 1, 1, 1], [1, 1, 0, 1]]


def test_rows_that_ask_are_a_prefix_so_their_answers_are_the_first_of_full_self_attention():
    torch.manual_seed(0)
    block, x = TransformerBlock(8, 2), torch.randn(3, 7, 8)
    is_seen = see_onwards(torch.arange(7) < torch.tensor([[7], [4], [0]]))
    torch.testing.assert_close(block(x, is_seen, 3), block(x, is_seen)[:, :3])


def attend_by_hand(block, rows, is_known):
    """The causal block over one stack of rows, one row and one head at a time; row i sees known rows j >= i."""
    width = rows.shape[1] // block.num_heads
    normed = block.norm(rows)
    q, k, v = block.query(normed), block.key(normed), block.value(normed)
    outputs = []
    for i in range(len(rows)):
        seen = [j for j in range(len(rows)) if j == i or (j > i and is_known[j])]
        heads = []
        for part in (slice(h * width, (h + 1) * width) for h in range(block.num_heads)):
            share = torch.softmax(torch.stack([q[i, part] @ k[j, part] / width**0.5 for j in seen]), 0)
            heads.append(sum(s * v[j, part] for s, j in zip(share, seen, strict=True)))
        outputs.append(torch.cat(heads))
    x = rows + block.out(torch.stack(outputs))
    return x + block.ffn(block.norm_ffn(x))


def test_sharing_the_rows_of_a_request_is_causal_attention_over_all_rows_of_each_item():
    torch.manual_seed(0)
    layer, owners = CausalLayer(8, 2), [1, 0, 1, 2]
    items, requests = torch.randn(4, 3, 8), torch.randn(3, 5, 8)
    is_known = torch.tensor([[True] * 5, [True, True, True, False, False], [False] * 5])
    layout = RequestLayout(torch.tensor(owners), 3)
    item_rows, request_rows = layer(items, requests, is_known, 4, layout)
    for item, request in enumerate(owners):
        rows = torch.cat([items[item], requests[request]])
        expected = attend_by_hand(layer, rows, [True] * 3 + is_known[request].tolist())
        torch.testing.assert_close(item_rows[item], expected[:3], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(request_rows[request], expected[3:7], rtol=1e-4, atol=1e-5)


def test_no_row_of_a_request_depends_on_an_item():
    torch.manual_seed(0)
    layer, requests = CausalLayer(8, 2), torch.randn(2, 5, 8)
    layout, is_known = RequestLayout(torch.tensor([0, 1, 1]), 2), torch.ones(2, 5, dtype=torch.bool)
    items = torch.randn(3, 3, 8, requires_grad=True)
    _, request_rows = layer(items, requests, is_known, 5, layout)
    assert torch.autograd.grad(request_rows.sum(), items, allow_unused=True) == (None,)


def score_flops(length, num_items):
    """Of the scoring of one request on a history of a length, on tensors without numbers."""
    torch.manual_seed(0)
    numeric = build_model("dlrm", "xs", DOMAINS).numeric
    model = LONGER(replace(CONFIG, num_layers=3), size="xs", domains=DOMAINS, numeric=numeric)
    read = inputs_of(model, take_request(random_batch(sizes=(num_items, 1), length=length), 0))
    values = {name: getattr(read, name) for name in ("requests", "items", "actions_RLC", "is_action_RL")}
    meta = tree_map(lambda x: x.to("meta"), values)
    inputs = Inputs(**meta, layout=OneRequest(num_items), batch=read.batch)
    buckets = OneDomain(0, len(DOMAINS), torch.empty(num_items, device="meta"))
    return flops(lambda: model.to("meta").score(inputs, buckets))


def test_another_item_pays_for_a_longer_sequence_by_its_own_dot_products_only():
    per_item = {length: score_flops(length, 6) - score_flops(length, 5) for length in (24, 44)}
    item_rows, more_rows = 3, (44 - 24) // CONFIG.merged_actions
    assert per_item[44] - per_item[24] == 4 * CONFIG.row_width * item_rows * more_rows


def test_merging_one_action_at_a_time_without_inner_attention_changes_nothing():
    x, is_action = torch.randn(2, 5, 4), torch.tensor([[True] * 5, [True, True, False, False, False]])
    rows, is_known = merge(x, is_action, 1, None)
    assert torch.equal(rows, x * is_action.unsqueeze(2))
    assert torch.equal(is_known, is_action)


def test_merged_rows_hold_neighbours_side_by_side_and_zeros_where_there_is_none():
    x = torch.arange(1.0, 11.0).view(1, 5, 2)
    rows, is_known = merge(x, torch.tensor([[True, True, True, False, False]]), 2, None)
    assert rows.tolist() == [[[1, 2, 3, 4], [5, 6, 0, 0], [0, 0, 0, 0]]]
    assert is_known.tolist() == [[True, True, False]]


def test_inner_attention_stays_within_a_row_and_does_not_read_padding():
    torch.manual_seed(0)
    inner, x = TransformerBlock(4, 2), torch.randn(1, 6, 4)
    is_action = torch.tensor([[True, True, True, True, False, False]])
    rows, _ = merge(x, is_action, 3, inner)
    padding, first = x.clone(), x.clone()
    padding[0, 4:] *= -1
    first[0, 0] *= -1
    assert torch.equal(merge(padding, is_action, 3, inner)[0], rows)
    moved = merge(first, is_action, 3, inner)[0]
    assert torch.equal(moved[:, 1], rows[:, 1])
    assert (moved[0, 0] != rows[0, 0])[4:12].any()


@pytest.mark.parametrize("change", [{"has_inner": False}, {"merged_actions": 1}, {"merged_actions": 5}])
def test_every_way_to_merge_trains_all_of_the_model_and_ignores_padding(change):
    torch.manual_seed(0)
    numeric, batch = build_model("dlrm", "xs", DOMAINS).numeric, random_batch()
    model = LONGER(replace(CONFIG, **change), size="xs", domains=DOMAINS, numeric=numeric)
    logits = scatter_weights(model).eval()(batch)
    torch.testing.assert_close(model(pad_columns(batch, 5)), logits, rtol=1e-4, atol=1e-4)
    ranking_loss(logits, random_labels(batch)).backward()
    # Attention over one action is certain of it: nothing that it asks or is asked by can be learned.
    certain = ("sequence.inner.query.", "sequence.inner.key.") if model.config.merged_actions == 1 else ()
    for name, parameter in model.named_parameters():
        assert parameter.grad.to_dense().any() or name.startswith(certain), name


def test_nothing_known_is_answered_with_zero():
    answer = attend_or_ignore(*torch.randn(3, 2, 4, 8), torch.tensor([[False] * 4, [True] * 4]), 2)
    assert not answer[0].any()
    assert answer[1].any()


def test_actions_beyond_the_sequence_length_are_not_read():
    torch.manual_seed(0)
    config = replace(CONFIG, sequence_length=24)
    numeric = build_model("dlrm", "xs", DOMAINS).numeric
    model = scatter_weights(LONGER(config, size="xs", domains=DOMAINS, numeric=numeric)).eval()
    batch = random_batch(length=48)
    cut = {f"history_{what}_RL": 24 for what in ("items", "categories", "brands", "actions", "domains", "hours")}
    shorter = replace(batch, **{name: getattr(batch, name)[:, :length] for name, length in cut.items()})
    torch.testing.assert_close(model(shorter), model(batch))
    newest = replace(batch, history_actions_RL=batch.history_actions_RL.flip(1))
    assert (model(newest) != model(batch)).any()


def test_senseless_configurations_are_refused():
    for change, message in (
        ({"merged_actions": 0}, "merged_actions=0 must be at least 1"),
        ({"num_recent": 0}, "num_recent=0 must be at least 1"),
        ({"num_layers": 0}, "num_layers=0 must be at least 1"),
        ({"action_width": 15}, "action_width=15 must be a multiple of 2"),
    ):
        with pytest.raises(ValueError, match=message):
            replace(CONFIG, **change)
