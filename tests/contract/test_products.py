"""What derived tables declare to read is what their SQL reads, and all of them declare it."""

import re
from collections import Counter
from datetime import date

import pytest
from dbt.cli.main import dbtRunner

from uniscale.checkout import PROJECT_ROOT
from uniscale.config import load_settings
from uniscale.contracts.all_tables import BUILT_BY_DBT, TABLES
from uniscale.contracts.code import CODE
from uniscale.contracts.events import EVENT_TABLES, QUARANTINE
from uniscale.contracts.forgotten import FORGOTTEN
from uniscale.contracts.outcomes import OUTCOME_TABLES
from uniscale.contracts.policy import load_policy
from uniscale.es3.products import BEHAVIOUR, ES3_SAMPLES
from uniscale.features.training_frames import sql as frame_sql
from uniscale.features.training_frames.products import FRAME_FEATURES
from uniscale.features.training_frames.products import PRODUCTS as FRAMES_BY_SPLIT
from uniscale.lake.keys import setting_values
from uniscale.pipeline.products import PRODUCTS
from uniscale.pipeline.steps import DAY_STEPS
from uniscale.warehouse.project import DBT_PROJECT

ES3_SQL = PROJECT_ROOT / "uniscale" / "es3" / "sql"
REPORTED = {path.stem for path in ES3_SQL.glob("report_*.sql")}
"""SQL of the report on samples, which makes no row of them."""
OF_SEQUENCES = {"sequences", "sequence_lengths"}


def declared(*products):
    """The tables that products say they read, and those that the rows come by, without what they make themselves."""
    tables = {
        table.qualified for product in products for read in product.reads for table in (read.table, *read.through)
    }
    return tables - {table.qualified for product in products for table in product.tables}


def named(*files):
    """Tables of the lake that SQL files name."""
    text = "\n".join((ES3_SQL / f"{name}.sql").read_text() for name in files)
    return set(re.findall(r"\blake\.(\w+\.\w+)", text))


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    """The parsed dbt project."""
    folder = str(tmp_path_factory.mktemp("dbt"))
    places = ("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT), "--target-path", folder)
    answer = dbtRunner().invoke(["parse", *places, "--log-path", folder, "--no-write-json", "--quiet"])
    assert answer.success, answer.exception
    return answer.result


def stored_parents(manifest, node):
    """The tables of the lake that a model reads, by way of models that are not stored."""
    found = set()
    for parent in node.depends_on.nodes:
        if parent.startswith("source."):
            found.add(f"raw.{manifest.sources[parent].name}")
        elif parent.startswith("model."):
            model = manifest.nodes[parent]
            stored = model.config.materialized != "ephemeral"
            found |= {f"{model.schema}.{model.name}"} if stored else stored_parents(manifest, model)
    return found


@pytest.mark.parametrize("product", [p for p in PRODUCTS if p.step == "marts"], ids=lambda product: product.name)
def test_a_mart_reads_what_it_declares(manifest, product):
    models = [node for node in manifest.nodes.values() if node.resource_type == "model"]
    own = [node for node in models if f"{node.schema}.{node.name}" in {table.qualified for table in product.tables}]
    read = set().union(*(stored_parents(manifest, node) for node in own))
    assert len(own) == len(product.tables)
    assert read - {table.qualified for table in product.tables} == declared(product)


def test_the_samples_read_what_they_declare():
    files = {path.stem for path in ES3_SQL.glob("*.sql")} - REPORTED - OF_SEQUENCES
    assert named(*files) - {table.qualified for table in ES3_SAMPLES.tables} == declared(ES3_SAMPLES)


def test_the_sequences_read_what_they_declare():
    assert named(*OF_SEQUENCES) - {table.qualified for table in BEHAVIOUR.tables} == declared(BEHAVIOUR)


def test_frames_read_the_samples_or_requests_they_declare():
    days = [date(2026, 1, 5)]
    train, evaluated = frame_sql.train_samples(days), frame_sql.evaluated_requests(days, "search", days[0])
    features = {table.qualified for table in FRAME_FEATURES}
    for split, text in (("train", train), ("eval", evaluated)):
        read = set(re.findall(r"\blake\.(\w+\.\w+)", text))
        assert read == declared(FRAMES_BY_SPLIT[split]) - features


def test_every_derived_table_is_built_by_one_product_of_a_step_after_those_it_reads():
    made = Counter(
        table.qualified for product in PRODUCTS for table in product.tables if product.split in (None, "train")
    )
    logged = {table.qualified for table in (*EVENT_TABLES, QUARANTINE, FORGOTTEN, *OUTCOME_TABLES)}
    assert made == Counter(table.qualified for table in TABLES if table.qualified not in logged)
    steps, known = [step.name for step in DAY_STEPS], {table.qualified for table in EVENT_TABLES}
    for product in PRODUCTS:
        assert declared(product) <= known, product.name
        known |= {table.qualified for table in product.tables}
    assert [steps.index(product.step) for product in PRODUCTS] == sorted(steps.index(p.step) for p in PRODUCTS)
    assert {t.qualified for p in PRODUCTS if p.step == "marts" for t in p.tables} == {t.qualified for t in BUILT_BY_DBT}


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
def test_settings_code_and_bounds_that_a_product_names_exist_and_say_what_they_are(product):
    assert list(setting_values(load_settings(), load_policy(), product.settings)) == list(product.settings)
    assert product.code in CODE
    for read in product.reads:
        assert read.first.__doc__ and read.last.__doc__
        assert read.when is None or read.when.__doc__


def test_a_step_depends_on_what_the_tables_it_builds_depend_on():
    for step in DAY_STEPS:
        declared_there = {name for product in PRODUCTS if product.step == step.name for name in product.settings}
        assert {"policy" if name.startswith("policy.") else name for name in declared_there} <= set(step.depends_on)


def flow_of_es3():
    """Of each SQL file, the tables that its statements read and make; comments say nothing here."""
    bodies = {path.stem: re.sub(r"--.*", "", path.read_text()) for path in sorted(ES3_SQL.glob("*.sql"))}
    writes = re.compile(r"(?:create or replace temp table|insert into) (\w+)")
    made = {name: set(writes.findall(body)) for name, body in bodies.items()}
    every = set().union(*made.values())
    for name, body in bodies.items():
        inner = set(re.findall(r"(?:with|,)\s*(\w+) as (?:materialized )?\(", body))
        found = re.findall(r"(?:from|join)\s+(?:weighed\(')?(?:lake\.(\w+\.\w+)|(\w+)\b)", body)
        read = {stored or (temporary if temporary in every - inner - made[name] else "") for stored, temporary in found}
        yield name, read - {""}, made[name]


FLOW = {name: (reads, makes) for name, reads, makes in flow_of_es3()}


@pytest.mark.parametrize("name", FLOW)
def test_a_file_of_es3_says_what_it_reads_and_makes(name):
    reads, makes = FLOW[name]
    text = (ES3_SQL / f"{name}.sql").read_text()
    head = " ".join(re.match(r"(?:--.*\n)*", text)[0].replace("--", "").split())

    def said(word):
        sentence = re.search(rf"\b{word} ((?:[\w.]+(?:, )?)+)\.(?: |$)", head)
        return set(sentence[1].split(", ")) if sentence else set()

    assert said("Reads") == reads
    assert said("Makes") == makes
