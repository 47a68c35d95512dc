"""Feature services: what a version of the ranker reads. A change of columns is a new version, not an edit."""

from feast import FeatureService
from views import (
    item_features,
    query_features,
    user_category_features,
    user_features,
    user_fresh_actions,
    user_sequences,
)

ranker_request_v2 = FeatureService(
    name="ranker_request_v2",
    description="Looked up once per request.",
    features=[user_features, query_features, user_sequences, user_fresh_actions],
)

ranker_item_v2 = FeatureService(
    name="ranker_item_v2",
    description="Looked up for each candidate of a request.",
    features=[item_features],
)

ranker_pair_v2 = FeatureService(
    name="ranker_pair_v2",
    description="Looked up for the user and the category of each candidate of a request.",
    features=[user_category_features],
)
