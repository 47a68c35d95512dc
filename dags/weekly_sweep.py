"""Is the recipe still the right one? Rankers, sizes and shares of the data compared once a week.

**Purpose.** See what a larger ranker, or more of the added samples, would be worth on this week's data.

**Inputs.** Training and test frames of the day `ds`, built by `daily_retraining`.

**Outputs.** A table and a plot in `sweeps/<ds>`, and one MLflow run per trial. Nothing is promoted.

**When.** For every Thursday, on Sunday at 06:00 UTC, when its retraining has long ended.

**Owner.** The search ranking team.

**If it fails.** Nothing waits for it. Clear the task, or run `python -m ray_jobs.tune --ds DS`: trials that are done
are not done again.

**Re-run safety.** A trial has a key made of its recipe and its data; the same key is trained once.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from dags.parts.command import Command
from dags.parts.days import DayTimetable
from dags.parts.usual import usual
from uniscale.pipeline.pools import STUDIES

with DAG(
    dag_id="weekly_sweep",
    description="Rankers, sizes and shares of the data compared.",
    doc_md=__doc__,
    schedule=DayTimetable(lag=timedelta(days=3, hours=6), weekday=3),
    tags=["uniscale", "ranking", "weekly"],
    **usual(),
) as dag:
    Command(
        task_id="sweep",
        task_display_name="Sweep (Ray Tune)",
        words="ray_jobs.tune",
        day="--ds",
        hours=20,
        pool=STUDIES.name,
        retries=1,
    )
