"""What `uniscale doctor` says of a damaged installation, and of a sound one."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from uniscale.cli import doctor
from uniscale.cli.main import app


@pytest.fixture
def files(lake):
    """Files of a small lake: of three days, and of a delete; and one that only the past reads."""

    def fill(con):
        con.execute("create schema if not exists lake.raw")
        con.execute("create table lake.raw.numbers (ds date, x integer)")
        con.execute("alter table lake.raw.numbers set partitioned by (ds)")
        con.execute("insert into lake.raw.numbers select date '2026-01-01' + i::int % 3, i from range(3000) r(i)")

    lake.commit(fill, "fill")
    lake.commit(lambda con: con.execute("delete from lake.raw.numbers where x % 3 = 2 and x > 2000"), "delete some")
    lake.commit(lambda con: con.execute("delete from lake.raw.numbers where ds = date '2026-01-01'"), "delete a day")
    found = sorted(Path(lake.data_path).rglob("*.parquet"))
    assert len(found) >= 3
    return found


def findings():
    done = CliRunner().invoke(app, ["doctor", "--json"])
    found = {finding["what"]: finding for finding in json.loads(done.stdout)}
    assert done.exit_code == (0 if all(finding["ok"] for finding in found.values()) else 1)
    return found


def of_day(files, day):
    return next(file for file in files if f"ds=2026-01-0{day}" in str(file) and "delete" not in file.name)


def test_a_fresh_installation_and_one_with_a_lake_are_sound(settings, request):
    assert findings()["lake"]["found"] == "DuckLake loads; no lake yet"
    request.getfixturevalue("files")
    found = findings()
    assert found["lake"]["ok"] and "all can be read" in found["lake"]["found"]
    assert found["databases"]["ok"]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda file: file.unlink(), "is not there"),
        (lambda file: file.write_bytes(file.read_bytes()[:-10]), "bytes, not"),
        (lambda file: file.write_bytes(b""), "has 0 bytes, not"),
        (lambda file: file.write_bytes(b"\x00" * file.stat().st_size), "cannot be read"),
    ],
)
def test_a_lost_file_of_the_lake_is_named_with_its_table_and_a_way_out(files, damage, reason):
    lost = of_day(files, 2)
    damage(lost)
    found = findings()
    assert not found["lake"]["ok"]
    assert "1 are lost (1 of raw.numbers)" in found["lake"]["found"] and "from a backup" in found["lake"]["remedy"]
    told = found["raw.numbers of 2026-01-02"]
    assert str(lost) in told["found"] and reason in told["found"]
    assert "UNISCALE_HOME" in told["remedy"], "of a table that is none of ours nobody knows how it was made"


def test_a_lost_file_of_the_past_can_be_let_go(files, lake):
    of_day(files, 1).unlink()
    found = findings()
    assert not found["lake"]["ok"]
    assert found["past of the lake"]["remedy"].endswith("uniscale maintain --keep-days 0")
    assert CliRunner().invoke(app, ["maintain", "--keep-days", "0"]).exit_code == 0
    assert findings()["lake"]["ok"]


@pytest.mark.parametrize("kept", [1, 4096, 0.5])
def test_a_cut_off_catalogue_is_told_in_a_sentence(files, settings, kept):
    catalogue = settings.home / "lake" / "catalog.sqlite"
    whole = catalogue.read_bytes()
    catalogue.write_bytes(whole[: int(kept * len(whole)) if kept < 1 else kept])
    found = findings()["lake"]
    assert not found["ok"]
    assert f"the catalogue {catalogue} is damaged" in found["found"]
    assert "backup" in found["remedy"]


def test_an_empty_catalogue_is_no_lake_yet(settings):
    (settings.home / "lake").mkdir(parents=True)
    (settings.home / "lake" / "catalog.sqlite").touch()
    assert findings()["lake"]["found"] == "DuckLake loads; no lake yet"


def test_a_cut_off_registry_is_told_in_a_sentence_by_doctor_and_by_who_opens_it(settings):
    pytest.importorskip("mlflow")
    from uniscale.registry.store import Registry

    settings.home.mkdir(parents=True)
    path = settings.home / "mlflow.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("create table numbers as select hex(zeroblob(20000)) as word")
    path.write_bytes(path.read_bytes()[:9000])
    found = findings()["model registry"]
    assert not found["ok"]
    assert f"{path} is damaged: it is cut off" in found["found"]
    assert "backup" in found["remedy"] and "remove it" in found["remedy"]
    with pytest.raises(RuntimeError, match=r"registry's database .* is damaged \(it is cut off.*remove it"):
        Registry(settings)


def test_libraries_that_setup_does_not_install_are_optional_and_all_others_are_not(settings, monkeypatch):
    declared = {
        "numpy": "numpy>=2",
        "ray": "ray>=2 ; extra == 'train'",
        "psycopg2-binary": "psycopg2-binary>=2 ; extra == 'postgres'",
        "sentence-transformers": "sentence-transformers>=6 ; extra == 'sentences'",
        "pytest": "pytest>=9 ; extra == 'dev'",
    }
    everything = "uniscale[train,postgres] ; extra == 'all'"
    monkeypatch.setattr(doctor, "requires", lambda _: [*declared.values(), everything])
    installed = {"numpy": "2.1", "ray": "2.60", "psycopg2-binary": "2.9"}
    monkeypatch.setattr(doctor, "_installed", lambda name: installed.get(name, ""))

    found = findings()
    assert found["packages"]["ok"]
    optional = found["sentence-transformers"]
    assert optional["ok"] and "optional" in optional["found"] and ".[sentences]" in optional["remedy"]

    installed["sentence-transformers"] = "5.0"
    del installed["ray"]
    found = findings()
    assert not found["ray"]["ok"] and "make setup" in found["ray"]["remedy"]
    assert not found["sentence-transformers"]["ok"]
