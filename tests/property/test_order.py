"""Batches with set shares of the domains, and batches made ahead."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uniscale.data.prefetch import prefetch
from uniscale.data.sampler import SharesSampler

DOMAIN = np.array([0] * 50 + [1] * 7 + [2] * 20)


def batches(num_steps, shares, size, *, epoch=0, seed=3):
    order = SharesSampler(DOMAIN, shares, size, seed, epoch)
    return [order.batch(step) for step in range(num_steps)]


@settings(max_examples=60, deadline=None)
@given(first=st.floats(0, 1), second=st.floats(0, 1), size=st.integers(6, 40), num_steps=st.integers(1, 25))
def test_a_domain_keeps_its_share_over_any_number_of_batches(first, second, size, num_steps):
    low, high = sorted((first, second))
    shares = {0: low, 1: high - low, 2: 1 - high}
    given_ = batches(num_steps, shares, size)
    for domain, share in shares.items():
        count = sum(int((DOMAIN[batch] == domain).sum()) for batch in given_)
        assert abs(count - share * size * num_steps) < 1.01
    assert all(abs(len(batch) - size) <= 3 for batch in given_)


def test_a_domain_comes_round_whole_before_any_request_of_it_comes_again():
    small = np.concatenate([batch[DOMAIN[batch] == 1] for batch in batches(14, {0: 0.5, 1: 0.5}, 8)])
    assert len(small) == 56
    for lap in range(8):
        assert sorted(small[lap * 7 : lap * 7 + 7]) == list(range(50, 57))


def test_the_batch_of_a_step_does_not_depend_on_the_steps_before_it():
    shares = {0: 0.3, 1: 0.3, 2: 0.4}
    whole = batches(20, shares, 10)
    for step in (0, 7, 19):
        alone = SharesSampler(DOMAIN, shares, 10, 3, 0).batch(step)
        assert alone.tolist() == whole[step].tolist()
    assert batches(1, shares, 10, epoch=1)[0].tolist() != whole[0].tolist()


def test_a_share_of_a_domain_without_requests_is_refused():
    with pytest.raises(ValueError, match=r"domain 5 has a share of 0\.5, but no training request"):
        SharesSampler(DOMAIN, {0: 0.5, 5: 0.5}, 8, 3, 0)


@given(st.lists(st.integers(), max_size=30), st.integers(0, 4))
@settings(max_examples=40, deadline=None)
def test_what_is_made_ahead_comes_in_the_same_order(items, depth):
    assert list(prefetch(iter(items), depth)) == items


def test_no_more_is_made_ahead_than_asked_for_and_the_thread_ends_with_the_iterator():
    made = []

    def make():
        for number in range(100):
            made.append(number)
            yield number

    before = threading.active_count()
    ahead = prefetch(make(), 3)
    assert next(ahead) == 0
    ahead.close()
    assert len(made) <= 6
    assert threading.active_count() == before


def test_an_error_while_a_batch_is_made_comes_where_the_batch_would_have_come():
    def make():
        yield 1
        raise ValueError("a broken row")

    ahead = prefetch(make(), 2)
    assert next(ahead) == 1
    with pytest.raises(ValueError, match="a broken row"):
        next(ahead)
