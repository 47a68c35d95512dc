"""Every request once per epoch, whatever the number of workers; the same batches for the same seed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support_frames import DOMAINS, random_frames

from uniscale.data.collate import encode
from uniscale.data.frame_store import FrameStore
from uniscale.data.loader import Loader, LoaderState

NUM_REQUESTS = 53


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return FrameStore([encode(random_frames(NUM_REQUESTS), DOMAINS)], tmp_path_factory.mktemp("spill"))


def users_of(step):
    return [user for batch, _ in step.micro_batches for user in batch.user_R.tolist()]


def _users(loader, position):
    """Per step, who asked: the fixture gives every request its own user."""
    return [users_of(step) for step in loader.epoch(position)]


@given(batch=st.integers(1, 60), world=st.integers(1, 5), epoch=st.integers(0, 3))
@hypothesis_settings(max_examples=60, deadline=None)
def test_workers_cover_every_request_once_up_to_the_stated_rest(store, batch, world, epoch):
    batch = max(batch, world)
    ranks = [
        _users(Loader(store, batch_requests=batch, seed=3, rank=rank, world_size=world), LoaderState(epoch=epoch))
        for rank in range(world)
    ]
    assert len({len(steps) for steps in ranks}) == 1
    assert all(users for steps in ranks for users in steps)
    seen = [user for steps in ranks for users in steps for user in users]
    rest = NUM_REQUESTS % batch
    assert len(seen) == len(set(seen)) == NUM_REQUESTS - (rest if rest < world else 0)


@given(batch=st.integers(2, 20), world=st.integers(1, 2))
@hypothesis_settings(max_examples=20, deadline=None)
def test_the_global_batch_does_not_depend_on_the_number_of_workers(store, batch, world):
    alone = Loader(store, batch_requests=batch, seed=3)
    steps = [
        list(Loader(store, batch_requests=batch, seed=3, rank=rank, world_size=world).epoch(LoaderState()))
        for rank in range(world)
    ]
    for place, whole in enumerate(list(alone.epoch(LoaderState()))[: len(steps[0])]):
        parts = [rank[place] for rank in steps]
        assert {user for part in parts for user in users_of(part)} == set(users_of(whole))
        assert {(part.weight, part.num_items, part.domains) for part in parts} == {
            (whole.weight, whole.num_items, whole.domains)
        }
        assert sum(labels.weight_N.sum().item() for part in parts for _, labels in part.micro_batches) == pytest.approx(
            whole.weight, rel=1e-5
        )


@given(batch=st.integers(3, 40), world=st.integers(1, 3), part=st.integers(1, 12))
@hypothesis_settings(max_examples=30, deadline=None)
def test_parts_hold_a_rank_s_requests_and_every_rank_has_as_many(store, batch, world, part):
    whole, cut = (
        [
            list(
                Loader(store, batch_requests=batch, seed=3, rank=rank, world_size=world, micro_batch=size).epoch(
                    LoaderState()
                )
            )
            for rank in range(world)
        ]
        for size in (None, part)
    )
    for place in range(len(whole[0])):
        assert len({len(rank[place].micro_batches) for rank in cut}) == 1
        for rank in range(world):
            assert users_of(cut[rank][place]) == users_of(whole[rank][place])
            assert all(1 <= len(requests.domain_R) <= part + 1 for requests, _ in cut[rank][place].micro_batches)


def test_the_same_seed_gives_the_same_batches_and_another_seed_or_epoch_gives_others(store):
    first = _users(Loader(store, batch_requests=8, seed=3), LoaderState())
    assert _users(Loader(store, batch_requests=8, seed=3), LoaderState()) == first
    assert _users(Loader(store, batch_requests=8, seed=4), LoaderState()) != first
    assert _users(Loader(store, batch_requests=8, seed=3), LoaderState(epoch=1)) != first


@given(step=st.integers(0, 6))
@hypothesis_settings(max_examples=7, deadline=None)
def test_an_epoch_taken_up_at_a_step_gives_the_remaining_batches(store, step):
    loader = Loader(store, batch_requests=8, seed=3)
    assert _users(loader, LoaderState(epoch=2, step=step)) == _users(loader, LoaderState(epoch=2))[step:]


def test_positions_lead_from_step_to_step_and_into_the_next_epoch(store):
    steps = list(Loader(store, batch_requests=20, seed=3).epoch(LoaderState(epoch=1)))
    assert [step.after for step in steps] == [
        LoaderState(epoch=1, step=1),
        LoaderState(epoch=1, step=2),
        LoaderState(epoch=2, step=0),
    ]


def test_the_sample_for_statistics_is_the_same_on_every_worker(store):
    samples = [Loader(store, batch_requests=8, seed=3, rank=rank, world_size=2).sample(10) for rank in (0, 1)]
    assert samples[0].user_R.tolist() == samples[1].user_R.tolist()
    assert len(np.unique(samples[0].user_R)) == 10


@pytest.mark.parametrize(("batch", "world"), [(1, 2), (100, 54)])
def test_more_workers_than_requests_are_refused(store, batch, world):
    with pytest.raises(ValueError, match=str(world)):
        Loader(store, batch_requests=batch, seed=3, world_size=world)
