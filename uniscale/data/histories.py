"""What users did before their requests, as arrays: from the sequences that all requests of a user share.

Nothing is copied per request until a batch is made: a request keeps where its prefix ends and how long it is. So memory
grows with actions, not with requests times the length of a history.

Letters: R requests, L history length, A actions of all users.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from uniscale.batch.arrays import Array, Encoded
from uniscale.contracts.frames import FRAMES
from uniscale.contracts.inputs import HISTORY_IDS, HISTORY_INPUTS
from uniscale.contracts.literals import in_days, quoted
from uniscale.contracts.sequences import AS_OF_THE_DAY_BEFORE, COLUMN_OF, SEQUENCES
from uniscale.data.behaviour import Behaviour, read_behaviour
from uniscale.features.encoding.columns import column, lists
from uniscale.features.encoding.hashing import hash_strings
from uniscale.features.encoding.history import action_numbers, as_they_happened, hours_between
from uniscale.lake import Lake
from uniscale.lake.lake import table_has

PREFIX = ("history_end_R", "history_length_R", "asked_us_R")
"""What stands for a history until a batch is made: the place after its newest action, its actions, the request time."""

_STEP = 64
"""Longer histories than this are cut to the longest one of a batch, in steps of as many: few shapes, little padding."""

_DAY_US = 86_400_000_000


class Histories:
    """The actions that some requests may see, encoded, each once."""

    def __init__(self, behaviour: Behaviour, domains: Sequence[str], length: int) -> None:
        """Encode.

        Args:
            behaviour: The actions.
            domains: The model's domain list.
            length: Newest actions of a request that a ranker reads.
        """
        self.length = length
        self._behaviour = behaviour
        self._domains = pa.array(domains, pa.string())

    def prefixes(self, frames: pa.RecordBatch | pa.Table) -> dict[str, Array]:
        """Where the histories of some requests lie, by the names of `PREFIX`.

        Args:
            frames: With ``user_id``, ``sequence_length`` and ``requested_at``.

        Raises:
            KeyError: These are not the requests whose actions are held.
        """
        table = pa.table({name: frames.column(name) for name in ("user_id", "sequence_length", "requested_at")})
        lengths_R = column(table, "sequence_length").to_numpy()
        asked = column(table, "requested_at").cast(pa.timestamp("us")).cast(pa.int64())
        return {
            "history_end_R": self._behaviour.ends(column(table, "user_id"), lengths_R),
            "history_length_R": np.minimum(lengths_R, self.length).astype(np.int32),
            "asked_us_R": np.asarray(asked),
        }

    def unfold(self, encoded: Encoded) -> Encoded:
        """The same requests with their histories: newest action first, padded with 0 at the end.

        Args:
            encoded: With the arrays of `PREFIX`.
        """
        prefixes = {name: encoded.requests[name] for name in PREFIX}
        row_X, place_X = self._actions_of(prefixes)
        length_R = prefixes["history_length_R"]
        shape = (len(length_R), _width(length_R, self.length))
        newest_first_X = np.cumsum(length_R)[row_X] - 1 - np.arange(len(row_X))
        tensors = {one.name: one.tensor for one in HISTORY_IDS}
        values = self._values(place_X, prefixes["asked_us_R"][row_X])
        values["history_domains"] = self._domains_A[place_X]
        matrices: dict[str, Array] = {}
        for name, value_X in values.items():
            matrix_RL = np.zeros(shape, value_X.dtype)
            matrix_RL[row_X, newest_first_X] = value_X
            matrices[tensors.get(name, f"{name}_RL")] = matrix_RL
        kept = {name: value for name, value in encoded.requests.items() if name not in PREFIX}
        return Encoded(requests=kept | matrices, items=encoded.items, offsets=encoded.offsets)

    def carried(self, frames: pa.RecordBatch | pa.Table) -> pa.Table:
        """Frames with histories of their own (`HISTORY_INPUTS`), as served requests have them.

        For a ranker that scores them where the sequences are not at hand, such as one that MLflow has loaded.
        """
        prefixes = self.prefixes(frames)
        row_X, place_X = self._actions_of(prefixes)
        values = self._values(place_X, prefixes["asked_us_R"][row_X])
        values["history_domains"] = column(self._behaviour.actions, "domains").take(pa.array(place_X))
        table = frames if isinstance(frames, pa.Table) else pa.Table.from_batches([frames])
        for name in HISTORY_INPUTS:
            table = table.append_column(name, lists(values[name], row_X, table.num_rows))
        return table

    def _actions_of(self, prefixes: Mapping[str, Array]) -> tuple[Array, Array]:
        """Request and place of each action, request by request, in the order in which they happened."""
        end_R, length_R = prefixes["history_end_R"], prefixes["history_length_R"]
        row_X = np.repeat(np.arange(len(length_R)), length_R)
        place_X = np.arange(len(row_X)) + np.repeat(end_R - np.cumsum(length_R), length_R)
        return row_X, place_X[as_they_happened(row_X, self._acted_at_A[place_X])]

    def _values(self, place_X: Array, asked_us_X: Array) -> dict[str, Array]:
        """What stands at some places for requests at some times, by `HISTORY_INPUTS`; domains apart."""
        # What an item was: known at the day's end for later requests, at its begin for those of the day.
        is_of_today_X = self._known_day_A[place_X] >= asked_us_X // _DAY_US
        return {
            **{
                name: np.where(is_of_today_X, self._fresh_ids[name][place_X], ids_A[place_X])
                if name in self._fresh_ids
                else ids_A[place_X]
                for name, ids_A in self._ids.items()
            },
            "history_actions": self._actions_A[place_X],
            "history_hours": hours_between(self._acted_at_A[place_X], asked_us_X),
        }

    @cached_property
    def _ids(self) -> Mapping[str, Array]:
        return {
            one.name: hash_strings(part.field, column(self._behaviour.actions, COLUMN_OF[part.column]))
            for one in HISTORY_IDS
            for part in one.parts
        }

    @cached_property
    def _fresh_ids(self) -> Mapping[str, Array]:
        return {
            one.name: hash_strings(
                part.field, column(self._behaviour.actions, AS_OF_THE_DAY_BEFORE[COLUMN_OF[part.column]])
            )
            for one in HISTORY_IDS
            for part in one.parts
            if COLUMN_OF[part.column] in AS_OF_THE_DAY_BEFORE
        }

    @cached_property
    def _actions_A(self) -> Array:  # noqa: N802 - named as arrays are
        return action_numbers(column(self._behaviour.actions, "actions")).astype(np.int8)

    @cached_property
    def _domains_A(self) -> Array:  # noqa: N802
        numbers = domain_numbers(column(self._behaviour.actions, "domains"), self._domains)
        return np.asarray(numbers.to_numpy(zero_copy_only=False), dtype=np.int8)

    @cached_property
    def _acted_at_A(self) -> Array:  # noqa: N802
        return _microseconds(self._behaviour.actions, "acted_at") // 1_000_000

    @cached_property
    def _known_day_A(self) -> Array:  # noqa: N802
        return (_microseconds(self._behaviour.actions, "known_at") // _DAY_US).astype(np.int32)


def read_histories(
    lake: Lake,
    days: Sequence[date],
    split: str,
    domains: Sequence[str],
    length: int,
    *,
    snapshot_id: int | None = None,
) -> Histories:
    """The actions that the frames of some days may see.

    Args:
        lake: The lake.
        days: UTC days of the requests.
        split: ``train`` or ``eval``.
        domains: The model's domain list.
        length: Newest actions of a request that a ranker reads.
        snapshot_id: Lake snapshot to read, that of the frames; default the newest.
    """
    prefixes = f"from lake.{FRAMES.qualified} where {in_days(days)} and split = {quoted(split)}"
    with lake.read(snapshot_id) as con:
        if not table_has(con, FRAMES) or not table_has(con, SEQUENCES):
            return Histories(Behaviour.of_nobody(), domains, length)
        return Histories(read_behaviour(con, prefixes, at_most=length), domains, length)


def domain_numbers(names: pa.Array, domains: pa.Array) -> pa.Array:
    """1 for the first of the domains and so on; 0 for one that is none of them."""
    return pc.fill_null(pc.add(pc.index_in(names, value_set=domains), 1), 0)


def _width(length_R: Array, most: int) -> int:
    """Actions that a batch has room for."""
    longest = int(length_R.max(initial=0))
    return most if most <= _STEP else min(most, max(-(-longest // _STEP), 1) * _STEP)


def _microseconds(actions: pa.Table, name: str) -> Array:
    return np.asarray(column(actions, name).cast(pa.timestamp("us")).cast(pa.int64()))
