"""Batches for the tests of models: random ones that look like frames, and small edits of them."""

from dataclasses import fields, replace

import torch

from uniscale.contracts.frames import HASH_SPACE, ITEM_NUMERIC, QUERY_NUMERIC, USER_NUMERIC
from uniscale.models.batch import (
    NUM_ITEM_ATTRIBUTES,
    NUM_QUERY_WORDS,
    NUM_TITLE_WORDS,
    NUM_USER_ATTRIBUTES,
    Batch,
    Labels,
)
from uniscale.models.common.layout import RequestLayout
from uniscale.models.loss import ranking_loss
from uniscale.models.zoo import SIZES, build_model

torch.set_num_threads(1)  # The models are tiny: a second thread only waits for the first.

DOMAINS = ("search", "feed", "shop")


def random_batch(*, sizes=(5, 1, 8, 3, 6, 4), length=12, num_domains=3, num_ids=50, seed=0, missing=0.2):
    """One request per entry of `sizes`, with that many items; domains take turns, ids repeat.

    The second request has no history.
    """
    rng = torch.Generator().manual_seed(seed)
    vocabulary = torch.randint(1, HASH_SPACE, (num_ids,), generator=rng)
    num_requests, num_items = len(sizes), sum(sizes)

    def ids(*shape):
        drawn = vocabulary[torch.randint(0, num_ids, shape, generator=rng)]
        return torch.where(torch.rand(shape, generator=rng) < missing, 0, drawn)

    def numbers(*shape):
        drawn = torch.randn(shape, generator=rng)
        return torch.where(torch.rand(shape, generator=rng) < missing, torch.nan, drawn)

    lengths = torch.randint(length // 2, length + 1, (num_requests, 1), generator=rng)
    lengths[1] = 0
    is_known = torch.arange(length) < lengths

    def history(low, high):
        return torch.randint(low, high, (num_requests, length), generator=rng) * is_known

    return Batch(
        domain_R=torch.arange(num_requests) % num_domains,
        user_R=ids(num_requests),
        user_attributes_RA=ids(num_requests, NUM_USER_ATTRIBUTES),
        query_R=ids(num_requests),
        query_words_RW=ids(num_requests, NUM_QUERY_WORDS),
        user_numeric_RF=numbers(num_requests, len(USER_NUMERIC)),
        query_numeric_RF=numbers(num_requests, len(QUERY_NUMERIC)),
        history_items_RL=ids(num_requests, length) * is_known,
        history_categories_RL=ids(num_requests, length) * is_known,
        history_brands_RL=ids(num_requests, length) * is_known,
        history_actions_RL=history(1, 5),
        history_domains_RL=history(0, num_domains + 1),
        history_hours_RL=torch.rand(num_requests, length, generator=rng) * 500 * is_known,
        request_of_item_N=torch.arange(num_requests).repeat_interleave(torch.tensor(sizes)),
        item_N=ids(num_items),
        category_N=ids(num_items),
        brand_N=ids(num_items),
        shop_N=ids(num_items),
        title_words_NW=ids(num_items, NUM_TITLE_WORDS),
        item_attributes_NA=ids(num_items, NUM_ITEM_ATTRIBUTES),
        item_numeric_NF=numbers(num_items, len(ITEM_NUMERIC)),
    )


def random_labels(batch, *, seed=0):
    rng = torch.Generator().manual_seed(seed + 1)
    clicks = (torch.rand(batch.num_items, generator=rng) < 0.3).float()
    carts = clicks * (torch.rand(batch.num_items, generator=rng) < 0.4).float()
    purchases = clicks * (torch.rand(batch.num_items, generator=rng) < 0.3).float()
    weights = torch.where(torch.rand(batch.num_items, generator=rng) < 0.5, 0.1, 1.0)
    return Labels(targets_NK=torch.stack([clicks, carts, purchases], 1), weight_N=weights)


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
    """Move every parameter off its initial value: nothing is zero by construction any more."""
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=rng))
        for table in model.embedding_parameters():
            table[0].zero_()
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
