"""The ranker of the guide "Add your own ranker" works as the guide says."""

import re
import sys
import types
from pathlib import Path

import pytest
import torch
from support_models import DOMAINS, random_batch, random_labels, take_request

from uniscale.models import zoo
from uniscale.models.cost import cost_at
from uniscale.models.export import export_ranker
from uniscale.models.loss import ranking_loss

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "models" / "add-your-own.md"


@pytest.fixture
def ranker(monkeypatch):
    """The class of the guide, listed in the zoo."""
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    module = types.ModuleType("mean")
    monkeypatch.setitem(sys.modules, "mean", module)
    exec(compile(code, str(GUIDE), "exec"), module.__dict__)
    monkeypatch.setitem(zoo.MODELS, "mean", module.Mean)
    return module.Mean


def test_the_ranker_of_the_guide_trains_is_saved_is_counted_and_is_exported(ranker, tmp_path):
    model, batch = zoo.build_model("mean", "xs", DOMAINS), random_batch()
    ranking_loss(model(batch), random_labels(batch)).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad.to_dense()).all() for p in model.parameters())
    zoo.save_model(model.eval(), tmp_path / "model")
    assert torch.equal(zoo.load_model(tmp_path / "model")(batch), model(batch))
    assert cost_at(ranker, zoo.SIZES["s"], DOMAINS).flops_per_item > 0
    request = take_request(batch, 0)
    torch.testing.assert_close(export_ranker(model, "search", request, tmp_path).score(request), model(request))
