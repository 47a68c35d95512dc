"""Layouts that sort, pad or split items give back what they took."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from uniscale.models.common.layout import RequestLayout
from uniscale.models.common.routing import DomainBuckets

owners = st.lists(st.integers(0, 4), max_size=30).map(lambda values: torch.tensor(values, dtype=torch.long))


@settings(max_examples=60, deadline=None)
@given(owners)
def test_unpadding_undoes_padding(request_of_item):
    layout = RequestLayout(request_of_item, 5)
    x = torch.randn(len(request_of_item), 3)
    padded = layout.pad(x)
    assert padded.shape == (5, layout.num_places, 3)
    assert torch.equal(layout.unpad(padded), x)
    assert int((padded.abs().sum(2) > 0).sum()) == len(x)


@settings(max_examples=60, deadline=None)
@given(owners)
def test_each_padded_row_holds_the_items_of_its_request_in_order(request_of_item):
    layout = RequestLayout(request_of_item, 5)
    numbers = torch.arange(1, len(request_of_item) + 1).unsqueeze(1)
    padded = layout.pad(numbers).squeeze(2)
    for request in range(5):
        mine = numbers[request_of_item == request].squeeze(1).tolist()
        assert padded[request].tolist() == mine + [0] * (layout.num_places - len(mine))


@settings(max_examples=60, deadline=None)
@given(owners)
def test_buckets_hold_the_items_of_their_domain_and_join_to_the_input(domain):
    buckets = DomainBuckets(domain, 5)
    x = torch.randn(len(domain), 2)
    parts = buckets.split(x)
    for index, part in enumerate(parts):
        assert torch.equal(part, x[domain == index])
    assert torch.equal(buckets.join(parts), x)
