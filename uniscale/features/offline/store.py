"""Feast's offline store over the lake: point-in-time retrieval by ASOF join, knowledge time honoured.

Why not Feast's own DuckDB store: docs/adr/0005-asof-offline-store.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
from feast import FeatureView, OnDemandFeatureView
from feast.data_source import DataSource
from feast.infra.offline_stores.offline_store import OfflineStore, RetrievalMetadata
from feast.infra.registry.base_registry import BaseRegistry
from feast.repo_config import FeastConfigBaseModel, RepoConfig
from pydantic import Field

from uniscale.config import Settings
from uniscale.features.age import max_age
from uniscale.features.offline.entities import entity_rows
from uniscale.features.offline.retrieval import EntityJoin, LakeRetrievalJob
from uniscale.features.offline.source import LakeSource
from uniscale.features.offline.versions import ViewSpec, newest
from uniscale.lake import Lake


class DuckLakeOfflineStoreConfig(FeastConfigBaseModel):  # type: ignore[misc]
    """How the store reaches the lake; what is not given comes from UniScale's own settings.

    Attributes:
        type: This store.
        home: UniScale's home folder.
        lake: Overrides of the ``[lake]`` settings, by name.
        snapshot_id: Lake snapshot to read; None for the newest state.
        honour_knowledge_time: Serve a version only from its knowledge time on, whatever the caller of Feast asks.
        max_age_days: Age beyond which no version answers, in addition to the time to live of a view.
    """

    type: Literal["uniscale.features.offline.store.DuckLakeOfflineStore"] = (
        "uniscale.features.offline.store.DuckLakeOfflineStore"
    )
    home: str
    lake: dict[str, Any] = Field(default_factory=dict)
    snapshot_id: int | None = None
    honour_knowledge_time: bool = True
    max_age_days: int | None = None


def lake_of(config: RepoConfig) -> Lake:
    """The lake that a feature store's configuration names."""
    store = config.offline_store
    settings = Settings(home=Path(store.home))
    lake = type(settings.lake).model_validate({**settings.lake.model_dump(), **store.lake})
    return Lake(settings.model_copy(update={"lake": lake}))


class DuckLakeOfflineStore(OfflineStore):  # type: ignore[misc]
    """Reads `LakeSource` tables; features are written by dbt, so nothing is written here."""

    supports_filter_by_created_timestamp = True

    @staticmethod
    def get_historical_features(  # noqa: PLR0917 - Feast's interface
        config: RepoConfig,
        feature_views: list[FeatureView],
        feature_refs: list[str],
        entity_df: pd.DataFrame | pa.Table | str | None,
        registry: BaseRegistry,
        project: str,
        full_feature_names: bool = False,
        filter_by_created_timestamp: bool = False,
        **unsupported: Any,
    ) -> LakeRetrievalJob:
        """Features of entity rows at their times, in the order of the rows.

        Args:
            config: Configuration of the feature store.
            feature_views: Views to join, with their projections.
            feature_refs: ``view:feature`` in output order.
            entity_df: Frame, Arrow table, or SQL over the lake (or over the connection handed to the job); its time
                column is called ``event_timestamp``, or is the only time stamp column.
            registry: Feast's registry.
            project: Feast's project.
            full_feature_names: Call a column ``view__feature`` instead of ``feature``.
            filter_by_created_timestamp: Honour knowledge time even if the configuration does not.
            unsupported: Anything else Feast may pass.

        Raises:
            ValueError: No entity rows are given, or an option is not supported.
        """
        if entity_df is None or unsupported:
            raise ValueError(
                "retrieval needs entity rows, a frame, an Arrow table or SQL; a bare time range is not supported "
                f"(options given: {sorted(unsupported) or 'none'})"
            )
        oldest = max_age_of(config)
        views = [_spec(view, feature_refs, full_feature_names, oldest) for view in feature_views]
        known = config.offline_store.honour_knowledge_time or filter_by_created_timestamp
        return LakeRetrievalJob(
            lake=lake_of(config),
            snapshot_id=config.offline_store.snapshot_id,
            build=EntityJoin(entities=entity_rows(entity_df), views=tuple(views), honour_knowledge_time=known),
            full_feature_names=full_feature_names,
            on_demand_feature_views=OnDemandFeatureView.get_requested_odfvs(feature_refs, project, registry),
            metadata=RetrievalMetadata(
                features=feature_refs, keys=sorted({key for view in views for key in view.keys})
            ),
        )

    @staticmethod
    def pull_latest_from_table_or_query(  # noqa: PLR0917 - Feast's interface
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None,
        start_date: datetime,
        end_date: datetime,
    ) -> LakeRetrievalJob:
        """The newest version per key with event time in [start_date, end_date] that was known at end_date."""
        view = _pulled(data_source, join_key_columns, feature_name_columns, timestamp_field, created_timestamp_column)
        return _pull_job(config, view, start_date, end_date, latest_only=True)

    @staticmethod
    def pull_all_from_table_or_query(  # noqa: PLR0917 - Feast's interface
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None = None,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
    ) -> LakeRetrievalJob:
        """All versions with event time in [start_date, end_date] that were known at end_date."""
        view = _pulled(data_source, join_key_columns, feature_name_columns, timestamp_field, created_timestamp_column)
        return _pull_job(config, view, start_date, end_date, latest_only=False)


