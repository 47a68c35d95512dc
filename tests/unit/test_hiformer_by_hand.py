"""HiFormer's composite layer against loops and formulas, and what it refuses."""

from dataclasses import replace

import pytest
import torch
from support_attention import attend
from support_models import DOMAINS, inputs_of, random_batch, random_labels, scatter_weights
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import gelu
from torch.utils.flop_counter import FlopCounterMode

from uniscale.contracts.frames import NUMERIC
from uniscale.contracts.tasks import TASK_NAMES
from uniscale.models.common.attention import CompositeAttention, HeterogeneousAttention
from uniscale.models.common.layers import self_attention
from uniscale.models.hiformer import CompositeLayer, HiFormer, HiFormerConfig
from uniscale.models.loss import ranking_loss
from uniscale.models.zoo import SIZES

WIDTH, NUM_TOKENS, NUM_ITEMS = 8, 4, 3
CONFIG = replace(HiFormerConfig.of(SIZES["xs"]), width=WIDTH, num_heads=2)


@pytest.fixture(name="x_TND")
def tokens():
    torch.manual_seed(0)
    return torch.randn(NUM_TOKENS, NUM_ITEMS, WIDTH)


def layer_by_hand(layer, tokens, num_asking):
    def own(linear, token, vector):
        return vector @ linear.weight_TDO[token] + linear.bias_T1O[token, 0]

    everything = torch.cat(tokens)
    queries, keys, values = (project(everything).split(WIDTH) for project in layer.attention.qkv)
    assert len(queries) == num_asking
    found = attend(queries, keys, values, 2)
    middle = [x + own(layer.out, t, o) for t, (x, o) in enumerate(zip(tokens[:num_asking], found, strict=True))]
    return [x + own(layer.ffn.down, t, gelu(own(layer.ffn.up, t, x))) for t, x in enumerate(middle)]


@pytest.mark.parametrize("rank", [None, 5])
@pytest.mark.parametrize("num_asking", [NUM_TOKENS, 2])
def test_the_first_tokens_ask_all_with_projections_of_all(x_TND, rank, num_asking):
    layer = CompositeLayer(replace(CONFIG, composite_rank=rank), NUM_TOKENS, num_asking)
    y_SND = layer(x_TND)
    assert y_SND.shape == (num_asking, NUM_ITEMS, WIDTH)
    for item in range(NUM_ITEMS):
        expected = layer_by_hand(layer, list(x_TND[:, item]), num_asking)
        torch.testing.assert_close(y_SND[:, item], torch.stack(expected), rtol=1e-4, atol=1e-5)


def test_composite_projections_without_mixed_blocks_are_heterogeneous_ones(x_TND):
    own = HeterogeneousAttention(NUM_TOKENS, WIDTH, num_heads=2)
    composite = CompositeAttention(NUM_TOKENS, WIDTH, WIDTH, num_heads=2, rank=None)
    for project, weight_TDO in zip(composite.qkv, own.qkv.weight_TDO.chunk(3, dim=2), strict=True):
        with torch.no_grad():
            project.weight.copy_(torch.block_diag(*weight_TDO.transpose(1, 2)))
    expected = self_attention(*own.qkv(x_TND).chunk(3, dim=2), 2)
    torch.testing.assert_close(composite(x_TND), expected)


def test_a_layer_in_which_some_tokens_ask_gives_these_what_one_in_which_all_ask_gives(x_TND):
    everyone, some = (CompositeLayer(CONFIG, NUM_TOKENS, num_asking) for num_asking in (NUM_TOKENS, 2))
    weights = {name: value[: some.state_dict()[name].shape[0]] for name, value in everyone.state_dict().items()}
    some.load_state_dict(weights)
    torch.testing.assert_close(some(x_TND), everyone(x_TND)[:2])


@pytest.mark.parametrize("num_asking", [NUM_TOKENS, 2])
@pytest.mark.parametrize("rank", [None, 5])
def test_parameters_and_work_of_a_layer_follow_from_tokens_width_and_rank(x_TND, num_asking, rank):
    t, s, d = NUM_TOKENS, num_asking, WIDTH
    widths = (s * d, t * d, t * d)
    projections = sum(t * d * width if rank is None else rank * (t * d + width) for width in widths)
    networks = s * (d * d + 8 * d * d)
    layer = CompositeLayer(replace(CONFIG, composite_rank=rank), t, s)
    assert sum(p.numel() for p in layer.parameters()) == projections + networks + s * (d + 5 * d)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:  # others are not counted
        layer(x_TND)
    assert counter.get_total_flops() == 2 * NUM_ITEMS * (projections + networks + 2 * s * t * d)


def built(**values):
    torch.manual_seed(0)
    config = replace(HiFormerConfig.of(SIZES["xs"]), **values)
    return scatter_weights(HiFormer(config, size="xs", domains=DOMAINS, numeric=NUMERIC))


def test_heads_read_the_tokens_of_the_tasks_only():
    model, batch = built(), random_batch()
    seen = []
    model.composite[-1].register_forward_hook(lambda module, args, out: seen.append((args[0].shape, out.shape)))
    model(batch)
    num_tokens = len(TASK_NAMES) + model.tokenizer(inputs_of(model, batch)).values().shape[0]
    assert seen == [((num_tokens, batch.num_items, 16), (len(TASK_NAMES), batch.num_items, 16))]


@pytest.mark.parametrize(
    "values",
    [{"heterogeneous_layers": 0}, {"composite_layers": 2}, {"composite_layers": 2, "composite_rank": 8}],
)
def test_every_choice_of_layers_trains_all_its_parameters(values):
    model, batch = built(**values), random_batch()
    ranking_loss(model(batch), random_labels(batch)).backward()
    assert not [name for name, p in model.named_parameters() if p.grad is None or not p.grad.to_dense().any()]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"num_heads": 3}, "num_heads=3 must divide width=8; numbers of heads that do: 1, 2, 4, 8"),
        ({"heterogeneous_layers": -1}, "heterogeneous_layers=-1 must be at least 0"),
        ({"composite_layers": 0}, "composite_layers=0 must be at least 1"),
        ({"composite_rank": 0}, "composite_rank=0 must be at least 1"),
    ],
)
def test_senseless_values_are_refused_with_values_that_work(values, message):
    with pytest.raises(ValueError, match=message):
        replace(CONFIG, **values)
