"""Nothing that is too thin, or within chance, is shown as certain."""

import pytest

from uniscale.contracts.metrics import CATALOGUE, MIN_REQUESTS
from uniscale.pipeline.standing import standing


def difference(low, high, *, requests=900, value=0.1):
    return {"value": value, "ci_low": low, "ci_high": high, "num_requests": requests}


@pytest.mark.parametrize(
    ("metric", "row", "stands"),
    [
        ("gauc", difference(0.01, 0.2), "better"),
        ("gauc", difference(-0.2, -0.01), "worse"),
        ("gauc", difference(-0.1, 0.2), "unsure"),
        ("log_loss", difference(0.01, 0.2), "worse"),
        ("log_loss", difference(-0.2, -0.01), "better"),
        ("calibration", difference(0.01, 0.2), "neutral"),
        ("gauc", difference(0.01, 0.2, requests=MIN_REQUESTS - 1), "thin"),
        ("log_loss", difference(0.01, 0.2, requests=MIN_REQUESTS - 1), "thin"),
        ("gauc", difference(None, None), "thin"),
        ("gauc", difference(None, None, value=None), "thin"),
    ],
)
def test_a_difference_is_certain_only_with_enough_requests_and_zero_outside_its_interval(metric, row, stands):
    assert standing(CATALOGUE[metric], row) == stands
