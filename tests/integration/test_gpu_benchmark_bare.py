"""The benchmark of a GPU runs on a machine that has torch and numpy alone."""

import importlib.metadata
import json
import re
import subprocess
import sys

import pytest

from uniscale.checkout import PROJECT_ROOT

GUARD = """
import runpy, sys

class Bare:
    def __init__(self, finder):
        self.finder = finder
    def __getattr__(self, name):
        return getattr(self.finder, name)
    def find_spec(self, name, path=None, target=None):
        return self.finder.find_spec(name, path, target) if is_there(name) else None

def is_there(name):
    return name.partition(".")[0] in there or name.startswith(("_sysconfigdata", "__main__"))

there = {*sys.stdlib_module_names, *sys.argv.pop(1).split(",")}
for name in [name for name in sys.modules if not is_there(name)]:
    del sys.modules[name]
sys.meta_path[:] = [Bare(finder) for finder in sys.meta_path]
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""
"""Runs a module where only the standard library and the named ones can be found."""


def _on_a_bare_machine(*words):
    modules = {"uniscale", "benchmarks"} | {module for name in _needed("torch", "numpy") for module in _modules(name)}
    command = [sys.executable, "-c", GUARD, ",".join(sorted(modules)), *words]
    return subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)


def _needed(*names):
    """Distributions that pip installs for these here: their requirements without extras, and so on."""
    found, left = set(), list(names)
    while left:
        name = left.pop()
        try:
            wanted = importlib.metadata.requires(name) or ()
        except importlib.metadata.PackageNotFoundError:  # of another system, or of a GPU
            continue
        if name not in found:
            found.add(name)
            left += [re.match(r"[\w.-]+", text)[0] for text in wanted if "extra ==" not in text]
    return found


def _modules(name):
    """What can be imported of a distribution."""
    tops = {path.parts[0] for path in importlib.metadata.files(name)}
    return {top.partition(".")[0] for top in tops if "-" not in top and top != ".."}


def test_a_bare_machine_has_nothing_but_torch_numpy_and_what_they_need():
    assert "No module named duckdb" in _on_a_bare_machine("duckdb").stderr
    assert {"torch", "numpy", "sympy"} <= _needed("torch", "numpy")
    assert not {"duckdb", "pyarrow", "pydantic", "pandas"} & _needed("torch", "numpy")


def test_the_benchmark_of_a_gpu_needs_torch_and_numpy_alone(tmp_path):
    words = "--device cpu --sizes xs --models dlrm --requests 2 4 --forms fp32 TF32 bf16 --steps 4 --folder"
    done = _on_a_bare_machine("benchmarks.gpu", *words.split(), str(tmp_path))
    assert done.returncode == 0, done.stderr[-3000:]
    (file,) = tmp_path.glob("gpu_cpu_*.json")
    kept = json.loads(file.read_text())
    assert {(cell["form"], cell["requests"]) for cell in kept["cells"]} == {
        (form, requests) for form in ("fp32", "TF32", "bf16") for requests in (2, 4)
    }
    assert all(cell["outcome"] == "timed" and cell["rows_per_second"] > 0 for cell in kept["cells"])
    assert all(sum(cell["time_by_kind"].values()) == pytest.approx(1) for cell in kept["cells"])
    (check,) = kept["checks"]
    assert check["is_same"] and check["last_loss"] < check["first_loss"]
    assert set(kept["peak_tflops"]) == {"fp32", "TF32", "bf16"} and set(kept["loader_rows_per_second"]) == {"2", "4"}
    assert not kept["left_out"]
    assert "| dlrm | xs | 4 | bf16 |" in file.with_suffix(".md").read_text()
