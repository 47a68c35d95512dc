"""Markers by folder, UTC, no telemetry, and a lake of its own for every test that asks for one."""

import fcntl
import gc
import os
import tempfile
from pathlib import Path

import pytest

from uniscale.config import Settings, load_settings
from uniscale.lake import Lake
from uniscale.warehouse.project import run_dbt, state_folder

os.environ.update(
    {
        "TZ": "UTC",
        "OMP_WAIT_POLICY": "PASSIVE",  # the test processes share the cores: threads that wait must not spin
        "GOMP_SPINCOUNT": "0",
        "DO_NOT_TRACK": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_worker_niceness": "0",  # by default Ray's workers are nice to all others, which here would starve them
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW_HOME": tempfile.mkdtemp(prefix="airflow-"),
    }
)
for _name in [name for name in os.environ if name.startswith("UNISCALE_")]:
    del os.environ[_name]
os.environ["UNISCALE_CONFIG"] = os.devnull  # not what lies in the folder the tests were started in
os.environ["UNISCALE_LAKE__THREADS"] = "1"  # the test processes share the cores; whole days, in e2e, take all

FOLDERS = ("unit", "property", "contract", "golden", "integration", "e2e")


def pytest_collection_modifyitems(items):
    for item in items:
        folder = Path(str(item.path)).relative_to(Path(__file__).parent).parts[0]
        if folder in FOLDERS:
            item.add_marker(getattr(pytest.mark, folder))


def pytest_collection_finish():
    """What is imported by now stays to the end: the garbage collector need not look at it, a tenth of the time else."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture
def settings(tmp_path, monkeypatch) -> Settings:
    """Settings of an empty installation in a temporary folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNISCALE_HOME", str(tmp_path / "home"))
    return load_settings()


@pytest.fixture
def lake(settings) -> Lake:
    """An empty lake."""
    return Lake(settings)


@pytest.fixture(scope="session")
def shared(tmp_path_factory) -> Path:
    """A folder of all test processes of this run; what one makes in it for all, it makes under a lock."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def parsed_project(shared):
    """dbt's parse of the project, made once for all test processes: homes of tests start from it, not from nothing."""
    settings = Settings(home=shared / "parsed")
    parsed = state_folder(settings) / "target" / "partial_parse.msgpack"
    with (shared / "parsed.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not parsed.is_file():
            run_dbt(settings, Lake(settings), ["parse"])
    os.environ["DBT_PARTIAL_PARSE_FILE_PATH"] = str(parsed)
