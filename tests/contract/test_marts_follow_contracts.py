"""dbt cannot import the contracts; these tests hold its YAML against them, written by hand or by a command."""

from functools import cache
from pathlib import Path

import pytest
import yaml

from uniscale.checkout import PROJECT_ROOT
from uniscale.contracts.all_tables import BUILT_BY_DBT
from uniscale.contracts.events import EVENT_TABLES
from uniscale.contracts.features import FEATURE_TABLES
from uniscale.contracts.marts import MART_TABLES
from uniscale.warehouse.declare import DECLARATION, declaration

MODELS = PROJECT_ROOT / "dbt_project" / "models"
READ = (*MART_TABLES, *FEATURE_TABLES)
"""What others than dbt read."""


@cache
def declared(kind: str) -> dict[str, dict]:
    found = {}
    for path in MODELS.rglob("*.yml"):
        for entry in yaml.safe_load(path.read_text()).get(kind, []):
            found[entry["name"]] = entry
    return found


def told_of_rows(model: dict) -> dict:
    """What a model's one test of its rows is told: the key, and conditions by column."""
    (told,) = (test["sound_rows"]["arguments"] for test in model["data_tests"] if "sound_rows" in test)
    return told


@pytest.mark.parametrize("table", BUILT_BY_DBT, ids=lambda table: table.qualified)
def test_columns_types_and_nullability_equal_the_contract(table):
    columns = declared("models")[table.name]["columns"]

    assert [(c["name"], c["data_type"].upper()) for c in columns] == [(c.name, c.type) for c in table.columns]
    required = [c["name"] for c in columns if {"type": "not_null"} in c.get("constraints", [])]
    assert required == [c.name for c in table.columns if not c.nullable]


@pytest.mark.parametrize("table", BUILT_BY_DBT, ids=lambda table: table.qualified)
def test_closed_sets_of_values_equal_the_contract(table):
    for column, told in zip(table.columns, declared("models")[table.name]["columns"], strict=True):
        values = [
            test["accepted_values"]["arguments"]["values"]
            for test in told.get("data_tests", [])
            if "accepted_values" in test
        ]
        assert values == ([list(column.allowed)] if column.allowed else [])


@pytest.mark.parametrize("table", BUILT_BY_DBT, ids=lambda table: table.qualified)
def test_every_built_table_says_its_grain_and_tests_its_key(table):
    model = declared("models")[table.name]

    assert " ".join(model["description"].split()).endswith(table.grain)
    assert told_of_rows(model)["key"] == list(table.key)


def test_the_declaration_of_the_feature_tables_is_what_the_command_writes():
    assert DECLARATION.read_text(encoding="utf-8") == declaration(), "run `make dbt-yml`"


@pytest.mark.parametrize("table", FEATURE_TABLES, ids=lambda table: table.name)
def test_how_fresh_a_feature_table_must_be_is_told_to_dbt(table):
    assert declared("models")[table.name]["config"]["meta"] == {"fresh_hours": table.fresh_hours}


@pytest.mark.parametrize("table", FEATURE_TABLES, ids=lambda table: table.name)
def test_a_number_of_the_models_has_a_type_that_its_reading_fits(table):
    types = {"log": {"BIGINT", "DOUBLE"}, "value": {"DOUBLE"}, "age": {"BIGINT"}}

    for column in table.columns:
        assert column.model_input is None or column.type in types[column.model_input], column.name


def test_every_model_and_column_is_described():
    models = declared("models")
    files = {path.stem for path in MODELS.rglob("*.sql")}

    assert files == set(models)
    for name, model in models.items():
        assert "One row per" in model["description"], name
        undescribed = [column["name"] for column in model.get("columns", []) if not column.get("description")]
        assert undescribed == [], name


@pytest.mark.parametrize("table", BUILT_BY_DBT, ids=lambda table: table.qualified)
def test_every_column_of_a_built_table_is_tested(table):
    model = declared("models")[table.name]
    legal = told_of_rows(model).get("conditions", {})
    required = {column.name for column in table.columns if not column.nullable}
    closed = {column.name for column in table.columns if column.allowed}

    assert legal.keys() | required | closed == set(table.column_names)
    bounded = {column.name for column in table.columns if column.minimum is not None}
    assert bounded <= legal.keys()


def test_the_sources_are_the_event_contract():
    (source,) = declared("sources").values()

    assert source["schema"] == "raw"
    assert {t["name"]: [c["name"] for c in t["columns"]] for t in source["tables"]} == {
        table.name: list(table.column_names) for table in EVENT_TABLES
    }


def test_every_table_that_is_read_elsewhere_has_a_declared_use():
    uses = {use for entry in declared("exposures").values() for use in entry["depends_on"]}

    assert {f"ref('{table.name}')" for table in READ} <= uses


@pytest.mark.parametrize("use", sorted(declared("exposures")))
def test_a_declared_use_reads_what_it_says(use):
    entry = declared("exposures")[use]
    folders = [PROJECT_ROOT / folder for folder in entry["config"]["meta"]["read_by"]]
    code = "".join(
        path.read_text() for folder in folders for path in folder.rglob("*") if path.suffix in (".py", ".sql")
    )

    assert entry["depends_on"]
    for table in READ:
        if f"ref('{table.name}')" in entry["depends_on"]:
            assert table.name in code.lower() or (table in FEATURE_TABLES and "FEATURE_TABLES" in code), table.name


def test_trainer_and_dashboards_are_declared_uses():
    assert {entry["type"] for entry in declared("exposures").values()} == {"ml", "application", "dashboard"}


def test_models_land_in_the_schema_of_their_contract():
    folders = {table.name: Path(next(MODELS.rglob(f"{table.name}.sql"))).parent.name for table in BUILT_BY_DBT}

    assert folders == {table.name: table.schema for table in BUILT_BY_DBT}
