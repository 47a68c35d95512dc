"""Labels become final: days whose attribution window has closed are brought up to date.

**Purpose.** End with final labels on every day that was ever logged, also where no retraining reads it any more, failed
or is not run, and take in what came late for a closed day.

**Inputs.** The landed logs up to the day `ds`; logs that wait are landed by `daily_features`.

**Outputs.** `marts.fct_exposures` and `marts.fct_attributions` of the days whose window had closed when `ds` ended,
back to four weeks; as assets with `ds` as their partition.

**When.** When `daily_features` has landed the logs of a day, for that day. A manual run takes `{"ds": "YYYY-MM-DD"}` as
configuration.

**Owner.** The search ranking team.

**If it fails.** Training goes on: each run brings the labels that it reads up to date itself. Clear the task, or run
`uniscale restate DS`.

**Re-run safety.** Only days that are not up to date are built; the same logs give the same rows.
"""

from __future__ import annotations

from airflow.sdk import DAG, Asset, PartitionedAssetTimetable

from dags.parts.command import Command
from dags.parts.usual import usual
from uniscale.contracts.events import REQUESTS
from uniscale.warehouse.products import REQUEST_LABELS

with DAG(
    dag_id="label_restatement",
    description="Days whose attribution window has closed get their final labels.",
    doc_md=__doc__,
    schedule=PartitionedAssetTimetable(assets=Asset(REQUESTS.qualified)),
    tags=["uniscale", "labels", "daily"],
    **usual(),
) as dag:
    Command(
        task_id="restate",
        task_display_name="Final labels (dbt)",
        words="uniscale restate",
        hours=4,
        outlets=[Asset(table.qualified) for table in REQUEST_LABELS.tables],
    )
