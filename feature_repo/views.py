"""Feature views: the feature tables of the contract, as Feast names and types them.

No view has a time to live of its own: the warehouse writes every known entity on the first feature day of a run and
afterwards those whose values change, so a version holds until the next one. How far back a version may lie at all
follows from the days of a run (uniscale/features/age.py).
"""

import entities
import sources
from feast import FeatureView, Field
from feast.types import from_value_type

from uniscale.contracts import features as contract
from uniscale.contracts.schema import Column
from uniscale.features.offline.source import LakeSource, value_type

ENTITIES = {entity.join_key: entity for entity in (entities.user, entities.item, entities.query, entities.category)}


def view(table: contract.FeatureTable, source: LakeSource) -> FeatureView:
    """A view of a feature table, under the same name."""
    keys = [column for column in table.columns if column.name in table.join_keys]
    return FeatureView(
        name=table.name,
        description=table.description,
        entities=[ENTITIES[name] for name in table.join_keys],
        source=source,
        schema=[_field(column) for column in (*keys, *table.features)],
        tags={} if table.fresh_hours is None else {"fresh_hours": str(table.fresh_hours)},
    )


def _field(column: Column) -> Field:
    return Field(
        name=column.name,
        dtype=from_value_type(value_type(column.type)),
        description=column.description,
        tags={} if column.model_input is None else {"model_input": column.model_input},
    )


user_features = view(contract.USER_FEATURES, sources.user_features)
item_features = view(contract.ITEM_FEATURES, sources.item_features)
query_features = view(contract.QUERY_FEATURES, sources.query_features)
user_category_features = view(contract.USER_CATEGORY_FEATURES, sources.user_category_features)
user_sequences = view(contract.USER_SEQUENCES, sources.user_sequences)
user_fresh_actions = view(contract.USER_FRESH_ACTIONS, sources.user_fresh_actions)
