"""What happened: the marts that dbt builds and everything later reads."""

from __future__ import annotations

from uniscale.contracts.schema import Column, Table
from uniscale.contracts.tasks import TASKS, labelling_actions

PROVENANCES = ("native", "attributed_exposed", "attributed_unexposed", "unexposed", "synthetic")

CONFIDENCE_Z = 1.2815515655446004
"""Normal quantile of a confidence: what a share is at least, is so with 90 %, one-sided."""

_DS = Column(name="ds", type="DATE", description="UTC day of the request; the partition.")
_LABEL_AS_OF = Column(
    name="label_as_of", type="TIMESTAMP", description="Labels use only events recorded before this UTC time, exclusive."
)
_IS_FINAL = Column(
    name="is_final", type="BOOLEAN", description="Whether every attribution window of the day has closed."
)
_RECORDED_AT = Column(
    name="recorded_at", type="TIMESTAMP", description="UTC time from which the action could be known."
)
_ACTION_VALUE = Column(name="action_value", type="DOUBLE", description="Quantity x unit price; 0 for clicks.")

FCT_EXPOSURES = Table(
    schema="marts",
    name="fct_exposures",
    grain="One row per request and candidate item, shown or not, with native labels.",
    key=("request_id", "item_id"),
    columns=(
        _DS,
        Column(name="request_id", type="VARCHAR", description="Request."),
        Column(name="item_id", type="VARCHAR", description="Candidate item."),
        Column(name="user_id", type="VARCHAR", description="User who asked."),
        Column(name="domain", type="VARCHAR", description="Channel of the request."),
        Column(name="query_text", type="VARCHAR", description="What the user typed; search only.", nullable=True),
        Column(
            name="normalised_query",
            type="VARCHAR",
            description="The query in lower case, with single spaces; NULL if nothing is left.",
            nullable=True,
        ),
        Column(name="requested_at", type="TIMESTAMP", description="UTC time of the request."),
        Column(name="is_exposed", type="BOOLEAN", description="Whether the item was shown."),
        Column(name="position", type="INTEGER", description="Place in the shown list, 1 is the top.", nullable=True),
        Column(name="logged_score", type="DOUBLE", description="Score of the logging policy.", nullable=True),
        Column(name="propensity", type="DOUBLE", description="Logged exposure probability.", nullable=True),
        *(
            Column(
                name=task.label,
                type="BOOLEAN",
                description=f"A {' or '.join(labelling_actions(task))} in this request.",
            )
            for task in TASKS
        ),
        Column(name="purchase_value", type="DOUBLE", description="Quantity x unit price of native purchases."),
        _LABEL_AS_OF,
        _IS_FINAL,
    ),
)

FCT_ATTRIBUTIONS = Table(
    schema="marts",
    name="fct_attributions",
    grain="One row per outside action that labels a candidate row of the target domain.",
    key=("action_id",),
    columns=(
        _DS,
        Column(name="action_id", type="VARCHAR", description="Outside action; used at most once."),
        Column(name="action", type="VARCHAR", description="click or purchase."),
        Column(name="action_domain", type="VARCHAR", description="Channel in which the user acted."),
        Column(name="user_id", type="VARCHAR", description="User."),
        Column(name="request_id", type="VARCHAR", description="Target-domain request that gets the label."),
        Column(name="item_id", type="VARCHAR", description="Item of the request that gets the label."),
        Column(
            name="target",
            type="VARCHAR",
            description="Which row of the request took the label.",
            allowed=("exposed", "clicked", "exposed_unclicked", "unexposed"),
        ),
        Column(name="acted_at", type="TIMESTAMP", description="UTC time of the outside action."),
        _RECORDED_AT,
        Column(
            name="delay_hours",
            type="DOUBLE",
            description="Hours from request to action; negative only where the policy counts actions before it.",
        ),
        _ACTION_VALUE,
        Column(name="label_weight", type="DOUBLE", description="Weight the policy gives this label."),
        Column(name="policy_version", type="VARCHAR", description="Version of the attribution policy."),
        _LABEL_AS_OF,
        _IS_FINAL,
    ),
)

