"""What each user did, once: the behaviour sequences that list-wise samples share."""

from __future__ import annotations

from uniscale.contracts.events import ONE_ACTION
from uniscale.contracts.schema import Column, Table

SEQUENCES = Table(
    schema="es3",
    name="sequences",
    grain=(
        "One row per user and day on which the platform learnt of actions of the user, in any domain: those actions in "
        "the order in which they became known. The rows of a user by day are one sequence."
    ),
    key=("ds", "user_id"),
    columns=(
        Column(name="ds", type="DATE", description="UTC day on which the actions became known."),
        Column(name="user_id", type="VARCHAR", description="User."),
        Column(
            name="num_known",
            type="BIGINT",
            description="Actions of the user known when the day had ended: the place of the last one here, from 1.",
            minimum=1,
        ),
        Column(name="known_at", type="TIMESTAMP[]", description="UTC times from which the actions were known."),
        Column(name="acted_at", type="TIMESTAMP[]", description="UTC times of the actions."),
        Column(name="item_ids", type="VARCHAR[]", description="Items acted on."),
        Column(
            name="category_ids", type="VARCHAR[]", description="Their categories as known when ds ended; '' if unknown."
        ),
        Column(name="brand_ids", type="VARCHAR[]", description="Their brands as known when ds ended."),
        Column(name="fresh_category_ids", type="VARCHAR[]", description="Their categories as known when ds began."),
        Column(name="fresh_brand_ids", type="VARCHAR[]", description="Their brands as known when ds began."),
        Column(name="actions", type="VARCHAR[]", description=f"{ONE_ACTION}."),
        Column(name="domains", type="VARCHAR[]", description="Channels in which the user acted."),
    ),
)

COLUMN_OF = {"items": "item_ids", "categories": "category_ids", "brands": "brand_ids"}
"""Column of the sequences by what an identifier of the history is made of (`uniscale.contracts.inputs.HISTORY_IDS`)."""

AS_OF_THE_DAY_BEFORE = {"category_ids": "fresh_category_ids", "brand_ids": "fresh_brand_ids"}
"""Where the same stands as a request on the day of the action could know it: serving learns of items once a day."""

SEQUENCE_LENGTHS = Table(
    schema="es3",
    name="sequence_lengths",
    grain="One row per user with an action known so far; only the newest days are kept.",
    key=("ds", "user_id"),
    columns=(
        Column(name="ds", type="DATE", description="UTC day at whose end this was known; the partition."),
        Column(name="user_id", type="VARCHAR", description="User."),
        Column(name="num_known", type="BIGINT", description="Actions of the user known by then.", minimum=1),
    ),
)
