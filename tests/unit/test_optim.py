"""Row-wise Adagrad against a dense reference, and the warm-up."""

from copy import deepcopy
from itertools import pairwise

import torch

from uniscale.training.optim import Optimisers, RowWiseAdagrad


def _reference(weight, gradients, rate, eps):
    """Row-wise Adagrad with dense tensors, one row after the other."""
    weight, totals = weight.clone(), torch.zeros(weight.shape[0])
    for grad in gradients:
        for row in range(weight.shape[0]):
            if grad[row].any():
                totals[row] += (grad[row] ** 2).sum() / weight.shape[1]
                weight[row] -= rate * grad[row] / (totals[row].sqrt() + eps)
    return weight


def _lookups(seed):
    generator = torch.Generator().manual_seed(seed)
    # Rows repeat within a batch and row 0 never appears.
    rows = torch.randint(1, 10, (25,), generator=generator)
    return rows, torch.randn(25, 4, generator=generator)


def test_row_wise_adagrad_equals_a_dense_reference():
    table = torch.nn.Parameter(torch.randn(10, 4, generator=torch.Generator().manual_seed(0)))
    before = table.detach().clone()
    optimiser, dense = RowWiseAdagrad([table], lr=0.1), []
    for seed in range(5):
        rows, factors = _lookups(seed)
        found = torch.nn.functional.embedding(rows, table, sparse=True)
        (found * factors).sum().backward()
        assert table.grad.is_sparse
        dense.append(table.grad.to_dense())
        optimiser.step()
        optimiser.zero_grad()
    torch.testing.assert_close(table.detach(), _reference(before, dense, 0.1, 1e-8))
    assert torch.equal(table[0].detach(), before[0])
    assert not torch.equal(table[1].detach(), before[1])


def test_a_dense_gradient_moves_a_table_like_the_same_sparse_one():
    rows, factors = _lookups(1)
    tables = []
    for sparse in (True, False):
        table = torch.nn.Parameter(torch.ones(10, 4))
        (torch.nn.functional.embedding(rows, table, sparse=sparse) * factors).sum().backward()
        RowWiseAdagrad([table], lr=0.1).step()
        tables.append(table.detach())
    torch.testing.assert_close(*tables)


def test_a_zero_gradient_leaves_a_row_finite():
    table = torch.nn.Parameter(torch.ones(3, 2))
    table.grad = torch.sparse_coo_tensor([[0]], torch.zeros(1, 2), (3, 2), check_invariants=True)
    RowWiseAdagrad([table], lr=0.1).step()
    assert torch.equal(table.detach(), torch.ones(3, 2))


def _first_moves(warmup_steps, steps):
    weight, table = torch.nn.Parameter(torch.zeros(1)), torch.nn.Parameter(torch.zeros(2, 2))
    both = Optimisers([table], [weight], embedding_rate=1.0, dense_rate=1.0, warmup_steps=warmup_steps)
    places = [0.0]
    for step in range(steps):
        weight.grad = torch.ones(1)
        both.step(step)
        places.append(weight.item())
    return [round(a - b, 3) for a, b in pairwise(places)]


def test_rates_rise_linearly_over_the_warm_up():
    # Adam moves by its rate while the gradient stays the same.
    assert _first_moves(4, 6) == [0.2, 0.4, 0.6, 0.8, 1.0, 1.0]
    assert _first_moves(0, 2) == [1.0, 1.0]


def _both(values):
    weight, table = torch.nn.Parameter(torch.zeros(1)), torch.nn.Parameter(values.clone())
    return weight, table, Optimisers([table], [weight], embedding_rate=0.1, dense_rate=0.1, warmup_steps=0)


def _advance(weight, table, both, step):
    weight.grad, table.grad = torch.ones(1) * step, torch.ones(2, 2) * step
    both.step(step)


def test_restored_optimisers_go_on_as_if_nothing_had_happened():
    weight, table, both = _both(torch.zeros(2, 2))
    _advance(weight, table, both, 1)
    other_weight, other_table, other = _both(table.detach())
    other.restore(deepcopy(both.state()))
    with torch.no_grad():
        other_weight.copy_(weight)
    for parts in ((weight, table, both), (other_weight, other_table, other)):
        _advance(*parts, 2)
    assert torch.equal(weight, other_weight)
    assert torch.equal(table, other_table)
