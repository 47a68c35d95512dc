"""The gradient of a table: each row once, and the same numbers as PyTorch's own."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from uniscale.models.common.embeddings import Embeddings, LookUp
from uniscale.models.common.sparse import merged, train_rows

NUM_ROWS, WIDTH = 9, 4


def gradients(bags, seed):
    """Of a table whose rows are read in bags: ours, and PyTorch's dense one."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.tensor([row for bag in bags for row in bag], dtype=torch.int64)
    offsets = torch.tensor([sum(map(len, bags[:place])) for place in range(len(bags))])
    weights = torch.rand(len(rows), generator=generator) * (rows > 0)
    factors = torch.randn(len(bags), WIDTH, generator=generator)
    ours, theirs = (torch.ones(NUM_ROWS, WIDTH, requires_grad=True) for _ in range(2))
    options = {"mode": "sum", "per_sample_weights": weights}
    read = functional.embedding_bag(rows, ours.detach(), offsets, **options)
    found = train_rows(read, ours, rows, offsets, weights)
    expected = functional.embedding_bag(rows, theirs, offsets, **options)
    assert torch.equal(found, expected)
    for sums in (found, expected):
        (sums * factors).sum().backward()
    return ours.grad, theirs.grad


BAGS = st.lists(st.lists(st.integers(0, NUM_ROWS - 1), max_size=6), min_size=1, max_size=12)


@settings(deadline=None)
@given(BAGS, st.integers(0, 2**20))
def test_rows_get_the_gradient_that_pytorch_computes(bags, seed):
    ours, theirs = gradients(bags, seed)
    torch.testing.assert_close(ours.to_dense(), theirs)


@settings(deadline=None)
@given(BAGS, st.integers(0, 2**20))
def test_a_gradient_has_each_known_row_once_in_ascending_order(bags, seed):
    ours, _ = gradients(bags, seed)
    assert ours._indices()[0].tolist() == sorted({row for bag in bags for row in bag} - {0})


@settings(deadline=None)
@given(st.lists(st.integers(0, NUM_ROWS - 1), max_size=20))
def test_merging_adds_up_what_a_row_has_more_than_once(rows):
    values = torch.randn(len(rows), WIDTH, generator=torch.Generator().manual_seed(1))
    grad = torch.sparse_coo_tensor(torch.tensor([rows]).long(), values, (NUM_ROWS, WIDTH), check_invariants=True)
    found, sums = merged(grad)
    assert found.tolist() == sorted(set(rows))
    torch.testing.assert_close(sums, grad.to_dense()[found])


def test_parts_of_a_batch_add_up_to_the_gradient_of_the_whole():
    torch.manual_seed(0)
    tables = Embeddings({"a": 6, "b": 5}, WIDTH)
    ids, words, factors = torch.randint(0, 50, (8,)), torch.randint(0, 50, (8, 3)), torch.randn(2, 8, WIDTH)

    def gradient(parts):
        tables.weight.grad = None
        for place in parts:
            look_ups = [LookUp(table="a", ids=ids[place]), LookUp(table="b", ids=words[place], is_bag=True)]
            sum((v * f).sum() for v, f in zip(tables(look_ups), factors[:, place], strict=True)).backward()
        return tables.weight.grad.to_dense()

    torch.testing.assert_close(gradient([slice(0, 5), slice(5, 8)]), gradient([slice(0, 8)]))


@pytest.mark.parametrize("threads", [1, 2])
def test_gradients_are_the_same_bits_each_time(threads):
    rows = torch.randint(1, NUM_ROWS, (5000,), generator=torch.Generator().manual_seed(2))
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        first, second = (gradients([[row] for row in rows.tolist()], 3)[0] for _ in range(2))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(first._values(), second._values())
