"""The observation model: nothing at the reference, what is planted elsewhere, and never in a score."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch
from support_frames import DOMAINS, frames_schema, random_frames
from support_models import random_batch, random_labels

from uniscale.contracts.frames import FIRST
from uniscale.contracts.optimisation import TrainConfig
from uniscale.contracts.tasks import LABELS, TASK_NAMES
from uniscale.contracts.training import OBSERVATIONS
from uniscale.data.collate import collate, encode
from uniscale.data.frame_store import FrameStore
from uniscale.data.loader import Loader
from uniscale.models.observation import DROPPED, NOT_SHOWN, NUM_PLACES, Observation
from uniscale.models.zoo import MODELS, build_model, load_model, save_model
from uniscale.training.loop import Trainer
from uniscale.training.placement import whole_ranker

KINDS = OBSERVATIONS[1:]
CONFIG = TrainConfig(epochs=1, batch_requests=8, embedding_rate=0.05, dense_rate=1e-3, warmup_steps=2)


def trainer(tmp_path, config, *, frames=None, model="dlrm"):
    frames = random_frames(40, max_items=8) if frames is None else frames
    loader = Loader(FrameStore([encode(frames, DOMAINS)], tmp_path / "spill"), batch_requests=8, seed=1)
    torch.manual_seed(1)
    ranker = build_model(model, "xs", DOMAINS)
    return Trainer(ranker, loader, config, seed=1, failures=tmp_path / "failures")


def moved(kind):
    """An observation model whose places differ."""
    torch.manual_seed(3)
    observation = Observation(kind, 2)
    with torch.no_grad():
        observation.place_JPK.normal_(std=0.2)
    return observation.eval()


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_place_is_the_reference_and_a_new_model_changes_nothing(kind):
    logits = torch.randn(50, len(TASK_NAMES))
    domain, first = torch.randint(0, 2, (50,)), torch.full((50,), FIRST)
    torch.testing.assert_close(moved(kind)(logits, domain, first), logits, rtol=1e-5, atol=1e-5)
    anywhere = torch.randint(0, 40, (50,))
    torch.testing.assert_close(Observation(kind, 2).eval()(logits, domain, anywhere), logits, rtol=1e-5, atol=1e-5)


def test_the_examination_form_multiplies_chances():
    observation = moved("examination")
    logits, domain, place = torch.randn(200, 3) * 3, torch.randint(0, 2, (200,)), torch.randint(0, 40, (200,))
    factors = observation.factors()[domain, place.clamp(max=NUM_PLACES)]
    seen = torch.sigmoid(observation(logits, domain, place))
    torch.testing.assert_close(seen, (torch.sigmoid(logits) * factors).clamp(max=1 - 1e-6), rtol=1e-4, atol=1e-5)


def test_the_additive_form_multiplies_odds():
    observation = moved("additive")
    logits, domain, place = torch.randn(200, 3), torch.randint(0, 2, (200,)), torch.randint(0, 40, (200,))
    odds = torch.exp(observation(logits, domain, place) - logits)
    torch.testing.assert_close(odds, observation.factors()[domain, place.clamp(max=NUM_PLACES)])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("logit", [-80.0, -20.0, 0.0, 20.0, 80.0])
def test_extreme_logits_give_finite_losses_and_gradients(kind, logit):
    observation = moved(kind)
    logits = torch.full((4, 3), logit, requires_grad=True)
    out = observation(logits, torch.zeros(4, dtype=torch.long), torch.tensor([0, 1, 2, 30]))
    loss = torch.nn.functional.binary_cross_entropy_with_logits(out, torch.tensor([[0.0, 1.0, 1.0]] * 4))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()
    assert torch.isfinite(observation.place_JPK.grad).all()


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_ranker_trains_with_it_and_scores_without_it(name, kind):
    batch = random_batch()
    labels = random_labels(batch)
    torch.manual_seed(1)
    ranker = build_model(name, "xs", DOMAINS)
    plain = ranker.eval()(batch).detach()
    ranker.observe(kind)
    with torch.no_grad():
        ranker.observation.place_JPK.normal_()
    ranker.eval()
    torch.testing.assert_close(ranker(batch), plain, rtol=0, atol=0)
    assert not torch.allclose(ranker(batch, labels.place_N), plain)
    ranker.train()
    ranker(batch, labels.place_N).sum().backward()
    assert ranker.observation.place_JPK.grad.abs().sum() > 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_trained_ranker_is_saved_without_it_and_a_resumed_run_has_it(tmp_path, kind):
    config = replace(CONFIG, observation=kind)
    run = trainer(tmp_path, config)
    run.run()
    assert run.model.observation.factors()[0, 0, 0] != 1
    assert any(name.startswith("observation.") for name in run.curve[-1])
    run.save(tmp_path / "checkpoint")
    again = trainer(tmp_path, config)
    again.restore(tmp_path / "checkpoint")
    torch.testing.assert_close(again.model.observation.place_JPK, run.model.observation.place_JPK, rtol=0, atol=0)

    save_model(whole_ranker(run.model, run.state()), tmp_path / "model")
    batch = random_batch()
    torch.testing.assert_close(load_model(tmp_path / "model")(batch), run.model.eval()(batch), rtol=0, atol=0)


def test_places_come_from_the_frames_and_not_shown_is_place_0():
    frames = random_frames(20)
    _, labels, meta = collate(frames, DOMAINS)
    given = [place or 0 for places in frames.column("position").to_pylist() for place in places]
    assert labels.place_N.tolist() == given
    assert ((labels.place_N == 0).numpy() == ~meta.is_exposed_N).all()


def planted(num_requests, seed=5):
    """Frames whose clicks follow wanted x examined: half the chance at place 2 and deeper, a sixth if not shown."""
    rng = np.random.default_rng(seed)
    rows = random_frames(num_requests, domains=("search",), max_items=8, seed=seed).to_pylist()
    for row in rows:
        number = len(row["item_ids"])
        wanted = rng.random(number)
        examined = [{1: 1.0, None: 1 / 6}.get(place, 0.5) for place in row["position"]]
        clicked = [bool(rng.random() < 0.9 * w * e) for w, e in zip(wanted, examined, strict=True)]
        for numeric, w in zip(row["item_numeric"], wanted, strict=True):
            numeric[:] = [float(w), *[0.0] * (len(numeric) - 1)]
        row.update({**{label: [False] * number for label in LABELS}, "is_clicked": clicked})
        row.update(label_weight=[1.0] * number)
    return pa.Table.from_pylist(rows, schema=frames_schema())


@pytest.mark.parametrize("kind", KINDS)
def test_training_leaves_the_term_out_of_some_shown_rows_and_of_no_row_that_was_not_shown(kind):
    observation = moved(kind)
    logits, domain = torch.zeros(1000, len(TASK_NAMES)), torch.zeros(1000, dtype=torch.long)
    for place, share in ((NOT_SHOWN, 0), (5, DROPPED)):
        places = torch.full((1000,), place)
        always = observation.eval()(logits, domain, places)
        left_out = (observation.train()(logits, domain, places) != always).any(dim=1)
        assert left_out.float().mean() == pytest.approx(share, abs=0.04)


@pytest.mark.parametrize("kind", KINDS)
def test_a_planted_examination_is_found(tmp_path, kind):
    config = replace(CONFIG, observation=kind, dense_rate=2e-3)
    run = trainer(tmp_path, config, frames=planted(2_500))
    run.run()
    factor_P = run.model.observation.factors()[0, :, 0]
    assert factor_P[FIRST] == 1
    assert 0.02 < factor_P[0] < 0.35
    assert factor_P[0] < factor_P[2:5].mean() < 0.8
