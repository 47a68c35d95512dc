"""The one table of steps: what stands in it can be done, and names what exists."""

import inspect

import pytest

from uniscale.config import Settings
from uniscale.pipeline import work
from uniscale.pipeline.steps import DAY_STEPS, day_step, steps_until


@pytest.mark.parametrize("step", DAY_STEPS, ids=lambda step: step.name)
def test_every_step_has_a_function_of_its_name_and_settings_that_exist(step):
    assert list(inspect.signature(step.work).parameters) == ["settings", "lake", "ds", "force"]
    assert step.work.__doc__
    assert set(step.settings) <= set(Settings.model_fields)


def test_every_function_of_the_work_is_a_step():
    names = [
        name for name, found in vars(work).items() if inspect.isfunction(found) and found.__module__ == work.__name__
    ]
    assert names == [step.name for step in DAY_STEPS]


def test_a_part_of_the_day_runs_from_its_first_step_on():
    assert steps_until("samples") == ("land", "marts", "samples")
    with pytest.raises(ValueError, match="no step is called 'sample'; the steps are land, marts"):
        day_step("sample")
