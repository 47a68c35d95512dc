"""Where features come from: versions in the lake, stamped with the moment from which on they hold."""

from uniscale.features.offline.source import LakeSource


def _versions(name: str) -> LakeSource:
    return LakeSource(
        name=name,
        table=f"features.{name}",
        timestamp_field="feature_at",
        created_timestamp_column="recorded_at",
    )


user_features = _versions("user_features")
item_features = _versions("item_features")
query_features = _versions("query_features")
user_category_features = _versions("user_category_features")
user_sequences = _versions("user_sequences")
user_fresh_actions = _versions("user_fresh_actions")
