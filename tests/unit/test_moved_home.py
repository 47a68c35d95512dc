"""A home that was copied or moved works on its own files, not on those of the home it was."""

from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from uniscale.config import load_settings
from uniscale.pipeline.airflow import airflow_environment


def test_every_place_that_airflow_writes_down_from_the_root_on_follows_the_home(settings):
    found = find_spec("airflow")
    if found is None or found.origin is None:
        pytest.skip("Airflow is not installed")
    options = yaml.safe_load(Path(found.origin).with_name("config_templates").joinpath("config.yml").read_text())
    wanted = {
        f"AIRFLOW__{section}__{name}".upper()
        for section, content in options.items()
        for name, option in content["options"].items()
        if "{AIRFLOW_HOME}" in str(option["default"])
    }
    assert len(wanted) > 3
    environment = airflow_environment(settings)
    assert wanted <= environment.keys()
    elsewhere = {name for name in wanted if str(settings.home / "airflow") not in environment[name]}
    assert elsewhere == {"AIRFLOW__CORE__DAGS_FOLDER", "AIRFLOW__CORE__PLUGINS_FOLDER"}  # the checkout's


def test_a_home_that_a_database_address_cannot_hold_is_refused_in_one_line(monkeypatch, tmp_path):
    monkeypatch.setenv("UNISCALE_HOME", str(tmp_path / "home?"))
    with pytest.raises(ValueError, match=r"home\?.* holds a question mark; name a folder without one"):
        load_settings()
