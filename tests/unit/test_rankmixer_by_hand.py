"""RankMixer against loops, its formulas for size and work, and the two routers of its experts."""

import copy
from dataclasses import replace

import pytest
import torch
from support_models import DOMAINS, random_batch, random_labels
from torch.nn.functional import gelu, layer_norm, softplus
from torch.utils.flop_counter import FlopCounterMode

from uniscale.models import rankmixer
from uniscale.models.common.mixing import MixerBlock, mix_tokens
from uniscale.models.common.token_ffn import TokenMlp
from uniscale.models.loss import ranking_loss
from uniscale.models.rankmixer import RankMixerConfig, RankMixerMoEConfig, TokenExperts
from uniscale.models.zoo import SIZES, build_model

T, D, N = 4, 12, 6


def mixer_block():
    torch.manual_seed(0)
    return MixerBlock(T, D, TokenMlp(T, D, 4 * D, D))


def experts(*, num_experts=3, hidden=24, target_share=0.25):
    torch.manual_seed(0)
    return TokenExperts(T, D, hidden, num_experts, target_share)


def test_mixing_twice_gives_the_tokens_back():
    x_TND = torch.randn(T, N, D)
    assert not torch.equal(mix_tokens(x_TND), x_TND)
    assert torch.equal(mix_tokens(mix_tokens(x_TND)), x_TND)


def test_mixing_only_moves_numbers_and_never_between_items():
    x_TND = torch.randn(T, N, D)
    before, after = (x.transpose(0, 1).flatten(1).sort().values for x in (x_TND, mix_tokens(x_TND)))
    assert torch.equal(before, after)


def test_a_mixed_token_holds_its_part_of_every_token():
    x_TND = torch.arange(2 * 6.0).view(2, 1, 6)
    assert mix_tokens(x_TND).squeeze(1).tolist() == [[0, 1, 2, 6, 7, 8], [3, 4, 5, 9, 10, 11]]


def test_a_block_adds_then_norms_after_the_mixing_and_after_the_network_of_each_token():
    block, x_TND = mixer_block(), torch.randn(T, N, D)
    s_TND = layer_norm(mix_tokens(x_TND) + x_TND, (D,))
    y_TND = block(x_TND)
    for token in range(T):
        up, down = block.ffn.up, block.ffn.down
        hidden = gelu(s_TND[token] @ up.weight_TDO[token] + up.bias_T1O[token])
        v_ND = hidden @ down.weight_TDO[token] + down.bias_T1O[token]
        torch.testing.assert_close(y_TND[token], layer_norm(v_ND + s_TND[token], (D,)), rtol=1e-4, atol=1e-5)


def test_a_block_has_the_size_and_the_work_of_the_paper():
    block, k = mixer_block(), 4
    assert sum(p.numel() for p in block.parameters() if p.ndim == 3 and p.shape[1] > 1) == 2 * k * T * D**2
    with FlopCounterMode(display=False) as counter:
        block(torch.randn(T, N, D))
    assert counter.get_total_flops() == 4 * k * T * D**2 * N


def test_the_tokens_of_the_last_block_are_averaged():
    torch.manual_seed(0)
    model = build_model("rankmixer", "xs", DOMAINS).eval()
    seen = {}
    model.blocks.register_forward_hook(lambda module, args, out: seen.update(x_TND=out))
    model.heads.register_forward_pre_hook(lambda module, args: seen.update(z_ND=args[0]))
    model(random_batch())
    assert seen["x_TND"].shape[0] == 16
    torch.testing.assert_close(seen["z_ND"], sum(seen["x_TND"]) / 16)


def experts_by_hand(layer, s_D, token, gate_E):
    width = layer.down.weight_TDO.shape[1] // layer.num_experts
    total = layer.down.bias_T1O[token, 0].clone()
    for expert, gate in enumerate(gate_E):
        part = slice(expert * width, (expert + 1) * width)
        hidden = gelu(s_D @ layer.up.weight_TDO[token, :, part] + layer.up.bias_T1O[token, 0, part])
        total += gate * (hidden @ layer.down.weight_TDO[token, part])
    return total


