"""Feature views: the columns of the feature tables, named and typed.

No view has a time to live of its own: the warehouse writes every known entity on the first feature day of a run and
afterwards those whose values change, so a version holds until the next one. How far back a version may lie at all
follows from the days of a run (uniscale/features/age.py).
"""

import sources
from entities import item, query, user
from feast import FeatureView, Field
from feast.types import Array, Float64, Int64, String

user_features = FeatureView(
    name="user_features",
    description="Profile and activity of a user.",
    entities=[user],
    source=sources.user_features,
    schema=[
        Field(name="user_id", dtype=String),
        Field(name="user_attributes", dtype=Array(String)),
        Field(name="user_num_requests", dtype=Int64),
        Field(name="user_num_clicks", dtype=Int64),
        Field(name="user_num_purchases", dtype=Int64),
        Field(name="user_mean_log_price", dtype=Float64),
    ],
)

item_features = FeatureView(
    name="item_features",
    description="Facts and popularity of an item.",
    entities=[item],
    source=sources.item_features,
    schema=[
        Field(name="item_id", dtype=String),
        Field(name="title", dtype=String),
        Field(name="category_id", dtype=String),
        Field(name="brand_id", dtype=String),
        Field(name="shop_id", dtype=String),
        Field(name="price", dtype=Float64),
        Field(name="item_attributes", dtype=Array(String)),
        Field(name="item_age_days", dtype=Float64),
        Field(name="item_num_exposures", dtype=Int64),
        Field(name="item_num_clicks", dtype=Int64),
        Field(name="item_num_purchases", dtype=Int64),
        Field(name="item_num_outside_clicks", dtype=Int64),
        Field(name="item_ctr", dtype=Float64),
    ],
)

query_features = FeatureView(
    name="query_features",
    description="How often a query is asked and clicked.",
    entities=[query],
    source=sources.query_features,
    schema=[
        Field(name="query_text", dtype=String),
        Field(name="query_num_requests", dtype=Int64),
        Field(name="query_num_clicks", dtype=Int64),
        Field(name="query_ctr", dtype=Float64),
    ],
)

user_sequences = FeatureView(
    name="user_sequences",
    description="A user's last actions in all domains, oldest first.",
    entities=[user],
    source=sources.user_sequences,
    schema=[
        Field(name="user_id", dtype=String),
        Field(name="history_items", dtype=Array(String)),
        Field(name="history_categories", dtype=Array(String)),
        Field(name="history_brands", dtype=Array(String)),
        Field(name="history_actions", dtype=Array(String)),
        Field(name="history_domains", dtype=Array(String)),
        Field(name="history_acted_at", dtype=Array(Int64)),
    ],
)
