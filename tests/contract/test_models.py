"""What every ranker of the zoo keeps."""

from dataclasses import fields, replace

import pytest
import torch
from support_models import (
    DOMAINS,
    one_request_per_item,
    pad_columns,
    random_batch,
    random_labels,
    scatter_weights,
    take_items,
    take_request,
)

from uniscale.contracts.tasks import TASK_NAMES
from uniscale.models.loss import ranking_loss
from uniscale.models.zoo import MODELS, build_model, load_model, num_params, save_model


@pytest.fixture(params=MODELS)
def model(request):
    torch.manual_seed(0)
    model = scatter_weights(build_model(request.param, "xs", DOMAINS))
    model.fit_numeric(random_batch(seed=9))
    return model.eval()


@pytest.fixture
def batch():
    return random_batch()


def same(left, right):
    return torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-4)


def blank(batch, *, per_item=True):
    """The batch with every value missing but what places and routes it."""
    kept = ("domain_R", "request_of_item_N")
    values = {}
    for field in fields(batch):
        value = getattr(batch, field.name)
        if field.name not in kept:
            missing = torch.nan if "numeric" in field.name else 0
            values[field.name] = torch.full_like(value, missing)
    return replace(batch, **values)


def test_scores_are_one_finite_logit_per_item_and_task(model, batch):
    logits = model(batch)
    assert logits.shape == (batch.num_items, len(TASK_NAMES))
    assert torch.isfinite(logits).all()
    assert logits.std(0).min() > 0


def test_a_batch_with_nothing_known_has_finite_scores_and_gradients(model, batch):
    nothing = blank(batch)
    logits = model(nothing)
    ranking_loss(logits, random_labels(batch)).backward()
    assert torch.isfinite(logits).all()
    assert all(torch.isfinite(p.grad.to_dense()).all() for p in model.parameters() if p.grad is not None)


def test_absurd_numbers_leave_scores_finite(model, batch):
    absurd = replace(batch, item_numeric_NF=torch.full_like(batch.item_numeric_NF, 1e30))
    assert torch.isfinite(model(absurd)).all()
    assert torch.isfinite(model(replace(batch, history_hours_RL=batch.history_hours_RL + 1e9))).all()


def test_a_batch_without_items_or_requests_has_no_scores(model, batch):
    no_items = take_items(batch, torch.zeros(0, dtype=torch.long))
    assert model(no_items).shape == (0, len(TASK_NAMES))
    rows = {f.name: getattr(no_items, f.name)[:0] for f in fields(batch)}
    assert model(replace(no_items, **rows)).shape == (0, len(TASK_NAMES))


def test_padding_never_changes_a_score(model, batch):
    same(model(pad_columns(batch, 5)), model(batch))


def test_permuting_the_items_permutes_the_scores(model, batch):
    order = torch.randperm(batch.num_items, generator=torch.Generator().manual_seed(1))
    assert not torch.equal(order.sort().values, order)
    same(model(take_items(batch, order)), model(batch)[order])


def test_a_request_alone_scores_as_in_the_batch(model, batch):
    logits = model(batch)
    for request in range(len(batch.domain_R)):
        same(model(take_request(batch, request)), logits[batch.request_of_item_N == request])


def test_work_shared_by_the_items_of_a_request_gives_the_scores_of_one_request_per_item(model, batch):
    same(model(one_request_per_item(batch)), model(batch))


def test_scores_and_gradients_are_finite_under_bf16_autocast(model, batch):
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(batch)
    ranking_loss(logits.float(), random_labels(batch)).backward()
    assert torch.isfinite(logits).all()
    assert all(torch.isfinite(p.grad.to_dense()).all() for p in model.parameters() if p.grad is not None)
    torch.testing.assert_close(logits.float(), model(batch), rtol=0.1, atol=0.25)


def test_a_score_does_not_depend_on_the_other_items_of_the_request(model, batch):
    some = torch.arange(0, batch.num_items, 3)
    same(model(take_items(batch, some)), model(batch)[some])


def test_a_request_without_items_does_not_disturb_the_others(model, batch):
    kept = torch.nonzero(batch.request_of_item_N != 2).squeeze(1)
    same(model(take_items(batch, kept)), model(batch)[kept])


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_identifiers_may_be_32_or_64_bits_wide(model, batch, dtype):
    whole = {f.name: getattr(batch, f.name) for f in fields(batch)}
    cast = {name: value.to(dtype) for name, value in whole.items() if not value.is_floating_point()}
    same(model(replace(batch, **cast)), model(batch))


def test_every_parameter_gets_a_gradient_from_a_batch_of_all_domains(model, batch):
    model.train()
    (ranking_loss(model(batch), random_labels(batch)) + model.penalty()).backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.to_dense().any()]
    assert not without


def test_tables_have_sparse_gradients_and_the_row_of_missing_values_has_none(model, batch):
    ranking_loss(model(batch), random_labels(batch)).backward()
    tables, identifiers = model.embedding_parameters(), model.inputs.tables.weight
    assert any(table is identifiers for table in tables)
    assert all(table.grad.is_sparse for table in tables)
    assert not identifiers[0].any()
    assert not identifiers.grad.to_dense()[0].any()


def test_embedding_and_dense_parameters_are_all_parameters_once(model):
    parts = model.embedding_parameters() + model.dense_parameters()
    assert sorted(map(id, parts)) == sorted(map(id, model.parameters()))
    assert sum(p.numel() for p in parts) == num_params(model)


def test_domain_parameters_move_only_with_their_domain(model, batch):
    search_only = take_request(batch, 0)
    assert search_only.domain_R.tolist() == [0]
    ranking_loss(model(search_only), random_labels(search_only)).backward()
    owned = model.domain_parameters()
    assert list(owned) == list(DOMAINS)
    assert all(p.grad.any() for p in owned["search"])
    assert all(not p.grad.any() for domain in ("feed", "shop") for p in owned[domain])


def test_the_seed_decides_the_weights():
    for name in MODELS:
        first, second, other = ([p.detach() for p in _built(name, seed).parameters()] for seed in (3, 3, 4))
        assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
        assert any(not torch.equal(a, b) for a, b in zip(first, other, strict=True))


def _built(name, seed):
    torch.manual_seed(seed)
    return build_model(name, "xs", DOMAINS)


def test_a_saved_model_scores_as_before(model, batch, tmp_path):
    save_model(model, tmp_path / "new" / "folder")
    loaded = load_model(tmp_path / "new" / "folder")
    assert torch.equal(loaded(batch), model(batch))
    assert (loaded.name, loaded.size, loaded.domains, loaded.config) == (
        model.name,
        model.size,
        model.domains,
        model.config,
    )
    assert not loaded.training


def test_a_model_for_one_domain_works(batch):
    for name in MODELS:
        model = build_model(name, "xs", ("search",))
        one = replace(batch, domain_R=torch.zeros_like(batch.domain_R), history_domains_RL=batch.history_domains_RL % 2)
        assert torch.isfinite(model(one)).all()
