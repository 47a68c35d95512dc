"""What the day found out: predictions, metrics, the decision, and the ledger of steps."""

from __future__ import annotations

from uniscale.contracts.alerts import ALERT_TABLES
from uniscale.contracts.monitor import MONITOR_TABLES
from uniscale.contracts.schema import Column, Table
from uniscale.contracts.slices import SLICES, WHOLE
from uniscale.contracts.tasks import TASKS

ALIASES = ("champion", "challenger")
"""Aliases of the registry: who serves, and who was trained last to replace it."""

ROLES = (*ALIASES, "refresh")
"""What is judged: the aliases' versions, and the champion's recipe trained on the challenger's days."""

PREDICTIONS = Table(
    schema="ml",
    name="predictions",
    grain="One row per role and evaluated target-domain request; lists run over its candidates.",
    key=("ds", "role", "request_id"),
    columns=(
        Column(name="ds", type="DATE", description="Day of the run (the last training day), not of the request."),
        Column(name="role", type="VARCHAR", description="Who predicted.", allowed=ROLES),
        Column(name="model_version", type="VARCHAR", description="Registered version."),
        Column(name="request_id", type="VARCHAR", description="Evaluated request."),
        Column(name="item_ids", type="VARCHAR[]", description="Candidates."),
        *(
            Column(name=task.probability, type="FLOAT[]", description=f"Predicted {task.name} probability.")
            for task in TASKS
        ),
    ),
)

METRICS = Table(
    schema="ml",
    name="metrics",
    grain="One row per run day, role and metric.",
    key=("ds", "role", "metric"),
    columns=(
        Column(name="ds", type="DATE", description="Day of the run."),
        Column(name="role", type="VARCHAR", description="A judged role, or difference (challenger - champion)."),
        Column(name="model_name", type="VARCHAR", description="Architecture and size, for example hhsft-xs."),
        Column(name="model_version", type="VARCHAR", description="Registered version."),
        Column(name="num_params", type="BIGINT", description="Trainable parameters, embeddings included."),
        Column(name="metric", type="VARCHAR", description="auc, gauc, hr_at_5, ndcg_at_10, log_loss, gmv_proxy, ..."),
        Column(name="value", type="DOUBLE", description="Value; NULL when undefined (no click, say).", nullable=True),
        Column(name="ci_low", type="DOUBLE", description="Lower 95 % bootstrap bound over requests.", nullable=True),
        Column(name="ci_high", type="DOUBLE", description="Upper 95 % bootstrap bound over requests.", nullable=True),
        Column(name="num_requests", type="BIGINT", description="Requests that carry the metric."),
    ),
)

COMPARISONS = Table(
    schema="ml",
    name="comparisons",
    grain="One row per run day, pair of roles, slice and metric: the candidate against the baseline, same requests.",
    key=("ds", "baseline_role", "candidate_role", "slice", "metric"),
    columns=(
        Column(name="ds", type="DATE", description="Day of the run."),
        Column(name="baseline_role", type="VARCHAR", description="Compared with.", allowed=ROLES),
        Column(name="candidate_role", type="VARCHAR", description="Compared.", allowed=ROLES),
        Column(name="baseline_version", type="VARCHAR", description="Registered version."),
        Column(name="candidate_version", type="VARCHAR", description="Registered version."),
        Column(name="baseline_recipe", type="VARCHAR", description="Hash of the recipe without its name and seed."),
        Column(name="candidate_recipe", type="VARCHAR", description="Hash of the recipe without its name and seed."),
        Column(name="is_same_days", type="BOOLEAN", description="Both were trained on the same days."),
        Column(name="slice", type="VARCHAR", description="Which requests.", allowed=(WHOLE, *SLICES)),
        Column(name="metric", type="VARCHAR", description="As in ml.metrics."),
        Column(name="baseline", type="DOUBLE", description="Value of the baseline.", nullable=True),
        Column(name="candidate", type="DOUBLE", description="Value of the candidate.", nullable=True),
        Column(name="difference", type="DOUBLE", description="Candidate minus baseline, paired.", nullable=True),
        Column(name="ci_low", type="DOUBLE", description="Lower bootstrap bound over requests.", nullable=True),
        Column(name="ci_high", type="DOUBLE", description="Upper bootstrap bound over requests.", nullable=True),
        Column(name="standard_error", type="DOUBLE", description="Over the requests of the day.", nullable=True),
        Column(name="num_requests", type="BIGINT", description="Requests that carry the metric."),
    ),
)

