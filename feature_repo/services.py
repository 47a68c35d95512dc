"""Feature services: what a version of the ranker reads."""

from feast import FeatureService
from views import (
    item_features,
    query_features,
    user_category_features,
    user_features,
    user_fresh_actions,
    user_sequences,
)

from uniscale.contracts.features import HISTORY_SERVICE, ITEM_SERVICE, PAIR_SERVICE, REQUEST_SERVICE

ranker_request = FeatureService(
    name=REQUEST_SERVICE,
    description="Looked up once per request.",
    features=[user_features, query_features],
)

ranker_history = FeatureService(
    name=HISTORY_SERVICE,
    description="Looked up once per request: what its user did.",
    features=[user_sequences, user_fresh_actions],
)

ranker_item = FeatureService(
    name=ITEM_SERVICE,
    description="Looked up for each candidate of a request.",
    features=[item_features],
)

ranker_pair = FeatureService(
    name=PAIR_SERVICE,
    description="Looked up for the user and the category of each candidate of a request.",
    features=[user_category_features],
)
