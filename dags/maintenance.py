"""Keeping the installation small.

**Purpose.** The disk does not fill up: small files are merged, what nobody reads any more goes.

**Inputs.** The lake, the model registry, reports, workspaces and logs of the installation.

**Outputs.** The same with fewer and smaller files: merged Parquet files, no snapshots, drift reports, Evidently runs,
sweeps and logs older than 30 days, no models older than 90 days that never served. Pages and numbers of the days stay.
The online store needs none of it: it holds two slots.

**When.** On Sundays at 04:00 UTC.

**Owner.** The search ranking team.

**If it fails.** Nothing is lost and nothing waits for it; the disk goes on filling. Clear the task, or run
`uniscale maintain`.

**Re-run safety.** The newest rows stay as they are; killed at any time, the same command goes on.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from dags.parts.command import Command
from dags.parts.days import DayTimetable
from dags.parts.usual import usual

with DAG(
    dag_id="maintenance",
    description="Merge, expire and delete what nobody reads any more.",
    doc_md=__doc__,
    schedule=DayTimetable(lag=timedelta(days=1, hours=4), weekday=5),
    tags=["uniscale", "maintenance", "weekly"],
    **usual(),
) as dag:
    Command(
        task_id="maintain",
        task_display_name="Merge, expire, delete",
        words="uniscale maintain",
        day="",
        hours=6,
    )
