"""Wukong's blocks against their formulas, their sizes, and what they refuse."""

from dataclasses import replace

import pytest
import torch
from support_models import DOMAINS, inputs_of, random_batch, random_labels, scatter_weights
from torch.utils.flop_counter import FlopCounterMode

from uniscale.contracts.frames import NUMERIC
from uniscale.models.loss import ranking_loss
from uniscale.models.wukong import (
    AttentiveMachine,
    Compression,
    FactorizationMachine,
    LowRankMachine,
    Wukong,
    WukongConfig,
    WukongLayer,
)
from uniscale.models.zoo import SIZES, load_model, save_model

NUM_EMBEDDINGS, NUM_ITEMS, WIDTH, RANK = 6, 4, 8, 3
CONFIG = replace(WukongConfig.of(SIZES["xs"]), width=WIDTH, fm_rank=RANK, mlp_width=10)


@pytest.fixture(name="x_TND")
def tokens():
    torch.manual_seed(0)
    return torch.randn(NUM_EMBEDDINGS, NUM_ITEMS, WIDTH)


def test_the_low_rank_machine_is_the_full_one_followed_by_y(x_TND):
    machine = LowRankMachine(NUM_EMBEDDINGS, RANK)
    y_TK = machine.sums.weight_ST.T
    torch.testing.assert_close(machine(x_TND), FactorizationMachine()(x_TND) @ y_TK)


def test_the_full_machine_holds_the_dot_product_of_every_two_embeddings(x_TND):
    products_NTT = FactorizationMachine()(x_TND)
    for item in range(NUM_ITEMS):
        for one in range(NUM_EMBEDDINGS):
            for other in range(NUM_EMBEDDINGS):
                expected = x_TND[one, item] @ x_TND[other, item]
                torch.testing.assert_close(products_NTT[item, one, other], expected)


def test_the_attentive_machine_has_a_y_of_each_item(x_TND):
    machine = AttentiveMachine(CONFIG, NUM_EMBEDDINGS, RANK, 2)
    out_NTK = machine(x_TND)
    for item in range(NUM_ITEMS):
        x_TD = x_TND[:, item]
        y_TK = machine.make((machine.compress.weight_ST @ x_TD).flatten()).view(NUM_EMBEDDINGS, RANK)
        torch.testing.assert_close(out_NTK[item], x_TD @ x_TD.T @ y_TK)


def layer_by_hand(layer, x_TD):
    """One item through a layer; the weights of the norms are those they start with."""
    products = (x_TD @ x_TD.T @ layer.fmb.products.sums.weight_ST.T).flatten()
    hidden = torch.relu(layer.fmb.mlp[0](normed(products)))
    interactions = layer.fmb.mlp[2](hidden).view(-1, WIDTH)
    compressed = layer.lcb.weight_ST @ x_TD
    residual = layer.residual.weight_ST @ x_TD if isinstance(layer.residual, Compression) else x_TD
    return torch.stack([normed(row) for row in torch.cat([interactions, compressed]) + residual])


def normed(vector):
    return (vector - vector.mean()) / torch.sqrt(vector.var(correction=0) + 1e-5)


@pytest.mark.parametrize(("num_fm", "num_lc"), [(4, 2), (3, 2)])
def test_a_layer_norms_the_sum_of_new_embeddings_and_old(x_TND, num_fm, num_lc):
    layer = WukongLayer(CONFIG, NUM_EMBEDDINGS, num_fm=num_fm, num_lc=num_lc)
    y_TND = layer(x_TND)
    assert y_TND.shape == (num_fm + num_lc, NUM_ITEMS, WIDTH)
    for item in range(NUM_ITEMS):
        torch.testing.assert_close(y_TND[:, item], layer_by_hand(layer, x_TND[:, item]), rtol=1e-4, atol=1e-5)


def test_old_embeddings_are_compressed_for_the_sum_only_where_their_number_changes():
    same, other = (WukongLayer(CONFIG, NUM_EMBEDDINGS, num_fm=3, num_lc=count).residual for count in (3, 4))
    assert not list(same.parameters())
    assert other.weight_ST.shape == (7, NUM_EMBEDDINGS)