@pytest.mark.parametrize("skip_from", [0, 10**9])
def test_inference_adds_the_experts_times_the_gates_of_the_inference_router(skip_from, monkeypatch):
    monkeypatch.setattr(rankmixer, "SKIP_FROM", skip_from)
    layer, s_TND = experts().eval(), torch.randn(T, N, D)
    layer.open_share_TE.fill_(0.25)
    with torch.no_grad():
        assert layer._can_skip(s_TND) == (skip_from == 0)
        v_TND = layer(s_TND)
        gate_TNE = torch.relu(layer.infer_router(s_TND))
        assert (gate_TNE == 0).any() and (gate_TNE > 0).any()
        for token in range(T):
            for item in range(N):
                expected = experts_by_hand(layer, s_TND[token, item], token, gate_TNE[token, item])
                torch.testing.assert_close(v_TND[token, item], expected, rtol=1e-4, atol=1e-5)


def test_in_training_the_routers_take_turns_among_the_items_and_the_steps():
    layer, s_TND = experts().train(), torch.randn(T, N, D)
    train_TNE, infer_TNE = softplus(layer.train_router(s_TND)), torch.relu(layer.infer_router(s_TND))
    is_even_1N1 = (torch.arange(N) % 2 == 0).view(1, -1, 1)
    for first, second in ((infer_TNE, train_TNE), (train_TNE, infer_TNE)):
        expected = layer._all_experts(s_TND, torch.where(is_even_1N1, first, second))
        torch.testing.assert_close(layer(s_TND), expected)


def test_without_gates_the_experts_are_one_dense_network():
    layer, s_TND = experts(), torch.randn(T, N, D)
    dense_TND = layer.down(gelu(layer.up(s_TND)))
    torch.testing.assert_close(layer._all_experts(s_TND, torch.ones(T, N, 3)), dense_TND)


def test_scoring_with_open_experts_only_gives_the_scores_of_all_experts(monkeypatch):
    torch.manual_seed(0)
    model, batch = build_model("rankmixer_moe", "xs", DOMAINS).eval(), random_batch()
    with torch.no_grad():
        dense = model(batch)
        monkeypatch.setattr(rankmixer, "SKIP_FROM", 0)
        for block in model.blocks:
            block.ffn.open_share_TE.fill_(0.25)
        torch.testing.assert_close(model(batch), dense, rtol=1e-4, atol=1e-4)


def test_closed_experts_are_skipped_only_where_it_pays():
    layer = experts().eval()
    few, many = torch.zeros(T, N, D), torch.zeros(1, 1, D).expand(T, 2**22, D)
    with torch.no_grad():
        assert not layer._can_skip(many)
        layer.open_share_TE.fill_(0.25)
        assert layer._can_skip(many) and not layer._can_skip(few)
    assert not layer._can_skip(many)


def test_both_routers_learn_from_the_task_alone():
    torch.manual_seed(0)
    model = build_model("rankmixer_moe", "xs", DOMAINS).train()
    batch = random_batch()
    ranking_loss(model(batch), random_labels(batch)).backward()
    for block in model.blocks:
        for router in (block.ffn.train_router, block.ffn.infer_router):
            assert all(p.grad.any() for p in router.parameters())


def test_the_penalty_trains_the_inference_router_only():
    layer = experts().train()
    layer(torch.randn(T, N, D))
    layer.penalty().backward()
    assert layer.infer_router.weight_TDO.grad.any()
    assert all(p.grad is None for module in (layer.train_router, layer.up, layer.down) for p in module.parameters())


def test_the_penalty_is_the_mean_gate_of_the_items_that_the_inference_router_has_times_the_excess():
    layer, s_TND = experts(target_share=0.1).train(), torch.randn(T, N, D)
    layer(s_TND)
    gate_TNE = torch.relu(layer.infer_router(s_TND))[:, ::2]
    excess = (gate_TNE > 0).float().mean() - 0.1
    torch.testing.assert_close(layer.penalty(), 0.5 * excess * gate_TNE.mean())
    assert layer.eval().penalty() == 0


