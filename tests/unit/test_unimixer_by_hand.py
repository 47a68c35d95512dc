"""UniMixing as the matrix it stands for, its start, its schedule, its light form, and the two streams."""

import copy
from dataclasses import replace
from functools import partial

import pytest
import torch
from support_models import DOMAINS, random_batch, random_labels
from torch.nn.functional import silu
from torch.utils.flop_counter import FlopCounterMode

from uniscale.models.common.doubly_stochastic import effective_rank
from uniscale.models.common.mixing import mix_tokens
from uniscale.models.common.token_ffn import TokenSwiGlu
from uniscale.models.loss import ranking_loss
from uniscale.models.unimixer import (
    SiameseStreams,
    UniMixerBlock,
    UniMixerConfig,
    UniMixing,
    UniMixingLiteConfig,
    mix_blocks,
    swapped_blocks,
)
from uniscale.models.zoo import SIZES, build_model, load_model, save_model

T, D, B, N = 4, 12, 3, 5
G = T * D // B
CONFIG = replace(UniMixerConfig.of(SIZES["xs"]), num_tokens=T, token_width=D, block_width=B)
LITE = replace(UniMixingLiteConfig.of(SIZES["xs"]), num_tokens=T, token_width=D, block_width=B, num_bases=2, rank=3)
BOTH = pytest.mark.parametrize("config", [CONFIG, LITE], ids=["full", "lite"])


def mixing(config=CONFIG):
    torch.manual_seed(0)
    return UniMixing(config)


@pytest.mark.parametrize("width", [2, 3, 8, 16])
def test_mixing_is_the_kronecker_product_of_its_matrices(width):
    num_blocks = T * D // width
    global_GG, local_GBB = torch.randn(num_blocks, num_blocks), torch.randn(num_blocks, width, width)
    # Block (i, j) of the whole matrix is global[i, j] local[j]; the numbers of an item are a row, so it stands left.
    rows = [torch.cat([global_GG[i, j] * local_GBB[j].T for j in range(num_blocks)], 1) for i in range(num_blocks)]
    whole = torch.cat(rows)
    x_TND = torch.randn(T, N, D)
    y_TND = mix_blocks(x_TND, global_GG, local_GBB)
    for item in range(N):
        expected = whole @ x_TND[:, item].flatten()
        torch.testing.assert_close(y_TND[:, item].flatten(), expected, rtol=1e-4, atol=1e-4)


