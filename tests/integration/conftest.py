"""What several tests share: an installation that has run a day, copied for each, and a PostgreSQL server."""

import fcntl
import shutil
from pathlib import Path

import pytest

from tests.support_lineage import at_home, grow, register_models
from tests.support_servers import postgres_server


@pytest.fixture(scope="session")
def postgres():
    """Makes a database by its name on a server of the session, and gives its DSN, with the password."""
    with postgres_server() as database:
        yield database


@pytest.fixture(scope="session")
def grown(tmp_path_factory, shared) -> Path:
    """Home of an installation that has run a day; not to be written to.

    The first worker of pytest-xdist to ask for it makes it for all. Each reads a copy of its own: even who only reads
    a catalogue moves its log on, and so would tear what another is copying.
    """
    name = "the shop's [1] home"  # a name that SQL, globs and URIs would read
    mine = tmp_path_factory.mktemp("grown") / name
    place = shared / "grown by one worker"
    place.mkdir(exist_ok=True)
    made = place / "made"
    with (place / "lock").open("w") as lock, pytest.MonkeyPatch.context() as patch:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.is_file():
            shutil.rmtree(place / name, ignore_errors=True)  # of a worker that did not come to the end
            settings, lake = at_home(patch, place / name)
            grow(settings, lake)
            register_models(settings, place / "model")
            made.touch()
        shutil.copytree(place / name, mine)
    return mine


@pytest.fixture
def installation(grown, tmp_path, monkeypatch):
    """Settings and lake of a copy of its own."""
    shutil.copytree(grown, tmp_path / "its copy's home")
    return at_home(monkeypatch, tmp_path / "its copy's home")


@pytest.fixture(scope="session", autouse=True)
def _parsed(parsed_project):
    """Every test here may run dbt."""


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory):
    """MLflow's tables take seconds to make; they are made once."""
    from uniscale.config import load_settings
    from uniscale.registry.store import Registry

    settings = load_settings()
    settings.home = tmp_path_factory.mktemp("mlflow")
    Registry(settings)
    return settings.home / "mlflow.db"


@pytest.fixture
def stage(settings, lake, empty_database, tmp_path, monkeypatch):
    """An installation whose rankers are as skilled as a test says."""
    from tests.support_judging import Stage
    from uniscale.decision import judge

    settings.home.mkdir(parents=True, exist_ok=True)
    shutil.copy(empty_database, settings.home / "mlflow.db")
    settings.gate.num_resamples = 200
    model_dir = tmp_path / "model"
    model_dir.mkdir()
    (model_dir / "model.json").write_text("{}")
    made = Stage(settings, lake, model_dir)
    monkeypatch.setattr(judge, "_score", made.score)
    monkeypatch.setattr(judge, "Registry", lambda _: made.registry)  # opening it again for each call takes long
    monkeypatch.setattr("mlflow.pyfunc.save_model", lambda path, **_: path.mkdir())  # no model here is ever loaded
    return made
