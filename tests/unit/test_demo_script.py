"""`make demo` leaves its settings where commands find them, and never touches an installation that was there before."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from uniscale.checkout import PROJECT_ROOT

ASKED = """#!/usr/bin/env bash
echo "$UNISCALE_CONFIG ${UNISCALE_HOME:-none} $1" >> asked
if [ "$1" = simulate ]; then mkdir -p .demo/shop; fi
if [ "$1" = sql ]; then printf 'sample_id,user_id,item\\nsearch-1,u052,i0994\\n'; fi
"""
"""What stands in for the command: writes down what it is asked, and knows a sample."""


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "checkout"
    (folder / ".ci").mkdir(parents=True)
    shutil.copy(PROJECT_ROOT / ".ci" / "demo", folder / ".ci" / "demo")
    shutil.copy(PROJECT_ROOT / "Makefile", folder)
    command = folder / ".venv" / "bin" / "uniscale"
    command.parent.mkdir(parents=True)
    command.write_text(ASKED)
    command.chmod(0o755)
    return folder


def demo(checkout: Path, **variables: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("UNISCALE_")}
    environment = {**kept, "BIN": ".venv/bin", "DS": "2026-01-11", **variables}
    command = ["bash", ".ci/demo"]
    return subprocess.run(command, cwd=checkout, env=environment, check=True, capture_output=True, text=True).stdout


def clean(checkout: Path) -> None:
    subprocess.run(["make", "clean"], cwd=checkout, check=True, capture_output=True)


def test_commands_find_the_demo_and_are_told_with_what_is_in_it(checkout):
    told = demo(checkout)
    assert (checkout / "uniscale.toml").resolve() == checkout / ".demo" / "uniscale.toml"
    assert "export" not in told
    for line in ("source .venv/bin/activate", "uniscale lineage search-1 ", "uniscale lineage --user u052 ",
                 "uniscale features get --service ranker_item_v2 --entity item_id=i0994 ",
                 "uniscale samples 2026-01-11 ", "uniscale report 2026-01-11 --json"):  # fmt: skip
        assert line in told
    assert "export" not in demo(checkout)
    clean(checkout)
    assert not (checkout / "uniscale.toml").is_symlink()
    assert not (checkout / ".demo").exists()


def test_settings_of_your_own_win_and_stay(checkout):
    own = checkout / "uniscale.toml"
    own.write_text('target_domain = "feed"\n')
    told = demo(checkout)
    assert f"export UNISCALE_CONFIG={checkout}/.demo/uniscale.toml" in told
    assert (own.read_text(), own.is_symlink()) == ('target_domain = "feed"\n', False)
    clean(checkout)
    assert own.read_text() == 'target_domain = "feed"\n'


def test_a_lake_of_your_own_without_settings_is_not_hidden(checkout):
    (checkout / ".uniscale" / "lake").mkdir(parents=True)
    assert f"export UNISCALE_CONFIG={checkout}/.demo/uniscale.toml" in demo(checkout)
    assert not (checkout / "uniscale.toml").exists()
    clean(checkout)
    assert (checkout / ".uniscale" / "lake").is_dir()


def test_the_demo_never_runs_in_the_home_that_the_environment_names(checkout, tmp_path):
    told = demo(checkout, UNISCALE_HOME=str(tmp_path / "mine"), UNISCALE_CONFIG=str(tmp_path / "mine.toml"))
    runs = (checkout / "asked").read_text().splitlines()
    assert runs == [f"{checkout}/.demo/uniscale.toml none {name}" for name in ("simulate", "day", "sql")]
    assert "unset UNISCALE_HOME" in told
    assert "export UNISCALE_CONFIG" in told
