"""What a user did before a request: the last actions of the daily sequence and those that became known since.

Served requests are encoded so. Training reads the same actions, in the same order, from the sequences that all samples
share (`uniscale.data.sequences`); a test holds both equal.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from uniscale.contracts.events import ACTIONS
from uniscale.contracts.inputs import HISTORY_IDS
from uniscale.features.encoding.columns import Array, column, flat, flat_integers, lists
from uniscale.features.encoding.hashing import hash_strings


def encode_histories(requests: pa.Table, asked_us: Array, length: int) -> dict[str, pa.Array]:
    """History inputs of each request: the actions that became known last, in the order in which they happened.

    An action counts if it was known before the request and had happened by then. The daily sequence holds what was
    known at its midnight (``history_known_until``), the fresh actions hold the rest, so each action counts once.

    Args:
        requests: Rows with the columns of ``user_sequences`` and ``user_fresh_actions``.
        asked_us: Request times in microseconds since 1970.
        length: Actions that are kept, at most.
    """
    daily, fresh = flat(requests, "history_items"), flat(requests, "fresh_items")
    acted_at = np.concatenate([flat_integers(requests, f"{part}_acted_at") for part in ("history", "fresh")])
    rows = np.concatenate([daily.rows, fresh.rows])
    known = np.concatenate([np.ones(len(daily.rows), bool), _is_new(requests, fresh.rows, asked_us)])
    seen = np.flatnonzero(known & (acted_at <= asked_us[rows] // 1_000_000))
    by_knowledge = seen[np.argsort(rows[seen], kind="stable")]  # fresh actions come after those of the sequence
    kept = by_knowledge[_is_recent(rows[by_knowledge], length)]
    kept = kept[as_they_happened(rows[kept], acted_at[kept])]
    of_row = rows[kept]
    num_rows = requests.num_rows
    taken = pa.array(kept)

    def both(name: str) -> pa.Array:
        parts = [column(requests, f"{part}_{name}").flatten() for part in ("history", "fresh")]
        return pa.concat_arrays([part.cast(pa.string()) for part in parts]).take(taken)

    return {
        **{
            one.name: lists(hash_strings(part.field, both(part.column)), of_row, num_rows)
            for one in HISTORY_IDS
            for part in one.parts
        },
        "history_actions": lists(action_numbers(both("actions")), of_row, num_rows),
        "history_domains": lists(both("domains"), of_row, num_rows),
        "history_hours": lists(hours_between(acted_at[kept], asked_us[of_row]), of_row, num_rows),
    }


def as_they_happened(rows: Array, acted_at: Array) -> Array:
    """Order that sorts the actions of each row by the second in which they happened; ties stay as they are."""
    return np.lexsort((acted_at, rows))


def hours_between(acted_at: Array, asked_us: Array) -> Array:
    """Hours from actions (seconds since 1970) to requests (microseconds), 32-bit floats."""
    return np.asarray((asked_us / 1e6 - acted_at) / 3600, dtype=np.float32)


def _is_new(requests: pa.Table, rows: Array, asked_us: Array) -> Array:
    """Per fresh action: known before the request, and not yet when the daily sequence was computed."""
    until = column(requests, "history_known_until").cast(pa.int64()).fill_null(0)
    known_at = flat_integers(requests, "fresh_known_at")
    return np.asarray((known_at >= until.to_numpy(zero_copy_only=False)[rows]) & (known_at < asked_us[rows]))


def _is_recent(rows: Array, length: int) -> Array:
    """Per element of ascending rows: whether it is among the last ones of its row."""
    ends = np.searchsorted(rows, rows, side="right")
    return np.asarray(ends - np.arange(len(rows)) <= length)


def action_numbers(names: pa.Array) -> Array:
    """1 for the first of ACTIONS and so on; 0 for a name that is none of them."""
    places = pc.fill_null(pc.add(pc.index_in(names, value_set=pa.array(ACTIONS)), 1), 0)
    return np.asarray(places.to_numpy(zero_copy_only=False), dtype=np.int32)
