"""Turn what a slot holds into a generation: what changed is written, what is gone is deleted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
from feast import FeatureStore, FeatureView

from uniscale.contracts.literals import quoted_file
from uniscale.features.online.bulk import bulk_store
from uniscale.features.online.generations import Generation, changed_rows, gone_keys, same_columns
from uniscale.features.online.protos import encode_values
from uniscale.features.online.slots import Written
from uniscale.features.repo import daily_views

BATCH = 5_000
"""Rows written at once: bounds what is held in memory, and how long a push waits for the database."""

Advance = Callable[[str, int, int], None]
"""Told while a slot is written: view, rows done now, rows to write in all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SlotFiller:
    """Writes one slot.

    Attributes:
        store: Feast, opened at the slot's project.
        advance: Told how far the writing is.
    """

    store: FeatureStore
    advance: Advance

    def fill(self, con: duckdb.DuckDBPyConnection, generation: Generation, old: Path | None) -> dict[str, Written]:
        """Bring the slot to a generation; what it holds counts as unknown from the first write to the last.

        Args:
            con: A connection for temporary tables.
            generation: What the slot is to hold.
            old: Folder of the generation that it holds, or None if that is unknown: then it is emptied first.

        Returns:
            What was done, by view.
        """
        online, config = bulk_store(self.store), self.store.config
        if old is not None and not same_columns(con, old, generation.folder):
            old = None
        if old is None:
            online.clear(config, self.store.list_feature_views())
        online.hold(config, None)
        written = {}
        for view in daily_views(self.store):
            new = generation.file(view.name)
            deleted, changed = 0, f"from {quoted_file(new)}"
            if old is not None:
                gone = con.execute(gone_keys(view.join_keys, old / new.name, new)).to_arrow_table()
                deleted = online.delete_keys(config, view, gone) if gone.num_rows else 0
                rows = changed_rows(view.join_keys, old / new.name, new)
                con.execute(f"create or replace temp table changed as {rows}")
                changed = "from temp.changed"
            count = self._write(con, view, changed)
            written[view.name] = Written(rows=generation.rows[view.name], written=count, deleted=deleted)
        online.hold(config, generation.name)
        return written

    def _write(self, con: duckdb.DuckDBPyConnection, view: FeatureView, changed: str) -> int:
        """Write the rows of a query in batches; returns their number."""
        (total,) = con.execute(f"select count(*) {changed}").fetchone() or (0,)
        done = 0
        for batch in con.execute(changed).to_arrow_reader(BATCH):
            values = {feature.name: encode_values(batch.column(feature.name)) for feature in view.features}
            bulk_store(self.store).write_rows(self.store.config, view, pa.Table.from_batches([batch]), values)
            done += batch.num_rows
            self.advance(view.name, done, total)
        return done
