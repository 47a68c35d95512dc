"""The cross network against its formulas, its sizes, and what it refuses."""

from dataclasses import replace

import pytest
import torch
from support_models import DOMAINS, random_batch, random_labels, scatter_weights
from torch.utils.flop_counter import FlopCounterMode

from uniscale.contracts.frames import NUMERIC
from uniscale.models.common.layers import linear, linear_of_parts
from uniscale.models.common.layout import RequestLayout
from uniscale.models.dcnv2 import CrossLayer, DCNv2, DCNv2Config, Features
from uniscale.models.loss import ranking_loss
from uniscale.models.zoo import SIZES

CONFIG = DCNv2Config.of(SIZES["xs"])
WIDTH, NUM_ITEMS = 12, 5
KINDS = {"full rank": (None, 1), "low rank": (4, 1), "mixture": (4, 3)}


@pytest.fixture(params=KINDS)
def layer(request):
    torch.manual_seed(0)
    layer = CrossLayer(WIDTH, *KINDS[request.param])
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return layer


def w_by_hand(layer, x):
    """W x + b of one item."""
    if isinstance(layer.outer, torch.nn.Identity):
        return layer.inner.weight @ x + layer.inner.bias
    if isinstance(layer.outer, torch.nn.Linear):
        return layer.outer.weight @ (layer.inner.weight @ x) + layer.outer.bias
    rank, num_experts = 4, 3
    downs, gates = layer.inner.weight[:-num_experts].split(rank), layer.inner.weight[-num_experts:]
    shares = torch.exp(gates @ x) / torch.exp(gates @ x).sum()
    total = layer.outer.out.bias
    for share, down, bend, up in zip(
        shares, downs, layer.outer.bend.weight_TDO, layer.outer.out.weight.split(rank, dim=1), strict=True
    ):
        total = total + share * (up @ torch.tanh(torch.tanh(down @ x) @ bend))
    return total


def test_a_cross_layer_multiplies_the_first_input_with_a_map_of_the_last_and_adds_it(layer):
    x0_NC, x_NC = torch.randn(2, NUM_ITEMS, WIDTH)
    y_NC = layer(x0_NC, x_NC)
    for x0, x, y in zip(x0_NC, x_NC, y_NC, strict=True):
        torch.testing.assert_close(y, x0 * w_by_hand(layer, x) + x)


def test_low_rank_is_full_rank_with_the_product_of_the_two_matrices():
    low, full = CrossLayer(WIDTH, 4), CrossLayer(WIDTH, None)
    with torch.no_grad():
        full.inner.weight.copy_(low.outer.weight @ low.inner.weight)
        full.inner.bias.copy_(low.outer.bias)
    x0_NC, x_NC = torch.randn(2, NUM_ITEMS, WIDTH)
    torch.testing.assert_close(low(x0_NC, x_NC), full(x0_NC, x_NC))


@pytest.mark.parametrize("num_layers", [1, 2, 3])
def test_layers_without_bias_give_a_polynomial_of_one_degree_more_than_their_number(num_layers):
    torch.manual_seed(0)
    layers = [CrossLayer(WIDTH, None).double() for _ in range(num_layers)]
    x0_C = torch.randn(WIDTH, dtype=torch.float64)
    outputs = []
    for factor in range(num_layers + 3):
        x_NC = x0_NC = factor * x0_C.unsqueeze(0)
        for layer in layers:
            x_NC = layer(x0_NC, x_NC)
        outputs.append(x_NC[0])
    differences = torch.stack(outputs)
    for _ in range(num_layers + 1):
        differences = differences.diff(dim=0)
    assert differences.abs().min() > 1e-4
    assert differences.diff(dim=0).abs().max() < 1e-9


@pytest.fixture
def features():
    torch.manual_seed(0)
    layout = RequestLayout(torch.tensor([1, 0, 1, 1, 0]), 2)
    return Features(request_RC=torch.randn(2, 5), item_NC=torch.randn(NUM_ITEMS, 7), layout=layout)


def test_a_layer_on_features_of_request_and_item_is_the_sum_of_two(features):
    layer = linear(WIDTH, 3)
    torch.nn.init.normal_(layer.bias)
    torch.testing.assert_close(features.through(layer), layer(features.values()))


def test_features_of_the_request_are_multiplied_once_per_request(features):
    with FlopCounterMode(display=False) as counter:
        features.through(linear(WIDTH, 3))
    assert counter.get_total_flops() == 2 * 3 * (2 * 5 + NUM_ITEMS * 7)


def test_a_layer_reads_parts_as_it_reads_them_side_by_side():
    torch.manual_seed(0)
    layer, parts = linear(9, 4), [torch.randn(NUM_ITEMS, width) for width in (2, 3, 4)]
    torch.nn.init.normal_(layer.bias)
    torch.testing.assert_close(linear_of_parts(layer, parts), layer(torch.cat(parts, 1)))
    with pytest.raises(RuntimeError, match="split_sizes"):
        linear_of_parts(layer, parts[:2])


@pytest.mark.parametrize(
    ("kind", "num_parameters", "flops"),
    [
        ("full rank", WIDTH**2 + WIDTH, 2 * WIDTH**2),
        ("low rank", 2 * WIDTH * 4 + WIDTH, 4 * WIDTH * 4),
        ("mixture", 3 * (2 * WIDTH * 4 + 4**2 + WIDTH) + WIDTH, 2 * 3 * (2 * WIDTH * 4 + 4**2 + WIDTH)),
    ],
)
def test_parameters_and_work_of_a_layer_follow_from_width_rank_and_experts(kind, num_parameters, flops):
    layer = CrossLayer(WIDTH, *KINDS[kind])
    assert sum(p.numel() for p in layer.parameters()) == num_parameters
    x_NC = torch.randn(NUM_ITEMS, WIDTH)
    with FlopCounterMode(display=False) as counter:
        layer(x_NC, x_NC)
    assert counter.get_total_flops() == NUM_ITEMS * flops


@pytest.mark.parametrize(("rank", "num_experts"), [(None, 1), (8, 3)])
def test_every_kind_of_cross_network_trains_all_its_parameters(rank, num_experts):
    torch.manual_seed(0)
    config = replace(CONFIG, cross_rank=rank, num_experts=num_experts)
    model = scatter_weights(DCNv2(config, size="xs", domains=DOMAINS, numeric=NUMERIC))
    batch = random_batch()
    ranking_loss(model(batch), random_labels(batch)).backward()
    assert not [name for name, p in model.named_parameters() if p.grad is None or not p.grad.to_dense().any()]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"cross_layers": 0}, "cross_layers=0 must be at least 1"),
        ({"num_experts": 0}, "num_experts=0 must be at least 1"),
        ({"cross_rank": 0}, "cross_rank=0 must be at least 1"),
        ({"mlp_width": 1}, "mlp_width=1 must be at least 2"),
        ({"cross_rank": None, "num_experts": 4}, "num_experts=4 are of low rank: set cross_rank"),
    ],
)
def test_senseless_values_are_refused_with_values_that_work(values, message):
    with pytest.raises(ValueError, match=message):
        replace(CONFIG, **values)


def test_a_rank_that_saves_nothing_is_refused():
    with pytest.raises(ValueError, match="cross_rank=7 saves nothing on 12 columns; use at most 6, or None"):
        CrossLayer(WIDTH, 7)
