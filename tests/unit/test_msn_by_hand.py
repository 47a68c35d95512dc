"""MSN: exact search with product keys, what is read and trained without copies, the gate, and the figures of usage."""

import math
from collections import Counter
from dataclasses import replace

import pytest
import torch
from support_models import DOMAINS, random_batch, random_labels
from torch.nn.functional import embedding_bag, layer_norm
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from uniscale.models.common.hooks import Diagnosed, PartlyActive
from uniscale.models.loss import ranking_loss
from uniscale.models.msn import MSN, MemoryGate, MemoryValues, MSNConfig, ProductKeys, Usage, candidate_pairs
from uniscale.models.zoo import SIZES, build_model
from uniscale.training.optim import RowWiseAdagrad

CONFIG = replace(
    MSNConfig.of(SIZES["xs"]), num_tokens=4, width=16, num_layers=4, num_keys=8, key_width=5, num_read=4, num_memories=2
)


def all_slots(score_2Xn):
    """Scores of all n^2 slots, [X, n^2]."""
    return (score_2Xn[0].unsqueeze(2) + score_2Xn[1].unsqueeze(1)).flatten(1)


@pytest.mark.parametrize("num_read", [1, 2, 3, 7, 8])
@pytest.mark.parametrize("levels", [None, 5, 2, 1])
def test_the_search_finds_the_best_of_all_slots_ties_included(num_read, levels):
    rng = torch.Generator().manual_seed(num_read)
    scores = torch.randn(2, 200, 8, generator=rng)
    if levels is not None:
        scores = (scores * levels).round().clamp(-levels // 2, levels // 2)
    rows, columns = ProductKeys(8, 3, num_read).best(scores)
    slots, everything = rows * 8 + columns, all_slots(scores)
    assert torch.equal(everything.gather(1, slots), everything.topk(num_read, dim=1).values)
    assert all(len(set(found)) == num_read for found in slots.tolist())


def test_pairs_that_cannot_be_among_the_best_are_left_out_and_no_others():
    assert len(candidate_pairs(32)) == 119
    for num_read in range(1, 9):
        # Half scores in which a pair beats all but those of no worse ranks: pair (a, b) is the (a + 1)(b + 1)-th.
        for a in range(8):
            for b in range(8):
                first = [10.0 if rank <= a else 0.0 for rank in range(8)]
                second = [10.0 if rank <= b else 0.0 for rank in range(8)]
                num_ahead = sum(f + s >= first[a] + second[b] for f in first for s in second)
                assert ((a, b) in candidate_pairs(num_read)) == (num_ahead <= num_read)


def test_keys_and_queries_are_normalised_and_read_weights_are_a_softmax():
    torch.manual_seed(0)
    keys = ProductKeys(6, 5, 3)
    for parameter in keys.parameters():
        torch.nn.init.normal_(parameter)
    queries = torch.randn(4, 10)
    slots, weights = keys(queries)
    for query, found, weight in zip(queries, slots, weights, strict=True):
        halves = []
        for half in range(2):
            effective = [layer_norm(key @ keys.theta_2CC[half], (5,)) for key in keys.keys_2nC[half]]
            q = layer_norm(query[5 * half : 5 * half + 5], (5,), keys.norm.weight, keys.norm.bias)
            halves.append([q @ key / math.sqrt(5) for key in effective])
        scores = torch.stack([halves[0][slot // 6] + halves[1][slot % 6] for slot in range(36)])
        best = scores.topk(3)
        assert found.tolist() == best.indices.tolist()
        torch.testing.assert_close(weight, torch.softmax(best.values, 0))


def test_a_long_query_looks_up_what_a_short_one_does_and_no_more_sharply():
    torch.manual_seed(0)
    keys, queries = ProductKeys(8, 5, 4), torch.randn(6, 10)
    (slots, weights), (same_slots, same_weights) = keys(10 * queries), keys(1000 * queries)
    assert torch.equal(slots, same_slots)
    torch.testing.assert_close(weights, same_weights)


def test_theta_starts_as_nothing_and_moves_keys_that_were_never_read():
    torch.manual_seed(0)
    keys, query = ProductKeys(16, 4, 2), torch.randn(1, 8)
    one_hot = torch.eye(16)
    plain = layer_norm(keys.keys_2nC, (4,))
    torch.testing.assert_close(layer_norm(keys.keys_2nC @ keys.theta_2CC, (4,)), plain)
    slots, weights = keys(query)
    (weights[0] @ one_hot[[3, 5]]).square().sum().backward()
    is_read = torch.zeros(2, 16, dtype=torch.bool)
    is_read[0, slots[0] // 16] = is_read[1, slots[0] % 16] = True
    assert keys.keys_2nC.grad.any(2).equal(is_read)
    with torch.no_grad():
        keys.theta_2CC -= 100 * keys.theta_2CC.grad
    moved = layer_norm(keys.keys_2nC @ keys.theta_2CC, (4,))
    assert (moved != plain).any(2).all()


def test_several_look_ups_of_a_step_give_values_and_weights_their_dense_gradients():
    torch.manual_seed(0)
    values = MemoryValues(20, 3, num_read=4)
    look_ups = [(torch.randint(0, 15, (6, 4)), torch.rand(6, 4, requires_grad=True)) for _ in range(3)]
    factors = [torch.randn(6, 3) for _ in look_ups]
    read = [values(slots, weights) for slots, weights in look_ups]
    sum((r * f).sum() for r, f in zip(read, factors, strict=True)).backward()
    table = values.weight.detach().clone().requires_grad_()
    weights = [w.detach().clone().requires_grad_() for _, w in look_ups]
    dense = [(table[slots] * w.unsqueeze(2)).sum(1) for (slots, _), w in zip(look_ups, weights, strict=True)]
    sum((r * f).sum() for r, f in zip(dense, factors, strict=True)).backward()
    torch.testing.assert_close(torch.stack(read), torch.stack(dense))
    torch.testing.assert_close(values.weight.grad.to_dense(), table.grad)
    for (_, ours), theirs in zip(look_ups, weights, strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


class LargestTensor(TorchDispatchMode):
    """Notes how many numbers the largest result of any operation holds."""

    def __init__(self):
        super().__init__()
        self.largest = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        dense = [x for x in tree_leaves(result) if isinstance(x, torch.Tensor) and x.layout == torch.strided]
        self.largest = max([self.largest, *(x.numel() for x in dense)])
        return result


def plain_look_up(values, slots, weights):
    return embedding_bag(slots, values.weight, mode="sum", per_sample_weights=weights, sparse=True)


@pytest.mark.parametrize(("look_up", "copies"), [(MemoryValues.forward, False), (plain_look_up, True)])
def test_no_pass_copies_a_vector_per_look_up(look_up, copies):
    torch.manual_seed(0)
    num_rows, num_read, width, num_slots = 300, 8, 32, 64
    values = MemoryValues(num_slots, width, num_read=num_read)
    slots, weights = torch.randint(0, num_slots, (num_rows, num_read)), torch.rand(num_rows, num_read)
    with LargestTensor() as mode:
        look_up(values, slots, weights.requires_grad_()).sum().backward()
    assert values.weight.grad.coalesce().values().shape == (num_slots, width)
    assert (mode.largest >= num_rows * num_read * width) == copies
    assert mode.largest >= num_rows * width


def test_a_training_step_moves_the_slots_that_were_read_and_no_others():
    torch.manual_seed(0)
    values = MemoryValues(50, 4, num_read=3)
    before, slots = values.weight.detach().clone(), torch.randint(0, 50, (5, 3))
    values(slots, torch.rand(5, 3)).sum().backward()
    assert values.weight.grad._nnz() == len(slots.unique())
    RowWiseAdagrad([values.weight], lr=0.1).step()
    moved = torch.nonzero((values.weight != before).any(1)).squeeze(1)
    assert moved.tolist() == sorted(set(slots.flatten().tolist()))


def gate_of(config, x):
    torch.manual_seed(1)
    return (MemoryGate(config)(x) / x).detach()


def test_the_gate_is_the_tangent_of_what_each_token_reads():
    torch.manual_seed(0)
    gate, x = MemoryGate(CONFIG).eval(), torch.randn(4, 3, 16)
    torch.nn.init.normal_(gate.bias_D)
    out = gate(x)
    for token in range(4):
        slots, weights = gate.keys(x[token] @ gate.query.weight_TDO[token])
        for item in range(3):
            read = sum(w * gate.values.weight[s] for w, s in zip(weights[item], slots[item], strict=True))
            torch.testing.assert_close(out[token, item], x[token, item] * torch.tanh(read + gate.bias_D))


def test_the_network_behind_the_gate_is_alive_from_the_first_step():
    x = torch.randn(4, 200, 16, generator=torch.Generator().manual_seed(0))
    ours, printed = gate_of(CONFIG, x), gate_of(replace(CONFIG, gate_start=0.0), x)
    assert ours.min() > 0.3
    assert ours.mean() == pytest.approx(math.tanh(1), abs=0.05)
    assert printed.abs().mean() < 0.2
    assert printed.mean() == pytest.approx(0, abs=0.05)


def test_memory_sits_in_every_second_layer_from_the_last():
    def places(num_layers, num_memories):
        config = replace(CONFIG, num_layers=num_layers, num_memories=num_memories)
        model = MSN(config, size="xs", domains=DOMAINS, numeric=build_model("dlrm", "xs", DOMAINS).numeric)
        blocks = [any(isinstance(part, MemoryGate) for part in block.modules()) for block in model.blocks]
        return [index for index, has_memory in enumerate(blocks) if has_memory]

    assert [places(4, 2), places(4, 1), places(4, 0), places(3, 2), places(1, 1)] == [[1, 3], [3], [], [0, 2], [0]]


def test_a_memory_costs_what_its_parts_cost():
    gate, num_rows = MemoryGate(CONFIG), 4 * 10
    width, keys, key_width = 16, 8, 5
    with FlopCounterMode(display=False) as counter:
        gate(torch.randn(4, 10, width))
    per_row = 4 * width * key_width + 4 * keys * key_width
    assert counter.get_total_flops() == num_rows * per_row + 4 * keys * key_width**2
    dense = 4 * width * 2 * key_width + 2 * keys * key_width + 2 * key_width**2 + 2 * key_width + width
    assert sum(p.numel() for p in gate.parameters()) == dense + keys**2 * width


def test_slots_beyond_what_the_tokens_of_an_item_can_read_are_inactive():
    gate = MemoryGate(CONFIG)
    assert isinstance(gate.values, PartlyActive)
    assert gate.values.num_inactive() == (64 - 4 * 4) * 16
    assert MemoryValues(10, 16, num_read=16).num_inactive() == 0


def test_usage_counts_reads_and_best_slots_since_the_last_call():
    usage = Usage(8)
    assert isinstance(usage, Diagnosed)
    assert usage.diagnose() == {}
    look_ups = torch.tensor([[3, 1], [3, 0], [2, 1], [3, 7]])
    for half in look_ups.split(2):
        usage.count(half, torch.tensor([[0.5, -0.25], [1.0, -0.25]]))
    shares = [count / 8 for count in Counter(look_ups.flatten().tolist()).values()]
    assert usage.diagnose() == pytest.approx(
        {
            "usage": 5 / 8,
            "top1_usage": 2 / 8,
            "top1_load": 3 / 4,
            "entropy": -sum(share * math.log(share) for share in shares) / math.log(8),
            "gate": 0.5,
        }
    )
    assert usage.diagnose() == {}


def test_a_ranker_tells_the_usage_of_its_memories_from_training_alone():
    torch.manual_seed(0)
    model, batch = build_model("msn", "xs", DOMAINS), random_batch()
    model.eval()(batch)
    assert not any("usage" in name for name in model.diagnostics())
    ranking_loss(model.train()(batch), random_labels(batch)).backward()
    figures = model.diagnostics()
    (usage,) = (value for name, value in figures.items() if name.endswith("usage.usage"))
    assert 0 < usage <= 1
    assert "blocks.1.ffn.0.usage.gate" in figures


def test_the_look_ups_of_a_new_memory_spread_over_most_of_its_slots():
    torch.manual_seed(0)
    model, batch = build_model("msn", "xs", DOMAINS).train(), random_batch(sizes=(20,) * 10, num_ids=500)
    model(batch)
    figures = {name.rsplit(".", 1)[1]: value for name, value in model.diagnostics().items()}
    assert figures["usage"] > 0.8
    assert figures["entropy"] > 0.8
    assert figures["top1_load"] < 0.05


def test_senseless_configurations_are_refused():
    for change, message in (
        ({"num_tokens": 5}, "num_tokens=5 does not divide width=16"),
        ({"num_read": 9}, "num_read=9 must not exceed num_keys=8"),
        ({"num_keys": 0}, "num_keys=0 must be at least 1"),
        ({"num_memories": 3}, "num_memories=3 must lie in 0 to 2"),
    ):
        with pytest.raises(ValueError, match=message):
            replace(CONFIG, **change)
