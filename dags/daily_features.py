"""Features of the day that has just ended, built and served.

**Purpose.** Serve every request the values of the last midnight. The daily retraining runs two days behind, as it needs
a test day; serving cannot wait for it.

**Inputs.** Event logs of the day `ds`, whole, in the folder that `source.events_dir` names; the lake; the log of what
was served on `ds`.

**Outputs.** The feature tables of `ds` in the lake, the fresh actions of `ds`, the values of the midnight after `ds` in
the online store, and per feature the share of served values that the lake recomputes.

**When.** Every night at 00:30 UTC for the day that has just ended, before the retraining at 02:00, which finds these
features built. The logical date of a run is its day; a manual run takes the day as logical date, or
`{"ds": "YYYY-MM-DD"}` as configuration.

**Owner.** The search ranking team.

**If it fails.** The previous values stay served, and look-ups warn once they are 26 hours old. `logs` waits up to 20
hours for logs that are late, then leaves the night to the next one, which builds its features too. `skew` fails when
fewer requests than `skew.match` of `monitoring/thresholds.yaml` were served what the lake holds, or one was served
values that were overdue: its log lists the features, worst first. Clear the task, or run `uniscale features build
DS`, `uniscale features materialize DS` and `uniscale features skew DS`.

**Re-run safety.** Every task replaces exactly what it wrote for `ds`; the same day gives the same rows. Tasks that
work on the lake take turns, in the pool `installation`.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, Asset, chain

from dags.parts.command import Command, WaitForLogs
from dags.parts.days import DayTimetable
from dags.parts.usual import usual
from uniscale.pipeline.steps import NIGHT_STEPS

with DAG(
    dag_id="daily_features",
    description="Event logs of a day to the features that are served from the midnight after it.",
    doc_md=__doc__,
    schedule=DayTimetable(lag=timedelta(days=1, minutes=30)),
    tags=["uniscale", "features", "daily"],
    **usual(),
) as dag:
    chain(
        WaitForLogs(
            task_id="logs", task_display_name="Logs of the day", words="ready --features", late_hours=2, hours=20
        ),
        *(
            Command(
                task_id=step.name,
                task_display_name=step.title,
                doc_md=step.title,
                words=f"uniscale features {step.name}",
                hours=step.limit_hours,
                outlets=[Asset(table.qualified) for table in step.lands],
            )
            for step in NIGHT_STEPS
        ),
    )
