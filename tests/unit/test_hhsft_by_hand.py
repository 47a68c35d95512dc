"""HFA, GFA, DREF and DAPGA against loops over one item, one token and one head at a time."""

from dataclasses import replace

import pytest
import torch
from support_attention import attend
from support_models import DOMAINS, inputs_of, random_batch, scatter_weights
from torch.nn.functional import gelu

from uniscale.models.common.attention import HeterogeneousAttention
from uniscale.models.common.routing import DomainBuckets
from uniscale.models.hhsft import DREF, GFA, HHSFTConfig
from uniscale.models.zoo import SIZES, build_model

CONFIG = replace(HHSFTConfig.of(SIZES["xs"]), hfa_width=8, gfa_width=8, sample_width=12, num_heads=2)
NUM_TOKENS, NUM_ITEMS = 3, 4


def hfa_by_hand(layer, tokens):
    def own(linear, token, vector):
        return vector @ linear.weight_TDO[token] + linear.bias_T1O[token, 0]

    projected = [x @ layer.qkv.weight_TDO[t] for t, x in enumerate(tokens)]
    queries, keys, values = (list(part) for part in zip(*(p.split(8) for p in projected), strict=True))
    attended = attend(queries, keys, values, 2)
    middle = [x + own(layer.out, t, o) for t, (x, o) in enumerate(zip(tokens, attended, strict=True))]
    return [x + own(layer.ffn.down, t, gelu(own(layer.ffn.up, t, x))) for t, x in enumerate(middle)]


def test_hfa_gives_each_token_its_own_projections_and_network():
    torch.manual_seed(0)
    layer = HeterogeneousAttention(NUM_TOKENS, 8, num_heads=2)
    x_TND = torch.randn(NUM_TOKENS, NUM_ITEMS, 8)
    y_TND = layer(x_TND)
    for item in range(NUM_ITEMS):
        expected = hfa_by_hand(layer, [x_TND[t, item] for t in range(NUM_TOKENS)])
        torch.testing.assert_close(y_TND[:, item], torch.stack(expected), rtol=1e-4, atol=1e-5)


def gfa_by_hand(layer, tokens, width, has_residual):
    everything = torch.cat(tokens)
    queries, keys, values = (project(everything).split(width) for project in layer.attention.qkv)
    outputs = attend(queries, keys, values, 2)
    if has_residual:
        outputs = [o + x for o, x in zip(outputs, tokens, strict=True)]
    return layer.ffn(torch.cat(outputs))


@pytest.mark.parametrize(("gfa_width", "rank"), [(8, None), (8, 5), (4, None)])
def test_gfa_projects_every_token_from_all_tokens_to_one_vector_per_item(gfa_width, rank):
    torch.manual_seed(0)
    layer = GFA(replace(CONFIG, gfa_width=gfa_width, gfa_rank=rank), NUM_TOKENS)
    x_TND = torch.randn(NUM_TOKENS, NUM_ITEMS, 8)
    z_NZ = layer(x_TND)
    assert z_NZ.shape == (NUM_ITEMS, 12)
    for item in range(NUM_ITEMS):
        tokens = [x_TND[t, item] for t in range(NUM_TOKENS)]
        expected = gfa_by_hand(layer, tokens, gfa_width, gfa_width == 8)
        torch.testing.assert_close(z_NZ[item], expected, rtol=1e-4, atol=1e-5)


def test_a_low_rank_projection_is_smaller():
    full, low = (
        sum(p.numel() for p in GFA(replace(CONFIG, gfa_rank=r), NUM_TOKENS).attention.qkv.parameters())
        for r in (None, 2)
    )
    assert low == 3 * 2 * 24 * 2
    assert full == 3 * 24 * 24


def test_dref_mixes_the_shared_and_the_own_expert_by_the_gate_of_the_domain():
    torch.manual_seed(0)
    dref = DREF(CONFIG, 3)
    for parameter in dref.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    z_NZ = torch.randn(4, 12)
    domains = [2, 0, 1, 0]
    e_NZ = dref(z_NZ, DomainBuckets(torch.tensor(domains), 3))
    for z, domain, e in zip(z_NZ, domains, e_NZ, strict=True):
        shared, own = torch.softmax(dref.gate.networks[domain](z), dim=0)
        torch.testing.assert_close(e, shared * dref.shared(z) + own * dref.own.networks[domain](z))


def test_dapga_asks_all_views_with_the_own_one_and_gates_by_user_and_domain():
    torch.manual_seed(0)
    model = scatter_weights(build_model("hhsft", "xs", DOMAINS))
    dapga, tokens = model.dapga, model.tokenizer(inputs_of(model, random_batch(sizes=(1, 2))))
    e_NZ = torch.randn(3, 64)
    request_of_item, domains = [0, 1, 1], [0, 1, 1]
    out_NZ = dapga(e_NZ, tokens, DomainBuckets(torch.tensor(domains), 3))
    for item, e in enumerate(e_NZ):
        views = [view(e) for view in dapga.views.networks]
        keys, values = [dapga.key(v) for v in views], [dapga.value(v) for v in views]
        (u,) = attend([dapga.query(views[domains[item]])], keys, values, 2)
        user_and_domain = [tokens.request_TRD[index, request_of_item[item]] for index in (0, 1, 4)]
        gate = torch.sigmoid(dapga.gate(torch.cat(user_and_domain)))
        torch.testing.assert_close(out_NZ[item], gate * u, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("has_residuals", [True, False])
def test_z_passes_around_dref_and_e_around_dapga(has_residuals):
    torch.manual_seed(0)
    model = build_model("hhsft", "xs", DOMAINS, config_changes={"has_residuals": has_residuals})
    model = scatter_weights(model)
    seen = {}
    for name in ("gfa", "dref", "dapga", "heads"):
        getattr(model, name).register_forward_hook(lambda _, args, out, name=name: seen.update({name: (args[0], out)}))
    model(random_batch())
    z, e, out = seen["gfa"][1], seen["dapga"][0], seen["heads"][0]
    torch.testing.assert_close(e, seen["dref"][1] + has_residuals * z)
    torch.testing.assert_close(out, seen["dapga"][1] + has_residuals * e)
