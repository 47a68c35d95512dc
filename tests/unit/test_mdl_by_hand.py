"""MDL against its equations, written out for one item at a time, and what its parts may not see of each other."""

import math
from dataclasses import replace

import pytest
import torch
from support_models import DOMAINS, inputs_of, random_batch, scatter_weights, take_request
from torch.utils.flop_counter import FlopCounterMode

from uniscale.contracts.frames import NUMERIC
from uniscale.contracts.tasks import TASK_NAMES
from uniscale.models.common.layout import OneRequest
from uniscale.models.common.mixing import mix_tokens
from uniscale.models.common.routing import DomainBuckets, OneDomain
from uniscale.models.mdl import FFN_RATIO, MDL, MDLConfig, Reader, prior_features
from uniscale.models.zoo import SIZES

CONFIG = replace(MDLConfig.of(SIZES["xs"]), num_layers=2)
K, S, J = len(TASK_NAMES), 2, len(DOMAINS)
T, D = CONFIG.num_tokens, CONFIG.width


def build(config=CONFIG, seed=0):
    torch.manual_seed(seed)
    model = scatter_weights(MDL(config, size="xs", domains=DOMAINS, numeric=NUMERIC))
    model.fit_numeric(random_batch(seed=9))
    return model.eval()


@pytest.fixture(scope="module")
def batch():
    return random_batch()


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def shaken(model, parameters):
    """Change parameters for good."""
    with torch.no_grad():
        for parameter in parameters:
            parameter.add_(torch.randn(parameter.shape) + 1)
    return model


