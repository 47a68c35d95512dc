"""What features describe: a user, an item, a query, and a category for what a user did with it."""

from feast import Entity, ValueType

user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING, description="Who asks.")
item = Entity(name="item", join_keys=["item_id"], value_type=ValueType.STRING, description="What may be shown.")
query = Entity(
    name="query",
    join_keys=["query_text"],
    value_type=ValueType.STRING,
    description="What is asked: lower case, single spaces.",
)
category = Entity(
    name="category",
    join_keys=["category_id"],
    value_type=ValueType.STRING,
    description="Category of an item that may be shown.",
)
