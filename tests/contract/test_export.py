"""Every ranker as a graph without Python: the scores of the eager one, for any number of candidates."""

import re
from datetime import date

import pytest
import torch
from support_frames import random_frames, write_frames
from support_models import DOMAINS, random_batch, scatter_weights, take_request

from uniscale.checkout import PROJECT_ROOT
from uniscale.models.export import ScoringGraph, export_ranker, load_exported
from uniscale.models.zoo import MODELS, build_model


def request_of(num_items, *, seed=3):
    return take_request(random_batch(sizes=(num_items, 3), seed=seed), 0)


@pytest.fixture(scope="module", params=MODELS)
def pair(request, tmp_path_factory):
    """A ranker, and its graph read back from the disk."""
    torch.manual_seed(0)
    model = scatter_weights(build_model(request.param, "xs", DOMAINS)).eval()
    model.fit_numeric(random_batch(seed=9))
    folder = tmp_path_factory.mktemp(request.param)
    export_ranker(model, "search", request_of(7), folder)
    return model, load_exported(folder)


@pytest.mark.parametrize("num_items", [0, 1, 2, 500, 5000])
def test_a_graph_scores_any_number_of_candidates_as_the_ranker(pair, num_items):
    model, exported = pair
    batch = request_of(num_items)
    with torch.no_grad():
        expected = model(batch)
    assert exported.score(batch).shape == expected.shape
    torch.testing.assert_close(exported.score(batch), expected, rtol=1e-4, atol=1e-4)


def test_a_graph_holds_no_parameter_that_only_another_domain_needs(pair):
    model, exported = pair
    foreign = sum(p.numel() for domain in ("feed", "shop") for p in model.domain_parameters()[domain])
    read = sum(p.numel() for p in ScoringGraph(model, "search").parameters())
    assert exported.about["num_params"] == read
    assert read < sum(p.numel() for p in model.parameters())
    kept_by_all = sum(
        p.numel()
        for part in model.modules()
        if getattr(part, "is_read_by_all", False)
        for network in part.networks[1:]
        for p in network.parameters()
    )
    assert read <= sum(p.numel() for p in model.parameters()) - foreign + kept_by_all


def test_a_domain_the_ranker_does_not_know_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no domain 'mailer'; its domains are search, feed, shop"):
        export_ranker(build_model("dlrm", "xs", DOMAINS), "mailer", request_of(4), tmp_path)


def test_an_example_of_several_requests_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds 2 requests and 5 items; give one request"):
        export_ranker(build_model("dlrm", "xs", DOMAINS), "search", random_batch(sizes=(2, 3)), tmp_path)


def test_a_batch_of_several_requests_is_refused(pair):
    with pytest.raises(ValueError, match="one request at a time, the batch holds 2"):
        pair[1].score(random_batch(sizes=(2, 3)))


def test_a_folder_without_a_graph_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"scoring\.pt2 is missing"):
        load_exported(tmp_path)


def test_the_example_of_the_docs_scores_a_request_of_the_lake(lake, tmp_path):
    """The documented lines run as they are; an installation in the working folder holds the frames."""
    docs = PROJECT_ROOT / "docs" / "training.md"
    (code,) = re.findall(r"```python\n(.*?load_exported.*?)```", docs.read_text(encoding="utf-8"), flags=re.DOTALL)
    write_frames(lake, [random_frames(3, ds=date(2026, 1, 12), split="eval", domains=DOMAINS)])
    model = build_model("dlrm", "xs", DOMAINS)
    example = take_request(random_batch(sizes=(4, 3), length=model.inputs.history_length), 0)
    export_ranker(model, "search", example, tmp_path / "graph")
    names = {}
    exec(code, names)
    assert names["probabilities"].shape == (len(names["meta"].item_ids), 3)
    with torch.no_grad():
        torch.testing.assert_close(names["probabilities"], model.eval()(names["batch"]).sigmoid(), rtol=1e-4, atol=1e-4)