def attention(query_D, keys_TD, values_TD):
    """One query over the feature tokens, head by head."""
    heads = []
    for q, k, v in zip(*(x.split(D // CONFIG.num_heads, -1) for x in (query_D, keys_TD, values_TD)), strict=True):
        weights = torch.softmax(k @ q / math.sqrt(len(q)), 0)
        heads.append(weights @ v)
    return torch.cat(heads)


@torch.no_grad()
def by_the_paper(reader, x_TD, scenarios, tasks, domain):
    """A layer for one item as printed: all J + 1 scenario tokens, those that are not active masked out of the mean.

    Args:
        scenarios: One token per domain, then the global one.
        tasks: One token per task.
    """
    ks, vs, kt, vt = (torch.stack(parts) for parts in zip(*_keys_and_values(reader, x_TD), strict=True))
    shared = [reader.norm_query(x) @ w for x, w in zip([scenarios[-1], *tasks], reader.query.weight_TDO, strict=True)]
    own = [network(x) for network, x in zip(reader.own_query.networks, scenarios, strict=False)]
    scenarios = [x + attention(q, ks, vs) for x, q in zip(scenarios, [*own, shared[0]], strict=True)]
    mask = torch.tensor([float(index in (domain, J)) for index in range(J + 1)])
    average = (mask.unsqueeze(1) * torch.stack(scenarios)).sum(0) / mask.sum()
    tasks = [x + attention(q, kt, vt) + average for x, q in zip(tasks, shared[1:], strict=True)]
    if reader.scenario_ffn is not None:
        ffns = [*reader.scenario_ffn.own.networks, reader.scenario_ffn.everywhere]
        scenarios = [x + ffn(x) for x, ffn in zip(scenarios, ffns, strict=True)]
    norm, ffn = reader.task_ffn
    after = ffn(norm(torch.stack(tasks)).unsqueeze(1)).squeeze(1)
    return scenarios, [x + y for x, y in zip(tasks, after, strict=True)]


def _keys_and_values(reader, x_TD):
    return [(x @ weight).split(D) for x, weight in zip(x_TD, reader.key_value.weight_TDO, strict=True)]


@pytest.mark.parametrize("is_last", [False, True])
def test_a_layer_is_the_paper_s_with_all_scenarios_made_and_the_inactive_masked(is_last):
    reader = build().readers[int(is_last)]
    x_TND, global_ND, tasks_KND = torch.randn(T, 6, D), torch.randn(6, D), torch.randn(K, 6, D)
    each_JND = torch.randn(J, 6, D)
    domain_N = torch.tensor([0, 2, 1, 1, 0, 2])
    own_ND = each_JND[domain_N, torch.arange(6)]
    found, found_tasks = reader(x_TND, torch.stack([own_ND, global_ND]), tasks_KND, DomainBuckets(domain_N, J))
    for item, domain in enumerate(domain_N.tolist()):
        scenarios = [*each_JND[:, item], global_ND[item]]
        scenarios, tasks = by_the_paper(reader, x_TND[:, item], scenarios, list(tasks_KND[:, item]), domain)
        torch.testing.assert_close(found_tasks[:, item], torch.stack(tasks), rtol=1e-4, atol=1e-4)
        if not is_last:
            expected = torch.stack([scenarios[domain], scenarios[-1]])
            torch.testing.assert_close(found[:, item], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("has_direct_ffn", [False, True])
def test_a_feature_block_is_that_of_rankmixer_or_equation_six_as_printed(has_direct_ffn):
    block = build(replace(CONFIG, has_direct_ffn=has_direct_ffn)).mixers[0]
    x_TND = torch.randn(T, 5, D)
    mixed_TND = block.norm_mixed(mix_tokens(x_TND) + x_TND)
    expected = block.ffn(mixed_TND)
    if not has_direct_ffn:
        expected = block.norm_out(expected + mixed_TND)
    torch.testing.assert_close(block(x_TND), expected)


@torch.no_grad()
def test_the_token_of_another_scenario_never_changes_a_score(batch):
    model = build()
    before, domain_N = model(batch), batch.domain_R[batch.request_of_item_N]
    after = shaken(model, model.domain_parameters()["feed"])(batch)
    is_feed = domain_N == DOMAINS.index("feed")
    assert torch.equal(after[~is_feed], before[~is_feed])
    assert (after[is_feed] != before[is_feed]).all()


@torch.no_grad()
@pytest.mark.parametrize("task", TASK_NAMES)
def test_the_token_of_a_task_never_changes_the_logits_of_another(task, batch):
    model, index = build(), TASK_NAMES.index(task)
    before = model(batch)
    for weights in (model.prompts.down.weight_TDO, model.prompts.from_item.weight_TDO):
        weights[1 + index] += torch.randn_like(weights[1 + index])
    after = model(batch)
    others = [other for other in range(K) if other != index]
    assert torch.equal(after[:, others], before[:, others])
    assert (after[:, index] != before[:, index]).any()


@torch.no_grad()
def test_feature_tokens_depend_neither_on_scenarios_nor_on_tasks(batch):
    model, seen = build(), []
    model.mixers[-1].register_forward_hook(lambda _, __, output: seen.append(output))
    before = model(batch)
    after = shaken(model, [*model.prompts.parameters(), *model.readers.parameters()])(batch)
    assert torch.equal(*seen)
    assert not torch.equal(after, before)


@torch.no_grad()
def test_prior_features_are_the_mean_and_number_of_the_actions_in_the_domain_in_all_and_of_each_task(batch):
    model = build()
    inputs = inputs_of(model, batch)
    kinds = {"click": [1], "cart": [2, 3], "purchase": [4]}
    priors = prior_features(inputs)
    assert len(priors) == 2 + K
    for request in range(len(batch.domain_R)):
        done, where = batch.history_actions_RL[request], batch.history_domains_RL[request]
        wanted = [(done > 0) & (where == batch.domain_R[request] + 1), done > 0]
        wanted += [sum(done == kind for kind in kinds[task]) > 0 for task in TASK_NAMES]
        for prior_RX, chosen in zip(priors, wanted, strict=True):
            vectors = inputs.actions_RLC[request][chosen]
            mean = vectors.mean(0) if len(vectors) else torch.zeros(vectors.shape[1])
            torch.testing.assert_close(prior_RX[request, :-1], mean, rtol=1e-4, atol=1e-5)
            assert prior_RX[request, -1] == pytest.approx(math.log1p(len(vectors)))


def test_a_layer_has_as_many_parameters_as_the_formula_says():
    matrix, norm, bias = D * D, 2 * D, D
    ffn = 2 * FFN_RATIO * matrix + FFN_RATIO * bias + bias
    features = T * ffn + 2 * norm
    keys_and_queries = 4 * T * matrix + (1 + K + J) * matrix + (1 + J) * norm
    tasks = K * ffn + norm
    scenarios = (1 + J) * (ffn + norm)
    model = build()
    assert [count(mixer) for mixer in model.mixers] == [features] * 2
    assert [count(reader) for reader in model.readers] == [
        keys_and_queries + tasks + scenarios,
        keys_and_queries + tasks,
    ]


def test_the_matrices_of_a_layer_multiply_as_often_as_the_formula_says():
    items = 12
    reader = Reader(CONFIG, J, is_last=False)
    buckets = DomainBuckets(torch.arange(items) % J, J)
    with FlopCounterMode(display=False) as counter:
        reader(torch.randn(T, items, D), torch.randn(S, items, D), torch.randn(K, items, D), buckets)
    projections = 4 * T * D * D + (S + K) * D * D
    ffns = (S + K) * 2 * FFN_RATIO * D * D
    # The fused attention of a CPU is not counted.
    assert counter.get_total_flops() == 2 * items * (projections + ffns)


@torch.no_grad()
def test_one_request_of_a_known_domain_scores_as_in_the_batch(batch):
    model, one = build(), take_request(batch, 2)
    domain = int(one.domain_R[0])
    inputs = model.inputs(one, OneRequest(one.num_items))
    scored = model.score(inputs, OneDomain(domain, J, one.item_N)) + model.level_JK[domain]
    torch.testing.assert_close(scored, model(batch)[batch.request_of_item_N == 2], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_tokens": 5}, r"num_tokens=5 does not divide width=32; token counts that do: 1, 2, 4, 8, 16, 32"),
        ({"num_heads": 3}, r"num_heads=3 must divide width=32; use one of 1, 2, 4, 8, 16"),
        ({"num_layers": 0}, r"num_layers=0 must be at least 1"),
        ({"extra_rows": 0}, r"extra_rows=0 must be at least 1"),
    ],
)
def test_senseless_configurations_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        replace(CONFIG, **changes)
