"""A change of the code that should not change numbers does not."""

from pathlib import Path

import pytest
from support_models import loss_curve

from uniscale.models.zoo import MODELS

CURVES = Path(__file__).parent / "curves"


@pytest.mark.parametrize("name", MODELS)
def test_fifty_steps_follow_the_golden_loss_curve(name):
    lines = (CURVES / f"{name}.txt").read_text(encoding="utf-8").split("\n")[:-1]
    golden = [float(line.split()[1]) for line in lines]
    assert len(golden) == 50
    assert loss_curve(name) == pytest.approx(golden, rel=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_the_golden_curve_is_one_of_a_model_that_learns(name):
    lines = (CURVES / f"{name}.txt").read_text(encoding="utf-8").split("\n")[:-1]
    golden = [float(line.split()[1]) for line in lines]
    assert sum(golden[-4:]) < 0.7 * sum(golden[:4])


def test_there_is_one_curve_per_model():
    assert {path.stem for path in CURVES.glob("*.txt")} == set(MODELS)
