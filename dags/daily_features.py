"""Features of the day that has just ended, built and served.

**Purpose.** Serve every request the values of the last midnight. The daily retraining runs two days behind, as it needs
a test day; serving cannot wait for it.

**Inputs.** Event logs of the day `ds`, whole, in the folder that `source.events_dir` names; the lake; the log of what
was served on `ds`.

**Outputs.** The feature tables of `ds` in the lake, the fresh actions of `ds`, the values of the midnight after `ds` in
the online store, and per feature the share of served values that the lake recomputes.

**When.** Every night at 00:30 UTC for the day that has just ended, before the retraining at 02:00, which finds these
features built. A manual run takes `{"ds": "YYYY-MM-DD"}` as configuration.

**Owner.** The search ranking team.

**If it fails.** The previous values stay served, and look-ups warn once they are 26 hours old. `build` waits half an
hour for logs that are late. `skew` fails when fewer requests than `skew.match` of `monitoring/thresholds.yaml` were
served what the lake holds, or one was served values that were overdue: its log lists the features, worst first. Clear
the task, or run `uniscale features build DS`, `uniscale features materialize DS` and `uniscale features skew DS`.

**Re-run safety.** Every task replaces exactly what it wrote for `ds`; the same day gives the same rows. A task waits
for a step of the retraining that is at work.
"""

from __future__ import annotations

import shlex
import sys
from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, CronTriggerTimetable, Param, chain

from uniscale.contracts.days import GIVEN_DAY
from uniscale.pipeline.steps import NIGHT_STEPS

DS = "{{ params.ds or (data_interval_start | ds) }}"
"""The day; it reaches the command as a variable of its environment, never as text of the command."""

with DAG(
    dag_id="daily_features",
    description="Event logs of a day to the features that are served from the midnight after it.",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("30 0 * * *", timezone="UTC", interval=timedelta(days=1)),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    params={"ds": Param(None, **GIVEN_DAY, description="Day that has ended, YYYY-MM-DD; default from the schedule.")},
    default_args={"owner": "search-ranking", "retries": 3, "retry_delay": timedelta(minutes=10)},
    tags=["uniscale", "features", "daily"],
) as dag:
    chain(
        *(
            BashOperator(
                task_id=step.name,
                task_display_name=step.title,
                bash_command=f'exec {shlex.quote(sys.executable)} -m uniscale features {step.name} -- "$DS"',
                env={"DS": DS},
                append_env=True,
                doc_md=step.title,
            )
            for step in NIGHT_STEPS
        )
    )
