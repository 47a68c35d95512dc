"""A change of the code that should not change numbers, or sizes, does not."""

from pathlib import Path

import pytest
from support_models import dense_params, loss_curve

from uniscale.models.zoo import MODELS

CURVES = Path(__file__).parent / "curves"
SIZES = Path(__file__).parent / "sizes"


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


@pytest.mark.parametrize("name", MODELS)
def test_the_size_dial_sets_the_number_of_dense_parameters(name):
    lines = (SIZES / f"{name}.txt").read_text(encoding="utf-8").split("\n")[:-1]
    golden = {size: int(count) for size, count in (line.split() for line in lines)}
    assert dense_params(name) == golden
    assert list(golden.values()) == sorted(golden.values())


@pytest.mark.parametrize("folder", [CURVES, SIZES])
def test_there_is_one_file_per_model(folder):
    assert {path.stem for path in folder.glob("*.txt")} == set(MODELS)
