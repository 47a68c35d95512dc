"""Configuration is checked: a wrong key or value is refused with words a person can act on."""

import pytest
import yaml

from uniscale.config import load_settings
from uniscale.contracts.policy import DEFAULT_POLICY, load_policy
from uniscale.pipeline.processes import child_environment


def changed(tmp_path, **changes):
    content = yaml.safe_load(DEFAULT_POLICY.read_text(encoding="utf-8"))
    for path, value in changes.items():
        *parents, last = path.split("__")
        section = content
        for parent in parents:
            section = section[parent]
        section[last] = value
    file = tmp_path / "policy.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    return file


def test_the_default_policy_has_the_order_of_targets_of_the_paper():
    policy = load_policy()
    assert policy.attribution.click.targets == ("exposed", "unexposed")
    assert policy.attribution.purchase.targets == ("clicked", "exposed_unclicked", "unexposed")


def test_labels_are_final_when_the_longest_window_and_the_lateness_have_passed():
    assert load_policy().attribution.window_days == 8


def test_an_unknown_policy_key_is_named(tmp_path):
    with pytest.raises(ValueError, match="windw_hours"):
        load_policy(changed(tmp_path, attribution__click__windw_hours=3))


def test_overlapping_targets_are_refused(tmp_path):
    with pytest.raises(ValueError, match="overlap"):
        load_policy(changed(tmp_path, attribution__purchase__targets=["exposed", "clicked"]))


def test_a_target_named_twice_is_refused(tmp_path):
    with pytest.raises(ValueError, match="twice"):
        load_policy(changed(tmp_path, attribution__click__targets=["exposed", "exposed"]))


def test_an_unknown_setting_in_the_file_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("UNISCALE_CONFIG")
    (tmp_path / "uniscale.toml").write_text("[window]\ntrain_dayz = 3\n", encoding="utf-8")
    with pytest.raises(ValueError, match="train_dayz"):
        load_settings()


def test_the_environment_overrides_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("UNISCALE_CONFIG")
    (tmp_path / "uniscale.toml").write_text("[window]\ntrain_days = 3\n", encoding="utf-8")
    assert load_settings().window.train_days == 3
    monkeypatch.setenv("UNISCALE_WINDOW__TRAIN_DAYS", "5")
    assert load_settings().window.train_days == 5


def test_paths_are_relative_to_the_configuration_file(tmp_path, monkeypatch):
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "uniscale.toml").write_text('home = "state"\n[source]\nevents_dir = "logs"\n', encoding="utf-8")
    monkeypatch.setenv("UNISCALE_CONFIG", str(folder / "uniscale.toml"))
    settings = load_settings()
    assert settings.home == folder / "state"
    assert settings.source.events_dir == folder / "logs"


def test_a_configuration_file_that_is_not_there_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("UNISCALE_CONFIG", str(tmp_path / "missing.toml"))
    with pytest.raises(FileNotFoundError, match=r"missing\.toml"):
        load_settings()


def test_a_child_of_an_installation_without_settings_finds_those_of_no_other(tmp_path, monkeypatch):
    monkeypatch.delenv("UNISCALE_CONFIG")
    monkeypatch.chdir(tmp_path)
    environment = child_environment(load_settings())
    (tmp_path / "checkout").mkdir()
    (tmp_path / "checkout" / "uniscale.toml").write_text('target_domain = "feed"\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path / "checkout")
    assert load_settings().target_domain == "feed"
    for name in ("UNISCALE_CONFIG", "UNISCALE_HOME"):
        monkeypatch.setenv(name, environment[name])
    assert (load_settings().target_domain, load_settings().home) == ("search", tmp_path / ".uniscale")


def test_below_the_checkout_its_settings_hold(tmp_path, monkeypatch):
    monkeypatch.setattr("uniscale.config.settings.PROJECT_ROOT", tmp_path)
    for name in ("UNISCALE_CONFIG", "UNISCALE_HOME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "dbt_project").mkdir()
    monkeypatch.chdir(tmp_path / "dbt_project")
    assert load_settings().home == tmp_path / ".uniscale"
    (tmp_path / "uniscale.toml").write_text('home = "state"\n', encoding="utf-8")
    assert load_settings().home == tmp_path / "state"
