"""Daily retraining of the search ranker.

**Purpose.** Turn a day's event logs into a trained ranker, a promotion decision and a page a person can read.

**Inputs.** Event logs of the day `ds` (the last training day) and of the evaluation days after it, in the folder that
`source.events_dir` names; the lake; the registered champion.

**Outputs.** The day's partitions in the lake, two registered model versions at most, the aliases `champion` and
`challenger`, a decision with its evidence, `reports/<ds>/index.html`. Every derived table is an asset of its name,
`es3.samples` say, that a DAG of your own can be scheduled on.

**When.** Every night at 02:00 UTC for the day before yesterday: its test day ended two hours ago. A manual run takes
`{"ds": "YYYY-MM-DD"}` as configuration.

**Owner.** The search ranking team.

**If it fails.** The task's log ends with a sentence that says what is wrong and what to do. Clear the task, or run
`uniscale day DS`: finished steps are not done again.

**Re-run safety.** Every task replaces exactly what it wrote for `ds`; the same day gives the same rows.
"""

from __future__ import annotations

import shlex
import sys
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import attrgetter

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Asset, CronTriggerTimetable, Param, TaskGroup, chain

from uniscale.contracts.days import GIVEN_DAY
from uniscale.pipeline.products import read_by, tables_of
from uniscale.pipeline.steps import DAY_STEPS

DS = "{{ params.ds or (data_interval_start | ds) }}"
"""The day; it reaches the command as a variable of its environment, never as text of the command."""

with DAG(
    dag_id="daily_retraining",
    description="Event logs of a day to a trained ranker, a promotion decision and a page.",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("0 2 * * *", timezone="UTC", interval=timedelta(days=2)),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    params={"ds": Param(None, **GIVEN_DAY, description="Last training day, YYYY-MM-DD; default from the schedule.")},
    default_args={"owner": "search-ranking", "retries": 1, "retry_delay": timedelta(seconds=10)},
    tags=["uniscale", "ranking", "daily"],
) as dag:
    tasks = []
    for group, steps in groupby(DAY_STEPS, key=attrgetter("group")):
        with TaskGroup(group_id=group.lower(), group_display_name=group, prefix_group_id=False):
            tasks += [
                BashOperator(
                    task_id=step.name,
                    task_display_name=step.title,
                    bash_command=f'exec {shlex.quote(sys.executable)} -m uniscale step {step.name} -- "$DS"',
                    env={"DS": DS},
                    append_env=True,
                    doc_md=step.title,
                    inlets=[Asset(table.qualified) for table in read_by(step.name)],
                    outlets=[Asset(table.qualified) for table in tables_of(step.name)],
                )
                for step in steps
            ]
    chain(*tasks)