def test_the_penalty_brings_the_share_of_open_gates_to_the_target_and_no_further():
    layer = experts(num_experts=6, target_share=0.2).train()
    optimiser = torch.optim.SGD(layer.parameters(), lr=5.0)
    rng = torch.Generator().manual_seed(0)
    s_TND = torch.randn(T, 200, D, generator=rng)
    shares = []
    for _ in range(300):
        layer(s_TND)
        optimiser.zero_grad()
        layer.penalty().backward()
        optimiser.step()
        shares.append(layer.diagnose()["open_share"])
    assert shares[0] > 0.4
    assert shares[-1] == pytest.approx(0.2, abs=0.02)


def test_closed_experts_count_as_inactive_and_dead_ones_are_told():
    layer = experts(num_experts=3, hidden=24).train()
    with torch.no_grad():
        layer.infer_router.weight_TDO.zero_()
        layer.infer_router.bias_T1O.copy_(torch.tensor([1.0, -1.0, -1.0]))
    for _ in range(200):
        layer(torch.randn(T, N, D))
    figures = layer.diagnose()
    assert figures["open_share"] == pytest.approx(1 / 3, abs=1e-3)
    assert figures["dead_experts"] == 2 * T
    in_one_expert = T * 8 * (2 * D + 1)
    in_router = T * 3 * (D + 1)
    assert layer.num_inactive() == pytest.approx(2 * in_one_expert + in_router, rel=1e-3)


def test_a_batch_without_items_leaves_the_share_as_it_was():
    layer = experts().train()
    layer(torch.randn(T, 0, D))
    assert layer.diagnose()["open_share"] == 1
    assert layer.penalty() == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_tokens": 14}, "num_tokens=14 does not divide width=32; token counts that do: 1, 2, 4, 8, 16, 32"),
        ({"num_layers": 0}, "num_layers=0 must be at least 1"),
        ({"expansion": 0}, "expansion=0 must be at least 1"),
        ({"num_experts": 7}, "num_experts=7 does not divide the FFN's width 128; 0 is dense.*: 1, 2, 4, 8, 16, 32, 64"),
        ({"num_experts": -1}, "num_experts=-1 does not divide"),
        ({"target_share": 0.0}, "target_share=0.0 must be above 0 and at most 1, for example 0.25"),
        ({"target_share": 1.5}, "target_share=1.5 must be"),
    ],
)
def test_senseless_configurations_are_refused_with_what_works(changes, message):
    with pytest.raises(ValueError, match=message):
        replace(RankMixerConfig.of(SIZES["xs"]), **changes)


def test_the_sparse_ranker_costs_what_the_dense_one_costs_but_for_its_routers():
    dense, sparse = (
        sum(p.numel() for p in build_model(name, "xs", DOMAINS).dense_parameters())
        for name in ("rankmixer", "rankmixer_moe")
    )
    config = RankMixerMoEConfig.of(SIZES["xs"])
    in_router = config.num_tokens * config.num_experts * (config.token_width + 1)
    assert sparse - dense == 2 * config.num_layers * in_router


def test_experts_train_and_score_under_bf16_autocast(monkeypatch):
    torch.manual_seed(0)
    model, batch = build_model("rankmixer_moe", "xs", DOMAINS), random_batch()
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(batch)
    (ranking_loss(logits.float(), random_labels(batch)) + model.penalty()).backward()
    assert all(torch.isfinite(p.grad.to_dense()).all() for p in model.parameters())
    monkeypatch.setattr(rankmixer, "SKIP_FROM", 0)
    for block in model.eval().blocks:
        block.ffn.open_share_TE.fill_(0.25)
    with torch.no_grad():
        expected = model(batch)
        with torch.autocast("cpu", torch.bfloat16):
            torch.testing.assert_close(model(batch).float(), expected, rtol=0.1, atol=0.25)


def test_a_ranker_can_be_copied_between_training_steps():
    model, batch = build_model("rankmixer_moe", "xs", DOMAINS).train(), random_batch()
    model(batch)
    assert model.penalty() > 0
    assert copy.deepcopy(model).penalty() == 0
