"""ES3 samples: list-wise, one record per request (real or synthetic), parallel lists over its items."""

from __future__ import annotations

from uniscale.contracts.schema import Column, Table
from uniscale.contracts.tasks import LABELS, TASKS

SYNTHETIC_MARK = "~s"
"""Stands between request and category in the identifier of a synthetic sample."""

WITHOUT_ATTRIBUTION = (
    *(
        Column(name=task.native_label, type="BOOLEAN[]", description=f"Label of task {task.name} without attribution.")
        for task in TASKS
        if task.is_attributed
    ),
    Column(name="native_purchase_value", type="DOUBLE[]", description="Value of the purchase without attribution."),
    Column(name="native_label_weight", type="FLOAT[]", description="Training weight without attribution."),
)
"""What the rows would carry without attribution; of synthetic requests the labels they have."""

ROW_FACTS = (
    "is_exposed",
    "position",
    "provenance",
    *LABELS,
    "purchase_value",
    "inclusion_probability",
    "label_weight",
    *(column.name for column in WITHOUT_ATTRIBUTION),
)
"""Lists of a sample that a frame takes over: how each row was shown, and what happened to it."""

SAMPLES = Table(
    schema="es3",
    name="samples",
    grain="One row per real target-domain request or synthetic search request; lists run over its items.",
    key=("ds", "sample_id"),
    columns=(
        Column(name="ds", type="DATE", description="UTC day of the request."),
        Column(
            name="sample_id",
            type="VARCHAR",
            description=f"request_id; of synthetic ones request_id + '{SYNTHETIC_MARK}' + category_id.",
        ),
        Column(name="request_id", type="VARCHAR", description="Real request the record was made from."),
        Column(name="user_id", type="VARCHAR", description="User."),
        Column(name="domain", type="VARCHAR", description="Domain of the real request (search for real search rows)."),
        Column(name="requested_at", type="TIMESTAMP", description="UTC time of the real request."),
        Column(name="query_text", type="VARCHAR", description="Real or synthetic query.", nullable=True),
        Column(
            name="query_tier", type="INTEGER", description="0 real query, 1 own past query, 2 co-occurring, 3 nearest."
        ),
        Column(
            name="query_support",
            type="BIGINT",
            description="Clicks behind the query choice (tier 3: users who asked it); 0 for real ones.",
        ),
        Column(
            name="query_confidence",
            type="DOUBLE",
            description="1 for real queries, else a share's lower bound (tier 3: cosine).",
        ),
        Column(
            name="sequence_length",
            type="BIGINT",
            description="Actions of the user known before the request: the prefix of es3.sequences it may see.",
            minimum=0,
        ),
        Column(name="item_ids", type="VARCHAR[]", description="Items: exposed by position, then unexposed by item_id."),
        Column(name="is_exposed", type="BOOLEAN[]", description="Shown in the real request."),
        Column(
            name="position",
            type="INTEGER[]",
            description="Place in the list of the real request, from 1; NULL if not shown.",
        ),
        Column(name="provenance", type="VARCHAR[]", description="Where the label comes from; see PROVENANCES."),
        *(
            Column(
                name=task.label,
                type="BOOLEAN[]",
                description=f"Label of task {task.name}, native{' or attributed' if task.is_attributed else ''}.",
            )
            for task in TASKS
        ),
        Column(name="purchase_value", type="DOUBLE[]", description="Value of the purchase, 0 without one."),
        Column(
            name="inclusion_probability",
            type="DOUBLE[]",
            description="Chance of the row to be in the sample; 1 if forced.",
        ),
        Column(name="label_weight", type="FLOAT[]", description="Training weight by provenance and policy."),
        *WITHOUT_ATTRIBUTION,
        Column(
            name="action_ids", type="VARCHAR[]", description="Outside action behind an attributed label, else NULL."
        ),
        Column(name="policy_version", type="VARCHAR", description="Version of the ES3 policy that made the record."),
        Column(
            name="label_as_of", type="TIMESTAMP", description="Labels use only events recorded before this UTC time."
        ),
        Column(name="is_final", type="BOOLEAN", description="Whether every attribution window of the day has closed."),
    ),
)

FATES = (
    "attributed",
    "meets_label",
    "synthetic",
    "older_day",
    "undecided",
    "no_list",
    "not_shown",
    "unknown_item",
    "no_query",
    "no_negative",
)
"""What becomes of an outside click.

``attributed``: it labels a row of a real request. ``meets_label``: the row it belongs to has its label from another
click. ``synthetic``: it is the positive of a synthetic request. The others became nothing. ``older_day``: a request of
a day before the training days may have taken it. ``undecided``: a request still to come may take it. ``no_list``: no
request was logged with it, and no list of its visit showed the item. ``not_shown``: its request did not show the item.
``unknown_item``: the item or its category was not known when the list was shown. ``no_query``:
no tier found a query. ``no_negative``: its user saw nothing else there that fits the query.
"""

OUTSIDE_CLICKS = Table(
    schema="es3",
    name="outside_clicks",
    grain="One row per training day, channel and what became of its clicks there; together they are all of them.",
    key=("ds", "domain", "fate"),
    columns=(
        Column(name="ds", type="DATE", description="UTC day of the request, or of the click if it has none."),
        Column(name="domain", type="VARCHAR", description="Channel of the click."),
        Column(name="fate", type="VARCHAR", description="What became of the clicks; see FATES.", allowed=FATES),
        Column(name="num_clicks", type="BIGINT", description="Clicks.", minimum=1),
    ),
)
