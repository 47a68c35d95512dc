"""The scoring of a request can be exported once and serves any number of items."""

from dataclasses import asdict, fields, replace

import pytest
import torch
from support_models import DOMAINS, inputs_of, random_batch, scatter_weights, take_request
from torch.utils._pytree import tree_map

from uniscale.models.batch import Batch
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

    def forward(self, tensors, batch):
        layout = OneRequest(batch["item_N"].shape[0])
        inputs = Inputs(**tensors, layout=layout, batch=Batch(**batch))
        return self.model.score(inputs, OneDomain(DOMAIN, len(DOMAINS), batch["item_N"]))


def tensors_of(model, batch):
    """What the blocks of a model get, and the batch it was made of, as tensors by name."""
    inputs = inputs_of(model, batch)
    kept = [field.name for field in fields(Inputs) if field.name not in ("layout", "batch")]
    return {name: getattr(inputs, name) for name in kept}, asdict(batch)


def shapes_of(example):
    """Free along the items, fixed elsewhere."""
    tensors, batch = tree_map(lambda _: None, example)
    items = torch.export.Dim("N")
    free = {name: {0: items} for name in batch if name.split("_")[-1].startswith("N")}
    return tensors | {"items": tuple({0: items} for _ in tensors["items"])}, batch | free


def one_request(sizes, seed):
    batch = take_request(random_batch(sizes=sizes, seed=seed), 0)
    return replace(batch, domain_R=torch.full_like(batch.domain_R, DOMAIN))


@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_scores_of_the_exported_graph_are_those_of_the_model_for_any_number_of_items(name):
    torch.manual_seed(0)
    model = scatter_weights(build_model(name, "xs", DOMAINS)).eval()
    example = tensors_of(model, one_request((5, 1), seed=0))
    exported = torch.export.export(Scorer(model), example, dynamic_shapes=shapes_of(example)).module()
    for num_items in (2, 5, 17):
        batch = one_request((num_items, 1), seed=num_items)
        torch.testing.assert_close(exported(*tensors_of(model, batch)), model(batch), rtol=1e-4, atol=1e-4)
