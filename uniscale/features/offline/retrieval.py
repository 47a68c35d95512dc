"""A retrieval that has been asked for but not yet run; it can stay inside DuckDB or leave as Arrow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
from feast import OnDemandFeatureView
from feast.infra.offline_stores.offline_store import RetrievalJob, RetrievalMetadata

from uniscale.features.offline.asof import join_to_arrow, join_to_table
from uniscale.features.offline.versions import ViewSpec
from uniscale.lake import Lake

DEFAULT_TIMESTAMP = "event_timestamp"


@dataclass(frozen=True, kw_only=True, slots=True)
class EntityJoin:
    """Entity rows and the views to join to them.

    Attributes:
        entities: Arrow table, or SQL query.
        views: Views in output order.
        honour_knowledge_time: Whether a version counts only from its knowledge time on.
    """

    entities: pa.Table | str
    views: tuple[ViewSpec, ...]
    honour_knowledge_time: bool

    def to_arrow(self, con: duckdb.DuckDBPyConnection) -> pa.Table:
        """The result in memory."""
        timestamp = self._timestamp(con)
        return join_to_arrow(
            con, self.entities, timestamp, self.views, honour_knowledge_time=self.honour_knowledge_time
        )

    def to_table(self, con: duckdb.DuckDBPyConnection, out: str) -> None:
        """The result as the temporary table ``out``."""
        timestamp = self._timestamp(con)
        join_to_table(con, self.entities, timestamp, self.views, out, honour_knowledge_time=self.honour_knowledge_time)

    def _timestamp(self, con: duckdb.DuckDBPyConnection) -> str:
        """Feast's rule: ``event_timestamp``, else the only time stamp column."""
        rows = con.sql(self.entities) if isinstance(self.entities, str) else con.from_arrow(self.entities)
        if DEFAULT_TIMESTAMP in rows.columns:
            return DEFAULT_TIMESTAMP
        types = zip(rows.columns, rows.types, strict=True)
        stamps = [name for name, sql_type in types if str(sql_type).startswith("TIMESTAMP")]
        if len(stamps) != 1:
            raise ValueError(f"entity rows need one time column, called {DEFAULT_TIMESTAMP}; found {stamps or 'none'}")
        return str(stamps[0])


class LakeRetrievalJob(RetrievalJob):  # type: ignore[misc]
    """A retrieval over the lake.

    Args:
        lake: The lake.
        snapshot_id: Snapshot to read when the job opens the lake itself; None for the newest state.
        build: The join to make, or a plain query.
        full_feature_names: As Feast's interface wants it.
        on_demand_feature_views: As Feast's interface wants it.
        metadata: Features and keys that were asked for.
    """

    def __init__(
        self,
        *,
        lake: Lake,
        snapshot_id: int | None,
        build: EntityJoin | str,
        full_feature_names: bool = False,
        on_demand_feature_views: list[OnDemandFeatureView] | None = None,
        metadata: RetrievalMetadata | None = None,
    ) -> None:
        self._lake = lake
        self._snapshot_id = snapshot_id
        self._build = build
        self._full_feature_names = full_feature_names
        self._on_demand_feature_views = on_demand_feature_views or []
        self._metadata = metadata

    def to_temp_table(self, con: duckdb.DuckDBPyConnection, name: str) -> None:
        """Leave the result in DuckDB, where it spills to disk when it is large.

        Args:
            con: A lake connection; it decides which snapshot is read, and entity SQL may name its temporary tables.
            name: Temporary table to create or replace.
        """
        if isinstance(self._build, str):
            con.execute(f"create or replace temp table {name} as {self._build}")
        else:
            self._build.to_table(con, name)

    def to_parquet(self, path: Path) -> None:
        """Write the result to one Parquet file; it is never in memory as a whole.

        Args:
            path: The file, written under another name and then renamed: it is there in full or not at all.
        """
        unfinished = path.with_name(f".{path.name}.unfinished")
        with self._lake.read(self._snapshot_id) as con:
            self.to_temp_table(con, "feast_result")
            con.sql("from feast_result").write_parquet(str(unfinished))
        unfinished.replace(path)

    def _to_arrow_internal(self, timeout: int | None = None) -> pa.Table:  # noqa: ARG002
        with self._lake.read(self._snapshot_id) as con:
            if isinstance(self._build, str):
                return con.sql(self._build).to_arrow_table()
            return self._build.to_arrow(con)

    def _to_df_internal(self, timeout: int | None = None) -> pd.DataFrame:
        return self._to_arrow_internal(timeout).to_pandas()

    @property
    def full_feature_names(self) -> bool:
        """Whether columns are called ``view__feature``."""
        return self._full_feature_names

    @property
    def on_demand_feature_views(self) -> list[OnDemandFeatureView]:
        """On-demand views that Feast evaluates on the result."""
        return self._on_demand_feature_views

    @property
    def metadata(self) -> Any:
        """Features and keys that were asked for."""
        return self._metadata