def test_blocks_as_wide_as_parts_identities_and_the_swap_of_parts_are_the_mixing_of_rankmixer():
    x_TND = torch.randn(T, N, D)
    swap = torch.eye(T * T)[swapped_blocks(T * T, T)]
    assert torch.equal(swap, swap.T)
    identities = torch.eye(D // T).expand(T * T, -1, -1)
    torch.testing.assert_close(mix_blocks(x_TND, swap, identities), mix_tokens(x_TND))


@BOTH
def test_mixing_starts_near_that_of_rankmixer_and_far_from_averaging(config):
    layer = mixing(replace(config, num_tokens=8, token_width=32, block_width=4, rank=min(16, 16 * config.rank)))
    global_GG, _ = layer.matrices()
    is_swapped = torch.eye(64)[swapped_blocks(64, 8)].bool()
    # The light form has its codes, whose noise is as strong as the signal of few of them.
    assert (global_GG.argmax(1) == is_swapped.float().argmax(1)).float().mean() > 0.8
    assert global_GG[is_swapped].mean() > 10 * global_GG[~is_swapped].mean()


@pytest.mark.parametrize("name", ["unimixer", "unimixer_lite"])
@pytest.mark.parametrize("size", ["xs", "m"])
def test_no_mixing_of_a_new_ranker_is_averaging(name, size):
    torch.manual_seed(0)
    config = {"unimixer": UniMixerConfig, "unimixer_lite": UniMixingLiteConfig}[name].of(SIZES[size])
    global_GG, local_GBB = UniMixing(config).matrices()
    assert effective_rank(global_GG) > 0.3 * config.num_blocks
    assert effective_rank(local_GBB).mean() > 0.5 * config.block_width


@BOTH
def test_small_logits_would_start_as_averaging(config):
    layer = mixing(config)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(0.02 * torch.randn(parameter.shape))
    global_GG, _ = layer.matrices()
    assert effective_rank(global_GG) < 2


@BOTH
def test_both_matrices_are_symmetric_and_doubly_stochastic(config):
    for matrix in mixing(config).matrices():
        torch.testing.assert_close(matrix, matrix.transpose(-1, -2), rtol=1e-3, atol=1e-4)
        for axis in (-1, -2):
            torch.testing.assert_close(matrix.sum(axis), torch.ones(matrix.shape[:-1]), rtol=1e-3, atol=1e-3)


@BOTH
def test_the_temperature_falls_in_a_line_to_four_fifths_of_the_training_and_sharpens_the_mixing(config):
    layer = mixing(config)
    temperatures, entropies = [], []
    for progress in (0.0, 0.4, 0.8, 1.0):
        layer.set_progress(progress)
        figures = layer.diagnose()
        temperatures.append(figures["temperature"])
        entropies.append(figures["global_row_entropy"])
    assert temperatures == pytest.approx([1.0, 0.525, 0.05, 0.05])
    assert entropies[0] > entropies[1] > entropies[2] == entropies[3]


def test_a_saved_ranker_keeps_its_temperature(tmp_path):
    torch.manual_seed(0)
    model = build_model("unimixer", "xs", DOMAINS)
    model.set_progress(1.0)
    save_model(model, tmp_path)
    loaded, batch = load_model(tmp_path), random_batch()
    assert torch.equal(loaded(batch), model.eval()(batch))
    model.set_progress(0.0)
    assert not torch.equal(loaded(batch), model(batch))


def test_the_light_form_with_a_basis_per_block_and_full_rank_is_the_full_form():
    full = mixing()
    lite = mixing(replace(LITE, num_bases=G, rank=G))
    global_GG, local_GBB = full.logits()
    with torch.no_grad():
        lite.logits.left_GR.copy_(global_GG)
        lite.logits.right_RG.copy_(torch.eye(G))
        lite.logits.basis_ZBB.copy_(local_GBB)
        lite.logits.share_GZ.copy_(torch.eye(G))
    x_TND = torch.randn(T, N, D)
    torch.testing.assert_close(lite(x_TND), full(x_TND))


def test_mixing_has_the_size_of_the_paper():
    full, lite = (sum(p.numel() for p in mixing(config).parameters()) for config in (CONFIG, LITE))
    assert full == G**2 + G * B * B
    assert lite == LITE.num_bases * B**2 + G * LITE.num_bases + 2 * G * LITE.rank


@pytest.mark.parametrize("width", [2, 3, 6])
def test_mixing_and_swiglu_do_the_work_of_the_paper(width):
    length, num_blocks = T * D, T * D // width
    with FlopCounterMode(display=False) as counter:
        mix_blocks(torch.randn(T, N, D), torch.randn(num_blocks, num_blocks), torch.randn(num_blocks, width, width))
    assert counter.get_total_flops() == N * (2 * length * width + 2 * length**2 // width)
    with FlopCounterMode(display=False) as counter:
        TokenSwiGlu(T, D, 2 * D, D)(torch.randn(T, N, D))
    assert counter.get_total_flops() == N * 6 * 2 * T * D**2


def test_swiglu_has_weights_of_its_own_per_token():
    torch.manual_seed(0)
    layer = scatter_weights_of(TokenSwiGlu(T, D, 2 * D, D))
    assert sum(p.numel() for p in layer.parameters()) == 3 * 2 * T * D**2 + T * (2 * 2 * D + D)
    x_TND = torch.randn(T, N, D)
    y_TND = layer(x_TND)
    for t in range(T):
        gate, up = (x_TND[t] @ layer.up.weight_TDO[t] + layer.up.bias_T1O[t]).chunk(2, dim=1)
        expected = (up * silu(gate)) @ layer.down.weight_TDO[t] + layer.down.bias_T1O[t]
        torch.testing.assert_close(y_TND[t], expected, rtol=1e-4, atol=1e-5)


def scatter_weights_of(module):
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    return module


def rms_norm(x, weight):
    return x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt() * weight


def test_a_block_norms_the_sum_before_its_network():
    torch.manual_seed(0)
    block = UniMixerBlock(UniMixing(CONFIG), TokenSwiGlu(T, D, 2 * D, D), D)
    x_TND = torch.randn(T, N, D)
    expected = block.ffn(rms_norm(x_TND + block.mixing(x_TND), block.norm.weight))
    torch.testing.assert_close(block(x_TND), expected)


def test_one_stream_is_normed_after_each_layer_and_the_other_adds_up():
    torch.manual_seed(0)
    layers = [TokenSwiGlu(T, D, D, D) for _ in range(3)]
    streams = scatter_weights_of(SiameseStreams(layers, D))
    start_TND = torch.randn(T, N, D)
    x, y = start_TND, start_TND
    for layer, norm_x, norm_y in zip(layers, streams.norms_x, streams.norms_y, strict=True):
        o = layer(x + rms_norm(y, norm_y.weight))
        x, y = rms_norm(x + o, norm_x.weight), y + o
    expected = x + rms_norm(y, streams.norm_out.weight)
    torch.testing.assert_close(streams(start_TND), expected, rtol=1e-4, atol=1e-4)


def test_streams_may_meet_after_each_sublayer():
    def layers(has_sublayer_streams):
        config = replace(CONFIG, embeddings=SIZES["xs"].embeddings, has_sublayer_streams=has_sublayer_streams)
        model = build_model("unimixer", "xs", DOMAINS)
        built = type(model)(config, size="xs", domains=DOMAINS, numeric=model.numeric)
        assert torch.isfinite(built(random_batch())).all()
        return [type(layer) for layer in built.streams.layers]

    assert layers(False) == [UniMixerBlock] * 2
    assert layers(True) == [UniMixing, TokenSwiGlu] * 2


def scores(model, batch):
    with torch.no_grad():
        return model(batch)


def test_matrices_are_made_once_while_scoring_and_again_after_any_change():
    torch.manual_seed(0)
    model, batch = build_model("unimixer", "xs", DOMAINS).eval(), random_batch()
    layer = model.streams.layers[0].mixing
    before = scores(model, batch)
    kept = layer._kept[1]
    assert torch.equal(scores(model, batch), before)
    assert layer._kept[1] is kept
    optimiser = torch.optim.SGD(layer.parameters(), lr=10.0)
    ranking_loss(model(batch), random_labels(batch)).backward()
    optimiser.step()
    trained = scores(model, batch)
    assert not torch.equal(trained, before)
    torch.testing.assert_close(trained, model(batch).detach())
    model.set_progress(0.5)
    assert not torch.equal(scores(model, batch), trained)
    torch.manual_seed(0)
    model.load_state_dict(build_model("unimixer", "xs", DOMAINS).state_dict())
    assert torch.equal(scores(model, batch), before)


def test_a_pruned_ranker_scores_with_the_matrices_it_had():
    torch.manual_seed(0)
    model, batch = build_model("unimixer_lite", "xs", DOMAINS).eval(), random_batch()
    model.set_progress(0.7)
    expected = scores(model, batch)
    pruned = copy.deepcopy(model)
    for layer in pruned.streams.layers:
        layer.mixing.prune(0)
    torch.testing.assert_close(scores(pruned, batch), expected)
    assert not [name for name, _ in pruned.named_parameters() if "logits" in name]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"block_width": 7}, "block_width=7 does not divide the 48 numbers of an item; widths that do: 1, 2, 3, 4, 6"),
        ({"block_width": 0}, "block_width=0 does not divide"),
        ({"num_layers": 0}, "num_layers=0 must be at least 1"),
        ({"expansion": 0}, "expansion=0 must be at least 1"),
        ({"num_iterations": 0}, "num_iterations=0 must be at least 1"),
        ({"last_temperature": 0.0}, "last_temperature=0.0 must be above 0 and at most first_temperature=1.0"),
        ({"last_temperature": 2.0}, "last_temperature=2.0 must be above 0 and at most first_temperature=1.0"),
        ({"rank": 4}, "num_bases=0 and rank=4 go together.*for example 4 and 16"),
        ({"num_bases": -1, "rank": 4}, "num_bases=-1 and rank=4 go together"),
    ],
)
def test_senseless_configurations_are_refused_with_what_works(changes, message):
    with pytest.raises(ValueError, match=message):
        replace(CONFIG, **changes)


def test_the_making_of_matrices_is_not_compiled(monkeypatch):
    made_by = []

    def make(layer):
        made_by.append("a compiler" if torch.compiler.is_compiling() else "Python")
        return plain_make(layer)

    plain_make = UniMixing._make
    monkeypatch.setattr(UniMixing, "_make", make)
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    ranker = build_model("unimixer_lite", "xs", DOMAINS).eval()
    batch = random_batch(seed=9)
    ranker.fit_numeric(batch)
    expected = ranker(batch)
    made_by.clear()
    ranker.compile_score()
    torch.testing.assert_close(ranker(batch), expected)
    assert set(made_by) == {"Python"}
