"""What a person looks at in the morning: the day's drift reports and its page, and what somebody is alerted of.

**Purpose.** See what the day was like, above all when something went wrong.

**Inputs.** What `daily_retraining` has made of the day `ds`: samples, frames, predictions, decision, timings.

**Outputs.** Drift reports and `reports/<ds>/index.html`; how requests that are served again compare with the lake;
alerts, told to log, chat and metrics.

**When.** When a run of `daily_retraining` is over, failed or not: once for each run, also in a backfill. A manual run
takes `{"ds": "YYYY-MM-DD"}` as configuration.

**Owner.** The search ranking team.

**If it fails.** Serving and training go on. Each task runs although the one before it failed, so a page without drift
reports is still a page; a day that was not judged has none. `alerts` fails if the chat did not answer; `pages` fails
while an alert is open that pages, and hides nothing. Clear the task, or run `uniscale step monitor DS`,
`uniscale step page DS` and `uniscale alerts check DS`.

**Re-run safety.** Every task replaces exactly what it wrote for `ds`.
"""

from __future__ import annotations

from airflow.sdk import DAG, Asset, PartitionedAssetTimetable, TriggerRule, chain

from dags.parts.command import Command
from dags.parts.usual import usual
from uniscale.pipeline.steps import WATCH_STEPS

with DAG(
    dag_id="monitoring",
    description="Drift reports and the page of a day, whatever became of it.",
    doc_md=__doc__,
    schedule=PartitionedAssetTimetable(assets=Asset("day")),
    tags=["uniscale", "monitoring", "daily"],
    **usual(),
) as dag:
    chain(
        *(
            Command(
                task_id=step.name,
                task_display_name=step.title,
                doc_md=step.title,
                words=f"uniscale step {step.name}",
                hours=step.limit_hours,
                trigger_rule=TriggerRule.ALL_DONE,
            )
            for step in WATCH_STEPS
        ),
        Command(
            task_id="alerts",
            task_display_name="Look by every rule, tell people what is new or over",
            doc_md="Runs after the page. It fails if the chat did not take the message, and is then tried again.",
            words="uniscale alerts check",
            hours=0.5,
            trigger_rule=TriggerRule.ALL_DONE,
        ),
        Command(
            task_id="pages",
            task_display_name="Nobody has to look now",
            doc_md="Fails while an alert is open that pages, and names it; `uniscale alerts` names its runbook.",
            words="uniscale alerts pages",
            day="",
            hours=0.5,
            retries=1,
            trigger_rule=TriggerRule.ALL_DONE,
        ),
    )
