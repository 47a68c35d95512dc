"""Daily retraining of the search ranker.

**Purpose.** Turn a day's event logs into a trained ranker, a promotion decision and a page a person can read.

**Inputs.** Event logs of the day `ds` (the last training day) and of the evaluation days after it, in the folder that
`source.events_dir` names; the lake; the registered champion.

**Outputs.** The day's partitions in the lake, two registered model versions at most, the aliases `champion` and
`challenger`, a decision with its evidence. Every derived table is an asset of its name, `es3.samples` say, with the day
as its partition: a DAG of your own that is scheduled on it runs once for each run of a day, and knows the day. The
asset `day` comes in any case, failed or not: `monitoring` waits for it.

**When.** Every night at 02:00 UTC for the day before yesterday: its test day ended two hours ago. The logical date of
a run is its day, so `airflow backfill create --dag-id daily_retraining --from-date A --to-date B` runs the days A to
B. A manual run takes the day as logical date, or `{"ds": "YYYY-MM-DD"}` as configuration. After a pause the last
seven days are made up for, in order.

**Owner.** The search ranking team.

**If it fails.** `logs` waits up to three days for logs of the day or its test day that are late, and the days after it
wait with it. Bad input fails at once, anything else after three more tries. The task's log ends with a sentence that
says what is wrong and what to do. Clear the task, or run `uniscale day DS`: finished steps are not done again.

**Re-run safety.** Every task replaces exactly what it wrote for `ds`; the same day gives the same rows.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby
from operator import attrgetter

from airflow.sdk import DAG, Asset, BaseOperator, TaskGroup, TriggerRule, chain

from dags.parts.command import Announce, Command, WaitForLogs
from dags.parts.days import DayTimetable
from dags.parts.usual import usual
from uniscale.pipeline.products import read_by, tables_of
from uniscale.pipeline.steps import RETRAINING_STEPS

with DAG(
    dag_id="daily_retraining",
    description="Event logs of a day to a trained ranker and a promotion decision.",
    doc_md=__doc__,
    schedule=DayTimetable(lag=timedelta(days=2, hours=2)),
    tags=["uniscale", "ranking", "daily"],
    **usual(),
) as dag:
    logs = WaitForLogs(
        task_id="logs", task_display_name="Logs of the day and its test day", words="ready", late_hours=6, hours=72
    )
    tasks: list[BaseOperator] = [logs]
    for group, steps in groupby(RETRAINING_STEPS, key=attrgetter("group")):
        with TaskGroup(group_id=group.lower(), group_display_name=group, prefix_group_id=False):
            tasks += [
                Command(
                    task_id=step.name,
                    task_display_name=step.title,
                    doc_md=step.title,
                    words=f"uniscale step {step.name}",
                    hours=step.limit_hours,
                    inlets=[Asset(table.qualified) for table in read_by(step.name)],
                    outlets=[Asset(table.qualified) for table in tables_of(step.name)],
                )
                for step in steps
            ]
    over = Announce(task_id="over", outlets=[Asset("day")], trigger_rule=TriggerRule.ALL_DONE)
    chain(*tasks, over.as_teardown())