DECISION_WORDS = ("promoted", "refreshed", "kept")
"""Who serves after a day: the challenger's new recipe, the champion's recipe on fresher days, or still the champion."""

DECISIONS = Table(
    schema="ml",
    name="decisions",
    grain="One row per run day.",
    key=("ds",),
    columns=(
        Column(name="ds", type="DATE", description="Day of the run."),
        Column(name="decision", type="VARCHAR", description="Who serves now.", allowed=DECISION_WORDS),
        Column(name="reason", type="VARCHAR", description="Why, in a sentence with the numbers."),
        Column(
            name="evidence",
            type="VARCHAR",
            description="JSON: who serves, and of each question its rule, days, interval and margins.",
        ),
        Column(name="champion_version", type="VARCHAR", description="Version that held the alias when compared."),
        Column(name="challenger_version", type="VARCHAR", description="Version that was tried."),
        Column(name="snapshot_id", type="BIGINT", description="Lake snapshot the challenger was trained on."),
    ),
)

CHAMPION_CHANGES = ("first", "promoted", "refreshed", "taken_back", "set", "rolled_back")
"""How a version became champion: there was none; a day promoted it or its recipe was trained on fresher days; a day
that ran again decided otherwise; by hand."""

CHAMPIONS = Table(
    schema="ml",
    name="champions",
    grain="One row per change of the champion.",
    key=("changed_at",),
    partition=None,
    columns=(
        Column(name="changed_at", type="TIMESTAMP", description="UTC time of the change."),
        Column(name="version", type="VARCHAR", description="Version that serves from then on."),
        Column(name="replaced", type="VARCHAR", description="Version that served before; NULL if none.", nullable=True),
        Column(name="how", type="VARCHAR", description="What changed it.", allowed=CHAMPION_CHANGES),
        Column(name="ds", type="DATE", description="Day of the run that decided; NULL by hand.", nullable=True),
        Column(name="reason", type="VARCHAR", description="Why, in a sentence."),
    ),
)

STEPS = Table(
    schema="ops",
    name="steps",
    grain="One row per run day and finished step.",
    key=("ds", "step"),
    columns=(
        Column(name="ds", type="DATE", description="Day of the run."),
        Column(name="step", type="VARCHAR", description="Step name."),
        Column(name="input_key", type="VARCHAR", description="Hash of what the step's result depends on."),
        Column(name="code_version", type="VARCHAR", description="Hash of the code that ran."),
        Column(name="snapshot_id", type="BIGINT", description="Lake snapshot the step read."),
        Column(name="seconds", type="DOUBLE", description="Wall time."),
        Column(name="peak_mib", type="DOUBLE", description="Largest resident memory of one process of the step, MiB."),
        Column(name="details", type="VARCHAR", description="JSON of counts the step wants on the report."),
    ),
)

PARTITIONS = Table(
    schema="ops",
    name="partitions",
    grain="One row per derived table and day: what the stored partition was built from.",
    key=("table_name", "ds"),
    partition=None,
    columns=(
        Column(name="table_name", type="VARCHAR", description="Qualified table, with /split for frames."),
        Column(name="ds", type="DATE", description="Partition."),
        Column(name="build_key", type="VARCHAR", description="Hash of code, policy, settings and label_as_of."),
    ),
)

SERVED_KINDS = ("live", "shadow")
"""Served model input: of real requests, and of logged requests that were replayed through the look-up."""

SKEW = Table(
    schema="ops",
    name="skew",
    grain="One row per day of served requests, kind and feature: served model input against the same, recomputed.",
    key=("ds", "kind", "feature"),
    columns=(
        Column(name="ds", type="DATE", description="UTC day of the requests."),
        Column(name="kind", type="VARCHAR", description="What was served.", allowed=SERVED_KINDS),
        Column(name="feature", type="VARCHAR", description="Input column, or numeric input by name."),
        Column(name="num_values", type="BIGINT", description="Values compared: per request, or per candidate."),
        Column(name="num_matches", type="BIGINT", description="Values that are exactly the same."),
    ),
)

OUTCOME_TABLES: tuple[Table, ...] = (
    PREDICTIONS,
    METRICS,
    COMPARISONS,
    DECISIONS,
    CHAMPIONS,
    STEPS,
    PARTITIONS,
    SKEW,
    *MONITOR_TABLES,
    *ALERT_TABLES,
)
