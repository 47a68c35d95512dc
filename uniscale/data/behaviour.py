"""Reading behaviour sequences: the actions that some requests may see, each once, whatever the number of requests."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from uniscale.contracts.sequences import SEQUENCES

LISTS = tuple(column.name for column in SEQUENCES.columns if column.type.endswith("[]"))
"""Columns of a sequence that run over its actions."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Behaviour:
    """The actions of some users that requests see, end to end.

    Attributes:
        users: Users, sorted, [U].
        offsets: First action of each user, and their number at the end, [U + 1].
        skipped: Actions of each user that came earlier and are not held, [U].
        actions: The columns of `LISTS`, one row per action, in the order in which they became known.
    """

    users: pa.Array
    offsets: npt.NDArray[np.int64]
    skipped: npt.NDArray[np.int64]
    actions: pa.Table

    @staticmethod
    def of_nobody() -> Behaviour:
        """No actions."""
        moments = dict.fromkeys(("known_at", "acted_at"), pa.timestamp("us"))
        return Behaviour(
            users=pa.array([], pa.string()),
            offsets=np.zeros(1, np.int64),
            skipped=np.zeros(0, np.int64),
            actions=pa.table({name: pa.array([], moments.get(name, pa.string())) for name in LISTS}),
        )

    def ends(self, user_ids: pa.Array, lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Where the prefix of each request ends: the place in ``actions`` after its newest one, [N].

        Args:
            user_ids: User of each request, [N].
            lengths: Its ``sequence_length``, [N].

        Raises:
            KeyError: A request has a prefix that is not held.
        """
        places = pc.index_in(user_ids, value_set=self.users)
        if pc.any(pc.and_(pc.is_null(places), pa.array(lengths > 0))).as_py():
            raise KeyError("a request's user has no sequence; read the sequences of these requests")
        if not len(self.users):
            return np.zeros(len(lengths), np.int64)
        user_N = pc.fill_null(places, 0).to_numpy(zero_copy_only=False)
        ends_N = np.asarray(self.offsets[user_N] + lengths - self.skipped[user_N])
        if np.any((ends_N > self.offsets[user_N + 1]) & (lengths > 0)):
            raise KeyError("a request's prefix is longer than the sequence that was read; read those of these requests")
        return ends_N


def read_behaviour(con: duckdb.DuckDBPyConnection, prefixes: str, *, at_most: int) -> Behaviour:
    """Read what some requests see of their users' sequences.

    Args:
        con: An open lake connection.
        prefixes: Query with ``user_id`` and ``sequence_length``, one row per request.
        at_most: Newest actions of a prefix that are asked for.
    """
    columns = ", ".join(f"unnest({name}) as {name}" for name in LISTS)
    table = con.execute(
        f"""
        with asked as (
            select
                user_id,
                greatest(min(sequence_length) - $at_most, 0) as first,
                max(sequence_length) as last
            from ({prefixes})
            group by user_id
        ),
        held as (
            select sequences.*, num_known - len(item_ids) as num_before
            from lake.{SEQUENCES.qualified} as sequences
            inner join asked
                on sequences.user_id = asked.user_id
                and sequences.num_known > asked.first and sequences.num_known - len(sequences.item_ids) < asked.last
        )
        select user_id, num_before, {columns} from (from held order by user_id, num_known)
        """,
        {"at_most": at_most},
    ).to_arrow_table()
    encoded = table.column("user_id").combine_chunks().dictionary_encode()
    counts = np.bincount(encoded.indices.to_numpy(), minlength=len(encoded.dictionary))
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    return Behaviour(
        users=encoded.dictionary,
        offsets=offsets,
        skipped=table.column("num_before").to_numpy()[offsets[:-1]],
        actions=table.select(LISTS),
    )
