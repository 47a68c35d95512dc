"""Feast is imported without the checks of its definitions and without torch; the definitions pass those checks."""

import subprocess
import sys

import pytest

from uniscale.checkout import PROJECT_ROOT

pytest.importorskip("feast")


def answer(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_an_import_through_ours_neither_checks_definitions_nor_loads_torch():
    code = """
import sys, typeguard
checked = typeguard.typechecked
import uniscale.features, feast
entity = feast.Entity(name="user", description=7)
print("torch" in sys.modules, typeguard.typechecked is checked, entity.description)
from feast.torch_wrapper import get_torch
print(get_torch().__name__)
"""
    assert answer(code).split("\n") == ["False True 7", "torch"]


def test_our_definitions_pass_the_checks_of_feast():
    code = """
import feast, typeguard
from uniscale.features.repo import definitions
print(len(definitions()) > 0)
try:
    feast.Entity(name="user", description=7)
except typeguard.TypeCheckError as error:
    print("checked")
"""
    assert answer(code).split("\n") == ["True", "checked"]
