"""``python -m monitoring.daily --ds DS``: the Evidently reports of a day, as HTML and in the UI's workspace."""

from __future__ import annotations

import argparse
import json
import warnings
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from monitoring.drift import compare
from monitoring.populations import feature_pairs, prediction_pair
from uniscale.config import Settings, load_settings
from uniscale.config.thresholds import load_thresholds
from uniscale.lake import Lake
from uniscale.pipeline.results import Drift
from uniscale.pipeline.workspace import drop_torn_reports


def watch_day(settings: Settings, ds: date) -> list[Drift]:
    """Write the drift reports of a day; running it again replaces them.

    Returns:
        What each report found.
    """
    limits = load_thresholds().drift
    folder = settings.home / "reports" / ds.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    with Lake(settings).read() as con:
        pairs = feature_pairs(con, settings, ds, limits.max_rows)
        pairs.append(prediction_pair(con, ds, limits.max_rows))
    found, snapshots = [], []
    for pair in pairs:
        drift, snapshot = compare(pair, ds, limits, folder)
        found.append(drift)
        if snapshot is not None:
            snapshots.append((drift, snapshot))
    _keep(settings.home / "evidently", ds, snapshots)
    return found


def _keep(folder: Path, ds: date, snapshots: list[tuple[Drift, Any]]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the import of Evidently's UI warns about its own libraries
        from evidently.ui.workspace import Workspace

        drop_torn_reports(folder)
        workspace = Workspace.create(str(folder))
        for drift, snapshot in snapshots:
            title = f"drift: {drift.name}"
            known = workspace.search_project(title)
            project = known[0] if known else _create(workspace, title)
            for run_id in workspace.list_runs(project.id):
                run = workspace.get_run(project.id, run_id)
                if run is not None and run.metadata.get("ds") == ds.isoformat():
                    workspace.delete_run(project.id, run_id)
            workspace.add_run(project.id, snapshot)


def _create(workspace: Any, title: str) -> Any:
    from evidently.sdk.models import PanelMetric
    from evidently.sdk.panels import line_plot_panel

    project = workspace.create_project(title)
    values = [
        PanelMetric(legend="drifted columns", metric="DriftedColumnsCount", metric_labels={"value_type": "count"})
    ]
    project.dashboard.add_panel(line_plot_panel(title="Drifted columns by day", values=values, size="full"))
    project.save()
    return project


def main() -> None:
    """Command line; the last line of standard output is a JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ds", type=date.fromisoformat, required=True, help="day of the run, YYYY-MM-DD")
    arguments = parser.parse_args()
    found = watch_day(load_settings(), arguments.ds)
    print(json.dumps({"drift": [asdict(drift) for drift in found]}))


if __name__ == "__main__":
    main()