QUERY_ITEM_STATS = Table(
    schema="marts",
    name="query_item_stats",
    grain="One row per day, query and category: clicks of the query's searches in the window that ends before the day.",
    key=("ds", "query_text", "category_id"),
    columns=(
        Column(name="ds", type="DATE", description="Day the statistic serves; it uses only earlier days."),
        Column(name="query_text", type="VARCHAR", description="Query, lower case, single spaces."),
        Column(name="category_id", type="VARCHAR", description="Category of the clicked items."),
        Column(name="num_clicks", type="BIGINT", description="Native search clicks of the pair."),
        Column(
            name="num_query_clicks", type="BIGINT", description="Native search clicks of the query in all categories."
        ),
        Column(
            name="num_category_clicks", type="BIGINT", description="Native search clicks of the category, all queries."
        ),
        Column(
            name="confidence",
            type="DOUBLE",
            description=(
                "Lower 90 % Wilson bound of num_clicks / num_query_clicks, smoothed by prior_clicks clicks that follow "
                "the category's share of all clicks: does the query mean this category?"
            ),
        ),
    ),
)

ITEM_VERSIONS = Table(
    schema="marts",
    name="item_versions",
    grain="One row per item and time at which a newer version became known.",
    key=("item_id", "known_from"),
    columns=(
        Column(name="ds", type="DATE", description="UTC day of known_from; the partition."),
        Column(name="item_id", type="VARCHAR", description="Item."),
        Column(
            name="known_from",
            type="TIMESTAMP",
            description="UTC time from which this was what was known: valid and recorded. Until the item's next row.",
        ),
        Column(name="valid_from", type="TIMESTAMP", description="UTC time from which the version holds."),
        Column(name="recorded_at", type="TIMESTAMP", description="UTC time from which the version could be known."),
        Column(
            name="first_valid_from",
            type="TIMESTAMP",
            description="The earliest valid_from of the item's versions known by then.",
        ),
        Column(name="title", type="VARCHAR", description="Title.", nullable=True),
        Column(name="category_id", type="VARCHAR", description="Leaf category.", nullable=True),
        Column(name="brand_id", type="VARCHAR", description="Brand.", nullable=True),
        Column(name="shop_id", type="VARCHAR", description="Selling shop.", nullable=True),
        Column(name="price", type="DOUBLE", description="List price in the shop's currency.", nullable=True, minimum=0),
        Column(
            name="attributes",
            type="MAP(VARCHAR, VARCHAR)",
            description="Further categorical facts, name to value.",
            nullable=True,
        ),
    ),
)

OUTSIDE_ACTIONS = Table(
    schema="marts",
    name="outside_actions",
    grain="One row per click or purchase that did not happen in a target-domain request.",
    key=("action_id",),
    columns=(
        Column(name="ds", type="DATE", description="UTC day on which the action became known; the partition."),
        Column(name="action_id", type="VARCHAR", description="Action."),
        Column(name="user_id", type="VARCHAR", description="User."),
        Column(name="item_id", type="VARCHAR", description="Item."),
        Column(name="domain", type="VARCHAR", description="Channel in which the user acted."),
        Column(name="action", type="VARCHAR", description="What the user did.", allowed=("click", "purchase")),
        Column(name="acted_at", type="TIMESTAMP", description="UTC time of the action."),
        _RECORDED_AT,
        _ACTION_VALUE,
        Column(
            name="request_id",
            type="VARCHAR",
            description="The request of another domain that it followed; NULL if it names none that the log has.",
            nullable=True,
        ),
        Column(name="request_ds", type="DATE", description="UTC day of that request.", nullable=True),
    ),
)

MART_TABLES: tuple[Table, ...] = (
    ITEM_VERSIONS,
    OUTSIDE_ACTIONS,
    FCT_EXPOSURES,
    FCT_ATTRIBUTIONS,
    QUERY_ITEM_STATS,
)
