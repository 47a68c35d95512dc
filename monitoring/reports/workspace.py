"""The workspace of Evidently's UI: one project per population, one run a day, and panels of their history."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from uniscale.contracts.tasks import CLICK
from uniscale.pipeline.results import DriftReport
from uniscale.pipeline.workspace import drop_torn_reports


def keep(folder: Path, ds: date, snapshots: Sequence[tuple[DriftReport, Any]]) -> None:
    """Add the reports of a day to the workspace; those that an earlier run of the day added are replaced."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the import of Evidently's UI warns about its own libraries
        from evidently.ui.workspace import Workspace

        drop_torn_reports(folder)
        workspace = Workspace.create(str(folder))
        for report, snapshot in snapshots:
            title = f"drift: {report.name}"
            known = workspace.search_project(title)
            project = known[0] if known else _create(workspace, title)
            for run_id in workspace.list_runs(project.id):
                run = workspace.get_run(project.id, run_id)
                if run is not None and run.metadata.get("ds") == ds.isoformat():
                    workspace.delete_run(project.id, run_id)
            workspace.add_run(project.id, snapshot)


_PANELS: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    ("Drifted columns", "share", "DriftedColumnsCount", {"value_type": "share"}),
    ("Label rate", "clicked", "MeanValue", {"column": CLICK.label}),
    ("Rows with a new category", "share", "OutListValueCount", {"value_type": "share"}),
    ("Rows", "sampled", "RowCount", {}),
)
"""Title, legend, metric and its labels."""


def _create(workspace: Any, title: str) -> Any:
    from evidently.sdk.models import PanelMetric
    from evidently.sdk.panels import line_plot_panel

    project = workspace.create_project(title)
    for name, legend, metric, labels in _PANELS:
        values = [PanelMetric(legend=legend, metric=metric, metric_labels=labels)]
        project.dashboard.add_panel(line_plot_panel(title=f"{name} by day", values=values, size="half"))
    project.save()
    return project
