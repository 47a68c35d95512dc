"""What looks at a day is done although something before it failed; what builds it is not."""

from datetime import date

import pytest

from tests.support_evaluation import insert, step_row
from uniscale.contracts.outcomes import STEPS
from uniscale.pipeline.run import _before
from uniscale.pipeline.steps import RETRAINING_STEPS, WATCH_STEPS, day_step

DS = date(2026, 1, 7)


@pytest.fixture
def until_promoted(lake):
    """A day that was trained and decided, and of which nothing has been looked at."""
    insert(lake, STEPS, [step_row(DS, step.name) for step in RETRAINING_STEPS])
    return lake


@pytest.mark.parametrize("step", WATCH_STEPS, ids=lambda step: step.name)
def test_each_step_that_watches_follows_the_last_one_that_was_done(until_promoted, step):
    assert _before(until_promoted, DS, step)["step"] == "promote"
    insert(until_promoted, STEPS, [step_row(DS, "skew")])
    assert _before(until_promoted, DS, day_step("page"))["step"] == "skew"


def test_a_step_that_builds_needs_the_one_before_it(lake):
    insert(lake, STEPS, [step_row(DS, "land"), step_row(DS, "samples")])
    with pytest.raises(ValueError, match=r"step samples of 2026-01-07 needs step marts; run: uniscale step marts"):
        _before(lake, DS, day_step("samples"))


def test_nothing_is_watched_of_a_day_that_has_not_begun(lake):
    with pytest.raises(ValueError, match="step page of 2026-01-07 needs step monitor"):
        _before(lake, DS, day_step("page"))
