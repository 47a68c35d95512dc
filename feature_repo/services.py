"""Feature services: what a version of the ranker reads. A change of columns is a new version, not an edit."""

from feast import FeatureService
from views import item_features, query_features, user_features, user_sequences

ranker_request_v1 = FeatureService(
    name="ranker_request_v1",
    description="Looked up once per request.",
    features=[user_features, query_features, user_sequences],
)

ranker_item_v1 = FeatureService(
    name="ranker_item_v1",
    description="Looked up for each candidate of a request.",
    features=[item_features],
)
