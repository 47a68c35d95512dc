"""Which parameters an item of one domain trains, and which it must not.

Item of domain d = feed. Own: f_feed, its gates, h_feed, head_feed. Shared: tokens, HFA, GFA, f_s, W_Q, W_K, W_V, gate
of DAPGA. Foreign, untouched: f_j, gate_j, h_j, head_j of search and shop.
"""

import pytest
import torch
from support_models import DOMAINS, inputs_of, random_batch, random_labels, scatter_weights, take_request

from uniscale.contracts.frames import NUMERIC
from uniscale.models.common.history import action_groups
from uniscale.models.common.routing import DomainBuckets
from uniscale.models.loss import ranking_loss
from uniscale.models.zoo import build_model

FEED = DOMAINS.index("feed")


@pytest.fixture
def trained_on_feed():
    """HHSFT after one backward pass over items of feed only."""
    torch.manual_seed(0)
    model = scatter_weights(build_model("hhsft", "xs", DOMAINS))
    batch = take_request(random_batch(missing=0.0, seed=2), FEED + len(DOMAINS))
    assert batch.domain_R.tolist() == [FEED] and batch.num_items > 1
    assert action_groups(batch).any(2).all()  # every group of actions has one, so every token has an input
    ranking_loss(model(batch), random_labels(batch)).backward()
    return model


def has_gradient(module):
    """True if every parameter has a gradient, False if none has; anything between is an error."""
    found = {bool(p.grad is not None and p.grad.any()) for p in module.parameters()}
    assert len(found) == 1
    return found.pop()


@pytest.mark.parametrize("part", ["dref.own", "dref.gate", "dapga.views", "heads"])
def test_an_item_trains_the_networks_of_its_own_domain_only(trained_on_feed, part):
    networks = trained_on_feed.get_submodule(part).networks
    assert [has_gradient(network) for network in networks] == [False, True, False]


@pytest.mark.parametrize("part", ["hfa", "gfa", "dref.shared", "tokenizer.item_mlps", "tokenizer.request_mlps"])
def test_an_item_of_any_domain_trains_the_shared_networks(trained_on_feed, part):
    assert has_gradient(trained_on_feed.get_submodule(part))


@pytest.mark.parametrize("part", ["dapga.query", "dapga.key", "dapga.value", "dapga.gate"])
def test_an_item_of_any_domain_trains_the_projections_and_the_gate_of_the_attention(trained_on_feed, part):
    assert has_gradient(trained_on_feed.get_submodule(part))


def test_every_table_is_trained(trained_on_feed):
    assert all(table.grad.to_dense().any() for table in trained_on_feed.embedding_parameters())


@pytest.fixture
def attention():
    """DAPGA with its inputs: e of 4 items, one of search, two of feed, one of shop."""
    torch.manual_seed(1)
    model = scatter_weights(build_model("hhsft", "xs", DOMAINS))
    tokens = model.tokenizer(inputs_of(model, random_batch(sizes=(1, 2, 1))))
    e_NZ = torch.randn(4, model.config.sample_width, requires_grad=True)
    return model.dapga, e_NZ, tokens, DomainBuckets(torch.tensor([0, 1, 1, 2]), len(DOMAINS))


def test_foreign_views_are_evaluated(attention):
    dapga, e_NZ, tokens, buckets = attention
    before = dapga(e_NZ, tokens, buckets)
    with torch.no_grad():
        dapga.views.networks[0][-1].bias.add_(1.0)
    changed = (dapga(e_NZ, tokens, buckets) - before).abs().amax(1) > 1e-6
    assert changed.all()


def test_no_gradient_flows_into_e_through_a_foreign_view(attention):
    dapga, e_NZ, tokens, buckets = attention

    def gradient():
        return torch.autograd.grad(dapga(e_NZ, tokens, buckets)[1:3].sum(), e_NZ)[0]

    kept = gradient()
    with torch.no_grad():
        values = dapga.views.networks[2](e_NZ)
    # The same view as a constant function: forward values stay, a path through it would break.
    dapga.views.networks[2] = _Constant(values)
    torch.testing.assert_close(gradient(), kept)
    assert kept[1:3].any() and not kept[0].any() and not kept[3].any()


class _Constant(torch.nn.Module):
    def __init__(self, values):
        super().__init__()
        self.values = values

    def forward(self, x):
        return self.values if len(x) == len(self.values) else self.values[3:]


def test_ablations_leave_out_their_part_and_still_train():
    from dataclasses import replace

    from uniscale.models.hhsft import HHSFT, HHSFTConfig
    from uniscale.models.size import SIZES

    batch = random_batch()
    for has_dref, has_dapga in ((False, False), (True, False), (False, True)):
        config = replace(HHSFTConfig.of(SIZES["xs"]), has_dref=has_dref, has_dapga=has_dapga)
        model = scatter_weights(HHSFT(config, size="xs", domains=DOMAINS, numeric=NUMERIC))
        ranking_loss(model(batch), random_labels(batch)).backward()
        assert (model.dref is None, model.dapga is None) == (not has_dref, not has_dapga)
        assert all(p.grad is not None for p in model.parameters())


def test_both_experts_of_the_fusion_start_with_weight_one_half():
    torch.manual_seed(0)
    dref = build_model("hhsft", "xs", DOMAINS).dref
    z_NZ = torch.randn(3, 64)
    buckets = DomainBuckets(torch.tensor([2, 0, 1]), 3)
    torch.testing.assert_close(dref(z_NZ, buckets), 0.5 * dref.shared(z_NZ) + 0.5 * dref.own(z_NZ, buckets))
