"""Histories from sequences that are stored once per user: what a batch gets, how much is read, and what is refused."""

from dataclasses import fields

import numpy as np
import pyarrow.compute as pc
import pytest
import torch
from support_frames import DOMAINS, DS, actions_of, random_frames, write_frames

from uniscale.contracts.inputs import HISTORY_INPUTS, HISTORY_LENGTH
from uniscale.data.collate import collate, encode
from uniscale.data.frame_store import FrameStore
from uniscale.data.frames import read_frames
from uniscale.data.histories import read_histories

EVERY_ACTION = 1000


@pytest.fixture
def frames():
    """Frames that carry their histories, made action by action in Python."""
    return random_frames(120, seed=3).combine_chunks()


@pytest.fixture
def stored(lake, frames):
    """The same in a lake, with the length of a prefix only."""
    write_frames(lake, [frames])
    (records,) = read_frames(lake, [DS], "train")
    assert not {*HISTORY_INPUTS} & {*records.schema.names}
    return records


def test_a_request_sees_by_its_prefix_what_it_would_carry(lake, frames, stored):
    histories = read_histories(lake, [DS], "train", DOMAINS, HISTORY_LENGTH)
    carried = histories.carried(stored)
    for name in HISTORY_INPUTS:
        assert carried.column(name).to_pylist() == frames.column(name).to_pylist(), name
    batch, expected = collate(stored, DOMAINS, histories)[0], collate(frames, DOMAINS)[0]
    for field in fields(batch):
        torch.testing.assert_close(
            getattr(batch, field.name), getattr(expected, field.name), rtol=0, atol=0, equal_nan=True, msg=field.name
        )
    assert batch.history_items_RL.count_nonzero() > 1000


def test_a_shorter_history_holds_the_newest_actions(lake, frames, stored):
    short = collate(stored, DOMAINS, read_histories(lake, [DS], "train", DOMAINS, 20))[0]
    assert short.history_items_RL.shape == (120, 20)
    seen = 0
    for row, record in enumerate(frames.to_pylist()):
        known = [act for act in actions_of(record["user_id"]) if act["known_at"] < record["requested_at"]][-20:]
        hours = sorted((record["requested_at"] - act["acted_at"]).total_seconds() / 3600 for act in known)
        assert short.history_hours_RL[row, : len(hours)].tolist() == pytest.approx(hours, rel=1e-5, abs=1e-5)
        assert not short.history_actions_RL[row, len(hours) :].any()
        seen += len(hours) == 20
    assert seen > 20


def test_a_long_history_holds_every_action_and_is_as_wide_as_the_longest_of_its_batch(lake, frames, stored):
    histories = read_histories(lake, [DS], "train", DOMAINS, EVERY_ACTION)
    batch = collate(stored, DOMAINS, histories)[0]
    assert (batch.history_actions_RL > 0).sum(1).tolist() == frames.column("sequence_length").to_pylist()
    assert batch.history_items_RL.shape[1] == 128  # of at most 90 actions, in steps of 64
    few = collate(stored.take(np.flatnonzero(stored.column("sequence_length").to_numpy() < 30)), DOMAINS, histories)[0]
    assert few.history_items_RL.shape[1] == 64


def test_a_training_set_draws_its_histories_when_a_batch_is_made(lake, stored, tmp_path):
    histories = read_histories(lake, [DS], "train", DOMAINS, HISTORY_LENGTH)
    parts = [encode(stored.slice(start, 50), DOMAINS, histories) for start in range(0, 120, 50)]
    assert all(array.ndim == 1 for name, array in parts[0].requests.items() if name.startswith("history"))
    store = FrameStore(parts, tmp_path, histories)
    picked = np.array([7, 3, 119, 60])
    drawn, expected = store.select(picked), histories.unfold(encode(stored.take(picked), DOMAINS, histories))
    assert drawn.requests.keys() == expected.requests.keys()
    for name, array in drawn.requests.items():
        np.testing.assert_array_equal(array, expected.requests[name], err_msg=name)


def test_no_more_of_a_sequence_is_read_than_the_requests_see(lake, stored):
    few, all_of_them = (
        len(read_histories(lake, [DS], "train", DOMAINS, length)._behaviour.actions) for length in (1, EVERY_ACTION)
    )
    known = sum(max(row["sequence_length"] for row in rows) for rows in _by_user(stored).values())
    assert all_of_them >= known
    assert few < all_of_them / 3


def _by_user(records):
    found = {}
    for row in records.select(["user_id", "sequence_length"]).to_pylist():
        found.setdefault(row["user_id"], []).append(row)
    return found


def test_frames_without_histories_and_histories_of_other_frames_are_refused(lake, stored):
    with pytest.raises(ValueError, match="frames hold no histories; read those of their days"):
        collate(stored, DOMAINS)
    of_none = read_histories(lake, [DS.replace(day=25)], "train", DOMAINS, HISTORY_LENGTH)
    with pytest.raises(KeyError, match="has no sequence"):
        collate(stored, DOMAINS, of_none)
    histories = read_histories(lake, [DS], "train", DOMAINS, HISTORY_LENGTH)
    seen = stored.filter(stored.column("sequence_length").to_numpy() > 0)
    place = seen.schema.get_field_index("sequence_length")
    longer = seen.set_column(place, "sequence_length", pc.add(seen.column("sequence_length"), 500))
    with pytest.raises(KeyError, match="longer than the sequence that was read"):
        histories.prefixes(longer)


def test_requests_without_any_action_have_empty_histories(lake, frames, stored):
    nobody = stored.take(np.flatnonzero(stored.column("sequence_length").to_numpy() == 0))
    assert nobody.num_rows
    batch = collate(nobody, DOMAINS, read_histories(lake, [DS], "train", DOMAINS, EVERY_ACTION))[0]
    assert batch.history_items_RL.shape == (nobody.num_rows, 64)
    assert not batch.history_actions_RL.any() and not batch.history_hours_RL.any()
