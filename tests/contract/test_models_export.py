"""The scoring of a request can be exported once and serves any number of items."""

from dataclasses import fields, replace

import pytest
import torch
from support_models import DOMAINS, inputs_of, random_batch, scatter_weights, take_request
from torch.utils._pytree import tree_map

from uniscale.models.common.inputs import Inputs
from uniscale.models.common.layout import OneRequest
from uniscale.models.common.routing import OneDomain
from uniscale.models.zoo import MODELS, build_model

DOMAIN = 1


class Scorer(torch.nn.Module):
    """The scoring of one request of one domain as a function of tensors."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, tensors):
        layout = OneRequest(tensors["items"][0].shape[0])
        inputs = Inputs(**tensors, layout=layout, batch=None)
        return self.model.score(inputs, OneDomain(DOMAIN, len(DOMAINS), tensors["items"][0][:, 0]))


def tensors_of(model, batch):
    inputs = inputs_of(model, batch)
    kept = [field.name for field in fields(Inputs) if field.name not in ("layout", "batch")]
    return {name: getattr(inputs, name) for name in kept}


def one_request(sizes, seed):
    batch = take_request(random_batch(sizes=sizes, seed=seed), 0)
    return replace(batch, domain_R=torch.full_like(batch.domain_R, DOMAIN))


@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_scores_of_the_exported_graph_are_those_of_the_model_for_any_number_of_items(name):
    torch.manual_seed(0)
    model = scatter_weights(build_model(name, "xs", DOMAINS)).eval()
    example = tensors_of(model, one_request((5, 1), seed=0))
    shapes = tree_map(lambda _: None, example) | {"items": tuple({0: torch.export.Dim("N")} for _ in example["items"])}
    exported = torch.export.export(Scorer(model), (example,), dynamic_shapes=(shapes,)).module()
    for num_items in (2, 5, 17):
        batch = one_request((num_items, 1), seed=num_items)
        torch.testing.assert_close(exported(tensors_of(model, batch)), model(batch), rtol=1e-4, atol=1e-4)
