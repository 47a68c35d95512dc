"""Batches for the tests of models: random ones that look like frames, and small edits of them."""

from dataclasses import fields, replace

import torch

from uniscale.batch import synthetic
from uniscale.batch.tensors import Labels
from uniscale.contracts.tasks import TASKS
from uniscale.models.common.layout import RequestLayout
from uniscale.models.loss import ranking_loss
from uniscale.models.zoo import SIZES, build_model

torch.set_num_threads(1)  # The models are tiny: a second thread only waits for the first.

DOMAINS = ("search", "feed", "shop")


def random_batch(*, sizes=(5, 1, 8, 3, 6, 4), length=12, **changes):
    """Requests of different sizes; the second one has no history."""
    return synthetic.random_batch(sizes=sizes, length=length, is_second_new=len(sizes) > 1, **changes)


def random_labels(batch, *, seed=0):
    rng = torch.Generator().manual_seed(seed + 1)
    clicks = (torch.rand(batch.num_items, generator=rng) < 0.3).float()
    carts = clicks * (torch.rand(batch.num_items, generator=rng) < 0.4).float()
    purchases = clicks * (torch.rand(batch.num_items, generator=rng) < 0.3).float()
    weights = torch.where(torch.rand(batch.num_items, generator=rng) < 0.5, 0.1, 1.0)
    places = torch.randint(0, 12, (batch.num_items,), generator=rng)
    others = [torch.zeros_like(clicks) for _ in TASKS[3:]]
    return Labels(targets_NK=torch.stack([clicks, carts, purchases, *others], 1), weight_N=weights, place_N=places)


def _per_item(name):
    return name.split("_")[-1].startswith("N")


def take_items(batch, items):
    """The batch with only these items, in this order."""
    return replace(batch, **{f.name: getattr(batch, f.name)[items] for f in fields(batch) if _per_item(f.name)})


def take_request(batch, request):
    """One request and its items as a batch of its own."""
    items = torch.nonzero(batch.request_of_item_N == request).squeeze(1)
    alone = take_items(batch, items)
    row = {f.name: getattr(batch, f.name)[[request]] for f in fields(batch) if not _per_item(f.name)}
    return replace(alone, **row, request_of_item_N=torch.zeros(len(items), dtype=torch.long))


def one_request_per_item(batch):
    """The batch with a request of its own for every item."""
    owner = batch.request_of_item_N
    rows = {f.name: getattr(batch, f.name)[owner] for f in fields(batch) if not _per_item(f.name)}
    return replace(batch, **rows, request_of_item_N=torch.arange(batch.num_items))


def pad_columns(batch, num_columns):
    """The batch with more padding in every list: words, attributes, history."""
    padded = {}
    for field in fields(batch):
        value = getattr(batch, field.name)
        if value.ndim == 2 and not field.name.endswith("F"):
            padded[field.name] = torch.nn.functional.pad(value, (0, num_columns))
    return replace(batch, **padded)


def inputs_of(model, batch):
    """What the blocks of a model get of a batch."""
    return model.inputs(batch, RequestLayout(batch.request_of_item_N, len(batch.domain_R)))


def scatter_weights(model, *, seed=0):
    """Move every parameter, and the level, off its initial value: nothing is zero by construction any more."""
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=rng))
        model.inputs.tables.weight[0].zero_()
        model.level_JK.normal_(generator=rng)
    return model


def dense_params(name):
    """Dense parameters of a ranker at every size, for three domains."""
    counts = {}
    for size in SIZES:
        with torch.device("meta"):
            model = build_model(name, size, DOMAINS)
        counts[size] = sum(p.numel() for p in model.dense_parameters())
    return counts


def loss_curve(name, *, num_steps=50):
    """Training loss of a ranker at size xs, step by step, on four small batches in turn."""
    torch.manual_seed(7)
    model = build_model(name, "xs", DOMAINS)
    batches = [random_batch(sizes=(10, 4, 12, 6, 1, 9), seed=seed) for seed in range(4)]
    labels = [random_labels(batch, seed=seed) for seed, batch in enumerate(batches)]
    model.fit_numeric(batches[0])
    dense = torch.optim.Adam(model.dense_parameters(), lr=3e-4)
    sparse = torch.optim.Adagrad(model.embedding_parameters(), lr=0.01)
    curve = []
    for step in range(num_steps):
        model.set_progress(step / num_steps)
        loss = ranking_loss(model(batches[step % 4]), labels[step % 4]) + model.penalty()
        for optimiser in (dense, sparse):
            optimiser.zero_grad()
        loss.backward()
        for optimiser in (dense, sparse):
            optimiser.step()
        curve.append(loss.item())
    return curve
