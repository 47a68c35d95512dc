"""Feast's definitions against the contracts of the feature tables, and the encoder against the models."""

import dataclasses

import pytest
import yaml

from uniscale.contracts.features import FEATURE_SERVICES, FEATURE_TABLES

pytest.importorskip("feast")

from uniscale.batch.tensors import Batch
from uniscale.contracts import frames, inputs
from uniscale.contracts.sequences import COLUMN_OF, SEQUENCES
from uniscale.features.offline.source import value_type
from uniscale.features.repo import (
    FEATURE_REPO,
    definitions,
    open_store,
    repo_config,
)
from uniscale.models.common.embeddings import EmbeddingSizes

CLOCKS = {"ds", "feature_at", "recorded_at"}


def of_kind(kind):
    return {thing.name: thing for thing in definitions() if type(thing).__name__ == kind}


@pytest.mark.parametrize("table", FEATURE_TABLES, ids=lambda table: table.name)
def test_a_view_has_the_columns_and_types_of_its_table(table):
    view = of_kind("FeatureView")[table.name]
    fields = {field.name: field.dtype.to_value_type() for field in view.schema}

    assert fields == {c.name: value_type(c.type) for c in table.columns if c.name not in CLOCKS}


@pytest.mark.parametrize("table", FEATURE_TABLES, ids=lambda table: table.name)
def test_a_view_tells_what_its_table_and_columns_mean_and_how_a_model_reads_them(table):
    view = of_kind("FeatureView")[table.name]
    inputs = {field.name: field.tags["model_input"] for field in view.schema if field.tags}

    assert view.description == table.description
    assert view.tags == ({"fresh_hours": str(table.fresh_hours)} if table.fresh_hours else {})
    assert {field.name: field.description for field in view.schema} == {
        column.name: column.description for column in table.columns if column.name not in CLOCKS
    }
    assert inputs == {column.name: column.model_input for column in table.columns if column.model_input}


@pytest.mark.parametrize("table", FEATURE_TABLES, ids=lambda table: table.name)
def test_a_view_reads_its_table_by_both_clocks_and_the_key_of_the_contract(table):
    view = of_kind("FeatureView")[table.name]
    join_keys = [of_kind("Entity")[name].join_key for name in view.entities]

    assert view.batch_source.table == table.qualified
    assert (view.batch_source.timestamp_field, view.batch_source.created_timestamp_column) == (
        "feature_at",
        "recorded_at",
    )
    assert {*join_keys, "feature_at"} == set(table.key)
    assert tuple(join_keys) == table.join_keys
    assert not view.ttl  # versions hold until the next one; uniscale.features.age bounds how far back they lie


def test_there_is_a_view_for_every_feature_table_and_no_other():
    assert set(of_kind("FeatureView")) == {table.name for table in FEATURE_TABLES}


def test_the_services_of_the_ranker_hold_every_view_once_and_no_feature_name_twice():
    services = of_kind("FeatureService")
    assert set(services) == set(FEATURE_SERVICES)
    views = [projection.name for service in services.values() for projection in service.feature_view_projections]
    names = [
        field.name
        for view in of_kind("FeatureView").values()
        for field in view.schema
        if field.name not in {column.name for column in view.entity_columns}
    ]

    assert sorted(views) == sorted(table.name for table in FEATURE_TABLES)
    assert len(names) == len(set(names))


def test_definitions_leave_no_bare_module_names_behind():
    import sys

    definitions()

    assert not {"entities", "sources", "views", "services"} & set(sys.modules)


def test_the_configuration_file_and_the_library_open_the_same_feature_store(settings, monkeypatch):
    import os

    monkeypatch.setenv("UNISCALE_HOME", str(settings.home))
    text = os.path.expandvars((FEATURE_REPO / "feature_store.yaml").read_text())
    from feast.repo_config import RepoConfig

    from uniscale.features.offline.store import lake_of

    from_file, built = RepoConfig(**yaml.safe_load(text), repo_path=FEATURE_REPO), repo_config(settings)

    assert from_file.registry == built.registry
    assert from_file.online_store == built.online_store
    assert from_file.materialization_config == built.materialization_config
    assert vars(lake_of(from_file)) == vars(lake_of(built))


def test_applying_twice_changes_nothing(settings):
    first = open_store(settings)
    written = (settings.home / "feast" / "registry.db").stat().st_mtime_ns
    second = open_store(settings)

    assert (settings.home / "feast" / "registry.db").stat().st_mtime_ns == written
    assert {view.name for view in first.list_feature_views()} == {view.name for view in second.list_feature_views()}


def test_a_definition_that_is_gone_leaves_the_registry(settings):
    from feast import FeatureService

    store = open_store(settings)
    old = FeatureService(name="ranker_v0", features=[of_kind("FeatureView")["item_features"]])
    store.apply([old])
    (settings.home / "feast" / "applied_uniscale.sha256").unlink()

    assert {service.name for service in open_store(settings).list_feature_services()} == set(FEATURE_SERVICES)


def test_an_unknown_online_store_is_refused(settings):
    settings.features.online_store = "memcached"
    with pytest.raises(ValueError, match=r"memcached.*sqlite or redis"):
        repo_config(settings)


def test_what_is_declared_of_the_inputs_is_what_frames_batches_and_tables_hold():
    declared = (*inputs.REQUEST_IDS, *inputs.ITEM_IDS, *inputs.HISTORY_IDS)
    columns = {column.name: column for column in frames.FRAMES.columns}
    tables = {field.name for field in dataclasses.fields(EmbeddingSizes)} - {"width"}
    fields = {field.name for field in dataclasses.fields(Batch)}

    assert {*inputs.REQUEST_INPUTS, *inputs.ITEM_INPUTS} <= columns.keys()
    assert {one.tensor for one in declared} <= fields
    assert {one.table for one in declared} == tables
    numbers = {"user_numeric_RF", "query_numeric_RF", "item_numeric_NF"}
    others = {"domain_R", "request_of_item_N", "history_actions_RL", "history_domains_RL", "history_hours_RL"}
    assert fields - numbers - others == {one.tensor for one in declared}
    for one in (*inputs.REQUEST_IDS, *inputs.ITEM_IDS):
        depth = columns[one.name].type.count("[]")
        assert depth == (one.width is not None) + (one in inputs.ITEM_IDS), one.name
    assert {f"{name}_RL" for name in inputs.HISTORY_INPUTS} == {name for name in fields if name.endswith("_RL")}
    of_actions = {COLUMN_OF[part.column] for one in inputs.HISTORY_IDS for part in one.parts}
    assert of_actions | {"actions", "domains", "acted_at"} <= {column.name for column in SEQUENCES.columns}


@pytest.mark.parametrize("length", [0, 1, 100, -1])
def test_a_torn_registry_is_filled_again(settings, length):
    """Cut off after a number of bytes, -1 for all but the last."""
    views = {view.name for view in open_store(settings).list_feature_views()}
    open_store(settings, project="uniscale_a")
    file = settings.home / "feast" / "registry.db"
    file.write_bytes(file.read_bytes()[:length])
    assert {view.name for view in open_store(settings).list_feature_views()} == views
    assert {view.name for view in open_store(settings, project="uniscale_a").list_feature_views()} == views


def test_the_registry_is_written_whole(settings, monkeypatch):
    open_store(settings)
    file = settings.home / "feast" / "registry.db"
    held = file.read_bytes()

    def killed(self, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(type(file), "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        open_store(settings, project="uniscale_a")
    assert file.read_bytes() == held
