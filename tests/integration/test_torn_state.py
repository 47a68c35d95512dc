"""State that libraries write for themselves, torn by a kill: the next run goes on."""

import json
from datetime import date

import pytest

from monitoring.reports.workspace import keep
from ray_jobs.fit import _drop_torn_state
from uniscale.pipeline.airflow import prepare_airflow
from uniscale.pipeline.results import DriftReport
from uniscale.whole_files import write_whole

DAY = date(2026, 1, 8)
REPORT = DriftReport(name="users", title="", num_current=3, num_reference=3, num_tests=0, failed=(), file="", note="")


def snapshot(ds):
    import pandas as pd
    from evidently import Dataset, Report  # takes seconds, which other test processes should not pay
    from evidently.presets import ValueStats

    report = Report([ValueStats("x")], metadata={"ds": ds.isoformat()})
    return report.run(Dataset.from_pandas(pd.DataFrame({"x": [1.0, 2.0, 3.0]})), None)


def days_of(folder):
    from evidently.ui.workspace import Workspace

    workspace = Workspace.create(str(folder))
    (project,) = workspace.search_project("drift: users")
    return sorted(workspace.get_run(project.id, run).metadata["ds"] for run in workspace.list_runs(project.id))


def test_a_report_half_written_into_the_workspace_is_written_again(tmp_path):
    earlier = date(2026, 1, 7)
    for day in (earlier, DAY):
        keep(tmp_path, day, [(REPORT, snapshot(day))])
    assert days_of(tmp_path) == ["2026-01-07", "2026-01-08"]
    (torn,) = [file for file in tmp_path.glob("*/snapshots/*.json") if "2026-01-08" in file.read_text()]
    torn.write_bytes(torn.read_bytes()[:1000])
    keep(tmp_path, DAY, [(REPORT, snapshot(DAY))])
    assert days_of(tmp_path) == ["2026-01-07", "2026-01-08"]


@pytest.mark.parametrize("name", ["metadata.json", "dashboard.json"])
def test_a_project_half_described_does_not_keep_the_others_from_opening(tmp_path, name):
    keep(tmp_path, DAY, [(REPORT, snapshot(DAY))])
    (file,) = tmp_path.glob(f"*/{name}")
    file.write_bytes(file.read_bytes()[:20])
    keep(tmp_path, DAY, [(REPORT, snapshot(DAY))])
    assert days_of(tmp_path) == ["2026-01-08"]


@pytest.mark.parametrize("content", ["", '{"checkpoint_results": [{"metr'])
def test_a_torn_list_of_checkpoints_is_dropped_and_a_whole_one_is_kept(tmp_path, content):
    state = tmp_path / "checkpoint_manager_snapshot.json"
    _drop_torn_state(tmp_path)
    write_whole(state, json.dumps({"checkpoint_results": []}))
    _drop_torn_state(tmp_path)
    assert state.is_file()
    state.write_text(content)
    _drop_torn_state(tmp_path)
    assert not state.exists()


def test_a_cut_off_database_of_airflow_is_named_with_the_remedy(settings):
    home = settings.home / "airflow"
    home.mkdir(parents=True)
    (home / "airflow.db").write_bytes(b"SQLite format 3\x00" + b"\x10\x00" + bytes(3000))
    with pytest.raises(RuntimeError, match=r"Airflow's database .*airflow\.db is damaged .*remove it"):
        prepare_airflow(settings)
