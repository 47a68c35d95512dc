"""What several tests share: an installation that has run a day, copied for each, and a PostgreSQL server."""

import shutil

import pytest

from tests.support_lineage import at_home, grow, register_models
from tests.support_servers import postgres_server


@pytest.fixture(scope="session")
def postgres():
    """Makes a database by its name on a server of the session, and gives its DSN, with the password."""
    with postgres_server() as database:
        yield database


@pytest.fixture(scope="session")
def grown(tmp_path_factory):
    """Home of an installation that has run a day; not to be written to."""
    home = tmp_path_factory.mktemp("grown") / "the shop's [1] home"  # a name that SQL, globs and URIs would read
    with pytest.MonkeyPatch.context() as patch:
        settings, lake = at_home(patch, home)
        grow(settings, lake)
        register_models(settings, home.parent / "model")
    return home


@pytest.fixture
def installation(grown, tmp_path, monkeypatch):
    """Settings and lake of a copy of its own."""
    shutil.copytree(grown, tmp_path / "its copy's home")
    return at_home(monkeypatch, tmp_path / "its copy's home")
