"""A PostgreSQL catalogue: an empty database is a lake that is not there yet, and its password is shown nowhere."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from tests.support_servers import POSTGRES_PASSWORD, free_ports
from uniscale.cli.main import app
from uniscale.config import Settings, load_settings
from uniscale.lake import Lake
from uniscale.warehouse.project import DbtFailedError, run_dbt

DAY = "2026-01-05"


@pytest.fixture
def catalogue(postgres, request, settings, monkeypatch):
    """DSN of an empty database, which the settings name as the catalogue."""
    dsn = postgres(f"fresh{abs(hash(request.node.name))}")
    monkeypatch.setenv("UNISCALE_LAKE__CATALOG", f"postgres:{dsn}")
    return dsn


@pytest.fixture
def events(tmp_path, monkeypatch):
    """A log of one user, whose day has no request."""
    folder = tmp_path / "events" / "users" / f"ds={DAY}"
    folder.mkdir(parents=True)
    (folder / "p.csv").write_text(f"user_id,valid_from,recorded_at\nu1,{DAY},{DAY}\n")
    monkeypatch.setenv("UNISCALE_SOURCE__EVENTS_DIR", str(tmp_path / "events"))
    return tmp_path / "events"


def run(*arguments: str):
    done = CliRunner().invoke(app, list(arguments))
    assert POSTGRES_PASSWORD not in done.output
    return done


def test_an_empty_database_is_a_lake_that_is_not_there_yet(catalogue):
    lake = Lake(load_settings())
    assert not lake.exists()
    with pytest.raises(FileNotFoundError, match="land events first"), lake.read():
        pass
    lake.commit(lambda con: con.execute("create table lake.t (a int)"), "first")
    assert lake.exists()


def test_a_first_step_on_an_empty_database_lands_the_log_and_says_what_it_lacks(catalogue, events, settings):
    done = run("step", "land", DAY)
    assert done.exit_code == 2
    assert "no search requests on the training days" in " ".join(done.output.split())
    with Lake(load_settings()).read() as con:
        assert con.execute("select user_id from raw.users").fetchall() == [("u1",)]
    written = [path.read_bytes() for path in settings.home.rglob("*") if path.is_file()]
    assert not any(POSTGRES_PASSWORD.encode() in content for content in written)
    assert any(b"training days" in content for content in written)  # progress.jsonl tells why the step failed


def test_the_password_is_in_no_text_that_settings_and_lake_give(catalogue):
    settings = load_settings()
    texts = [repr(settings), str(settings), settings.model_dump_json(), settings.lake_catalog, Lake(settings).catalog]
    assert not any(POSTGRES_PASSWORD in text for text in texts)
    assert all("dbname" in text for text in texts)


def test_workers_are_told_no_secret_and_find_it_themselves(settings, monkeypatch):
    monkeypatch.setenv("UNISCALE_LAKE__CATALOG", f"postgres:dbname=x password={POSTGRES_PASSWORD}")
    monkeypatch.setenv("UNISCALE_FEATURES__REDIS_PASSWORD", POSTGRES_PASSWORD)
    settings = load_settings()
    told = settings.for_workers()
    assert POSTGRES_PASSWORD not in json.dumps(told) and "***" not in json.dumps(told)
    assert Settings(**told) == settings


@pytest.mark.parametrize("form", ["password='a b\\'c' dbname=x", "postgresql://u:a%20b%27c@localhost/x"])
def test_a_password_is_found_in_every_form_of_a_dsn(settings, form):
    settings.lake.catalog = f"postgres:{form}"
    assert settings.lake.catalog_password.get_secret_value() == "a b'c"
    assert "a b" not in settings.lake_catalog and "%27" not in settings.lake_catalog
    assert "dbname=x" in settings.lake_catalog


def test_a_dsn_that_cannot_be_read_is_refused_without_being_shown(settings):
    with pytest.raises(ValueError, match="cannot be read as a PostgreSQL DSN") as refused:
        settings.lake.catalog = f"postgres:password={POSTGRES_PASSWORD} dbname"
    assert POSTGRES_PASSWORD not in str(refused.value)


@pytest.mark.parametrize("wrong", ["port", "password", "dbname"])
def test_a_database_out_of_reach_is_one_sentence_without_the_password(catalogue, monkeypatch, events, wrong):
    words = dict(word.split("=") for word in catalogue.split())
    words[wrong] = str(free_ports(1)[0]) if wrong == "port" else f"{words[wrong]}-wrong"
    monkeypatch.setenv("UNISCALE_LAKE__CATALOG", "postgres:" + " ".join("=".join(item) for item in words.items()))
    for command in (("ingest", "events", str(events)), ("maintain",), ("step", "land", DAY)):
        done = run(*command)
        assert done.exit_code == 1
        assert "cannot be reached" in done.output


def test_no_error_of_the_database_names_the_password(catalogue, monkeypatch):
    lake = Lake(load_settings())
    lake.commit(lambda con: con.execute("create table lake.t (a int)"), "first")
    with lake.read() as con, pytest.raises(duckdb.Error) as refused:
        con.execute("select * from postgres_query('__ducklake_metadata_lake', 'select 1/0')")
    assert POSTGRES_PASSWORD not in str(refused.value)


def test_dbt_reaches_the_catalogue_and_keeps_no_password(catalogue, settings):
    settings = load_settings()
    lake = Lake(settings)
    lake.commit(lambda con: con.execute("create table lake.t (a int)"), "first")
    with pytest.raises(DbtFailedError) as failed:  # no source is there yet; dbt has asked the catalogue for them
        run_dbt(settings, lake, ["source", "freshness"], {"target_domain": "search"})
    texts = [path.read_bytes() for path in (settings.home / "dbt").rglob("*") if path.is_file()]
    assert len(texts) > 1 and not any(POSTGRES_PASSWORD.encode() in text for text in texts)
    assert "does not exist" in str(failed.value) and POSTGRES_PASSWORD not in str(failed.value)


def test_airflow_opens_its_database_on_postgresql(catalogue, tmp_path):
    airflow = Path(sys.executable).with_name("airflow")
    if not airflow.is_file() and shutil.which("airflow") is None:
        pytest.skip("Airflow is not installed")
    words = dict(word.split("=") for word in catalogue.split())
    url = "postgresql+psycopg2://{user}:{password}@{host}:{port}/{dbname}".format(**words)
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path), "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url}
    done = subprocess.run([airflow, "db", "check"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_locked_version_of_asyncpg_is_the_installed_one():
    from importlib.metadata import version

    lines = Path("requirements.lock").read_text(encoding="utf-8").splitlines()
    assert f"asyncpg=={version('asyncpg')}" in lines