def max_age_of(config: RepoConfig) -> timedelta:
    """Age beyond which no version answers."""
    days: int | None = config.offline_store.max_age_days
    return timedelta(days=days) if days is not None else max_age(Settings(home=Path(config.offline_store.home)))


def _pull_job(
    config: RepoConfig, view: ViewSpec, start: datetime | None, end: datetime | None, *, latest_only: bool
) -> LakeRetrievalJob:
    query = newest(
        view,
        _naive_utc(start),
        _naive_utc(end),
        honour_knowledge_time=config.offline_store.honour_knowledge_time,
        latest_only=latest_only,
    )
    return LakeRetrievalJob(lake=lake_of(config), snapshot_id=config.offline_store.snapshot_id, build=query)


def _naive_utc(moment: datetime | None) -> datetime | None:
    if moment is None or moment.tzinfo is None:
        return moment
    return moment.astimezone(UTC).replace(tzinfo=None)


def _table(source: DataSource) -> str:
    if not isinstance(source, LakeSource):
        raise ValueError(f"source {source.name} is a {type(source).__name__}; this store reads LakeSource only")
    return source.get_table_query_string()


def _pulled(source: DataSource, keys: list[str], features: list[str], timestamp: str, created: str | None) -> ViewSpec:
    """Feast hands over source columns here: they keep their names."""
    return ViewSpec(
        name=source.name,
        table=_table(source),
        keys=dict(zip(keys, keys, strict=True)),
        features=dict(zip(features, features, strict=True)),
        timestamp=timestamp,
        created=created or None,
        ttl=None,
    )


def _spec(view: FeatureView, feature_refs: list[str], full_feature_names: bool, oldest: timedelta) -> ViewSpec:
    source = view.batch_source
    known_as = view.projection.name_to_use()
    names = [ref.split(":", 1)[1] for ref in feature_refs if ref.split(":", 1)[0] == known_as]
    column_of: Mapping[str, str] = {name: column for column, name in source.field_mapping.items()}
    prefix = f"{view.projection.name_alias or view.name}__" if full_feature_names else ""
    asked_as = view.projection.join_key_map
    return ViewSpec(
        name=view.name,
        table=_table(source),
        keys={asked_as.get(c.name, c.name): column_of.get(c.name, c.name) for c in view.entity_columns},
        features={f"{prefix}{name}": column_of.get(name, name) for name in names},
        timestamp=source.timestamp_field,
        created=source.created_timestamp_column or None,
        ttl=min(view.ttl, oldest) if view.ttl else oldest,
    )
