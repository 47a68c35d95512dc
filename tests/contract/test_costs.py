"""Parameters and operations of every ranker: counted, and for the smallest by hand."""

from dataclasses import replace

import pytest
import torch
from support_models import DOMAINS
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from uniscale.batch.synthetic import random_batch
from uniscale.contracts.inputs import HISTORY_LENGTH
from uniscale.models.cost import cost_at, cost_of
from uniscale.models.zoo import MODELS, SIZES, build_model


@pytest.mark.parametrize("name", MODELS)
def test_operations_grow_in_proportion_to_requests_and_items_and_with_the_size(name):
    costs = [cost_at(MODELS[name], SIZES[size], DOMAINS) for size in ("xs", "s")]
    assert 0 < costs[0].flops_per_item < costs[1].flops_per_item
    assert all(cost.flops_per_request > 0 for cost in costs)
    assert all(cost.activated_params > 0 for cost in costs)


@pytest.mark.parametrize("name", MODELS)
def test_costs_at_a_size_are_those_of_the_ranker_built(name):
    assert cost_at(MODELS[name], SIZES["xs"], DOMAINS) == cost_of(build_model(name, "xs", DOMAINS))


@pytest.mark.parametrize("name", MODELS)
def test_operations_counted_without_numbers_are_those_of_a_computation(name):
    model = build_model(name, "xs", DOMAINS).eval()
    batch = random_batch(sizes=(3, 3), length=HISTORY_LENGTH, num_domains=1, missing=0.0)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        model(batch)  # what a ranker computes once and keeps
        with FlopCounterMode(display=False) as counter:
            model(batch)
    cost = cost_at(MODELS[name], SIZES["xs"], DOMAINS)
    expected = cost.flops_per_batch + 2 * cost.flops_per_request + 6 * cost.flops_per_item
    assert counter.get_total_flops() == expected


def test_operations_of_dlrm_are_twice_the_weights_that_are_applied():
    model = build_model("dlrm", "xs", DOMAINS)
    cost = cost_of(model)
    item = [
        model.from_item,
        model.mlp[1][0],
        model.mlp[1][2],
        *model.heads.networks[0][::2],
        model.inputs.history.item_query,
    ]
    weights = sum(layer.weight.numel() for layer in item)
    width, recent = model.inputs.tables.width, 20
    dots = 6 * 7 * width
    attention = recent * 2 * width + 4 * recent * 2 * width  # one score per action; a weighted sum per group
    assert cost.flops_per_item == 2 * (weights + dots + attention)
    keys, text = model.inputs.history.key_value, model.inputs.history.text_query
    means = recent * 3 * width
    request = model.from_request.weight.numel() + recent * keys.weight.numel() + text.weight.numel() + means
    assert cost.flops_per_request == 2 * request


def test_an_item_does_not_use_the_heads_of_other_domains():
    model = build_model("dlrm", "xs", DOMAINS)
    head = sum(p.numel() for p in model.heads.networks[0].parameters())
    cost = cost_of(model)
    assert cost.dense_params - cost.activated_params == 2 * head
    alone = cost_of(build_model("dlrm", "xs", DOMAINS[:1]))
    assert alone.dense_params == alone.activated_params
    assert replace(alone, dense_params=0, activated_params=0) == replace(cost, dense_params=0, activated_params=0)
