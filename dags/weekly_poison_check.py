"""Do the samples that come from other domains still help search?

**Purpose.** Notice within a week when a domain's data begin to harm the ranker that they are added for.

**Inputs.** Training and test frames of the day `ds`, built by `daily_retraining`.

**Outputs.** `poison/<ds>/worth.json`: for outside labels, synthetic requests and both, the gate's metric with them
minus without them, with its interval and by seed.

**When.** For every Thursday, on Sunday at 05:00 UTC, before the sweep.

**Owner.** The search ranking team.

**If it fails.** Either something certainly harms search: the log says what, docs/runbooks tells what to do about a bad
model. Or a training failed: clear the task, or run `uniscale poison-check DS`; arms that are done are not done again.

**Re-run safety.** An arm has a key made of its recipe and its data; the same key is trained once.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from dags.parts.command import Command
from dags.parts.days import DayTimetable
from dags.parts.usual import usual
from uniscale.pipeline.pools import STUDIES

with DAG(
    dag_id="weekly_poison_check",
    description="The ranker trained with and without what other domains add, compared.",
    doc_md=__doc__,
    schedule=DayTimetable(lag=timedelta(days=3, hours=5), weekday=3),
    tags=["uniscale", "ranking", "weekly"],
    **usual(),
) as dag:
    Command(
        task_id="compare",
        task_display_name="With and without other domains",
        words="uniscale poison-check",
        hours=20,
        pool=STUDIES.name,
        retries=1,
    )
