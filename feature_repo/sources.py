"""Where features come from: daily versions in the lake, stamped with the midnight that ends their day."""

from uniscale.features.source import LakeSource


def _daily(name: str) -> LakeSource:
    return LakeSource(
        name=name,
        table=f"features.{name}",
        timestamp_field="feature_at",
        created_timestamp_column="recorded_at",
    )


user_features = _daily("user_features")
item_features = _daily("item_features")
query_features = _daily("query_features")
user_sequences = _daily("user_sequences")