@pytest.mark.parametrize("num_fm", [3, 4])
@pytest.mark.parametrize("rank", [RANK, None])
@pytest.mark.parametrize("mlp_layers", [1, 3])
def test_parameters_and_work_of_a_layer_are_those_of_the_formula(x_TND, num_fm, rank, mlp_layers):
    n, d, n_f, n_l, h, m = NUM_EMBEDDINGS, WIDTH, num_fm, 3, CONFIG.mlp_width, mlp_layers
    k, y = (rank, n * rank) if rank else (n, 0)
    projected = n * (n_f + n_l) if n != n_f + n_l else 0
    weights = n * n_l + y + 2 * n * k + n * k * h + (m - 1) * h * h + h * n_f * d + projected + 2 * d
    biases = m * h + n_f * d
    multiplications = n * n_l * d + y * d + n * n * d * (not rank) + n * k * d * bool(rank)
    multiplications += n * k * h + (m - 1) * h * h + h * n_f * d + projected * d

    layer = WukongLayer(replace(CONFIG, fm_rank=rank, mlp_layers=m), n, num_fm=n_f, num_lc=n_l)
    assert sum(p.numel() for p in layer.parameters()) == weights + biases
    with FlopCounterMode(display=False) as counter:
        layer(x_TND)
    assert counter.get_total_flops() == 2 * NUM_ITEMS * multiplications


def built(**values):
    torch.manual_seed(0)
    config = replace(WukongConfig.of(SIZES["xs"]), **values)
    return Wukong(config, size="xs", domains=DOMAINS, numeric=NUMERIC)


@pytest.mark.parametrize("several", [1, 3])
def test_important_groups_own_several_embeddings(several):
    model, batch = built(important_embeddings=several), random_batch()
    tokens = model.tokenizer(inputs_of(model, batch))
    assert tokens.request_families == ("U",) * several + ("U",) + ("Q",) * several + ("Q", "D")
    assert tokens.values().shape == (10 + 4 * several, batch.num_items, 16)
    assert model.tokenizer.num_tokens == 10 + 4 * several


def test_a_pyramid_has_fewer_embeddings_layer_by_layer_and_survives_saving(tmp_path):
    model, batch = built(fm_embeddings=(8, 4, 2), lc_embeddings=(6, 3, 1)).eval(), random_batch()
    x_TND = model.tokenizer(inputs_of(model, batch)).values()
    counts = [len(x_TND := layer(x_TND)) for layer in model.layers]
    assert counts == [14, 7, 3]
    save_model(model, tmp_path)
    loaded = load_model(tmp_path)
    assert loaded.config == model.config
    assert torch.equal(loaded(batch), model(batch))


@pytest.mark.parametrize("values", [{"fm_rank": None}, {"attentive_embeddings": 4}, {"mlp_layers": 2}])
def test_every_kind_of_factorization_machine_trains_all_its_parameters(values):
    model, batch = scatter_weights(built(**values)), random_batch()
    ranking_loss(model(batch), random_labels(batch)).backward()
    assert not [name for name, p in model.named_parameters() if p.grad is None or not p.grad.to_dense().any()]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"fm_embeddings": (4,), "lc_embeddings": (4, 4)}, "one number per layer"),
        ({"fm_embeddings": (), "lc_embeddings": ()}, "at least one"),
        ({"lc_embeddings": (4, 0)}, "lc_embeddings=0 must be at least 1"),
        ({"mlp_layers": 0}, "mlp_layers=0 must be at least 1"),
        ({"fm_rank": 0}, "fm_rank=0 must be at least 1"),
        ({"fm_rank": None, "attentive_embeddings": 2}, "attentive_embeddings=2 needs a Y: set fm_rank"),
    ],
)
def test_senseless_values_are_refused_with_values_that_work(values, message):
    with pytest.raises(ValueError, match=message):
        replace(CONFIG, **values)
