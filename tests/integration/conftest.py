"""An installation that has run a day, made once and copied for each test that asks for it."""

import shutil

import pytest

from tests.support_lineage import at_home, grow, register_models


@pytest.fixture(scope="session")
def grown(tmp_path_factory):
    """Home of an installation that has run a day; not to be written to."""
    home = tmp_path_factory.mktemp("grown") / "home"
    with pytest.MonkeyPatch.context() as patch:
        settings, lake = at_home(patch, home)
        grow(settings, lake)
        register_models(settings, home.parent / "model")
    return home


@pytest.fixture
def installation(grown, tmp_path, monkeypatch):
    """Settings and lake of a copy of its own."""
    shutil.copytree(grown, tmp_path / "home")
    return at_home(monkeypatch, tmp_path / "home")
