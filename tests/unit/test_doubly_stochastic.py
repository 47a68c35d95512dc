"""Sinkhorn's matrices and the figures that describe them."""

import math

import pytest
import torch

from uniscale.models.common.doubly_stochastic import effective_rank, row_entropy, sinkhorn, symmetric


def sinkhorn_by_hand(logits, num_iterations):
    x = torch.exp(logits.double())
    for _ in range(num_iterations):
        x = x / x.sum(0, keepdim=True)
        x = x / x.sum(1, keepdim=True)
    return x.float()


@pytest.mark.parametrize("num_iterations", [1, 3, 20])
def test_columns_and_rows_are_normalised_in_turn_rows_last(num_iterations):
    logits = torch.randn(3, 5, 5)
    expected = torch.stack([sinkhorn_by_hand(x, num_iterations) for x in logits])
    torch.testing.assert_close(sinkhorn(logits, num_iterations=num_iterations), expected)


@pytest.mark.parametrize("size", [6, 128])
def test_rows_and_columns_sum_to_one_and_a_symmetric_input_stays_symmetric(size):
    torch.manual_seed(0)
    matrix = sinkhorn(symmetric(torch.randn(4, size, size)), num_iterations=20)
    ones = torch.ones(4, size)
    torch.testing.assert_close(matrix.sum(-1), ones)
    torch.testing.assert_close(matrix.sum(-2), ones)
    torch.testing.assert_close(matrix, matrix.transpose(-1, -2))


def test_a_low_temperature_gives_the_permutation_with_the_largest_logits():
    torch.manual_seed(0)
    order = torch.tensor([2, 1, 0, 4, 3])
    logits = 2 * torch.eye(5)[order] + 0.1 * torch.randn(5, 5)
    matrix = sinkhorn(symmetric(logits) / 0.02, num_iterations=20)
    torch.testing.assert_close(matrix, torch.eye(5)[order], rtol=0, atol=1e-4)


def test_logits_far_beyond_what_an_exponential_holds_stay_finite_with_their_gradient():
    logits = (1000 * torch.randn(8, 8)).requires_grad_()
    matrix = sinkhorn(logits, num_iterations=20)
    (matrix * torch.randn(8, 8)).sum().backward()
    torch.testing.assert_close(matrix.sum(1), torch.ones(8))
    assert torch.isfinite(logits.grad).all()


def test_averaging_has_rank_one_and_full_entropy_a_permutation_full_rank_and_none():
    mean, permutation = torch.full((6, 6), 1 / 6), torch.eye(6)[torch.randperm(6)]
    both = torch.stack([mean, permutation])
    torch.testing.assert_close(effective_rank(both), torch.tensor([1.0, 6.0]), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(row_entropy(both), torch.tensor([math.log(6), 0.0]))
