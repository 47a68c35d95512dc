"""The one table of steps: what stands in it can be done, and names what exists."""

import inspect
from datetime import date
from typing import get_args, get_type_hints

import pytest
from pydantic import ValidationError
from support_evaluation import insert, step_row

from uniscale.config import Settings
from uniscale.contracts.outcomes import STEPS
from uniscale.pipeline import work
from uniscale.pipeline.results import DayResults, Landed, read_result, read_results, result
from uniscale.pipeline.steps import DAY_STEPS, day_step, steps_until


@pytest.mark.parametrize("step", DAY_STEPS, ids=lambda step: step.name)
def test_every_step_has_a_function_of_its_name_and_settings_that_exist(step):
    assert list(inspect.signature(step.work).parameters) == ["settings", "lake", "ds", "force"]
    assert step.work.__doc__
    assert set(step.settings) <= set(Settings.model_fields)


def test_every_step_returns_the_result_that_the_day_holds_for_it():
    held = {name: get_args(kind)[0] for name, kind in get_type_hints(DayResults).items()}
    assert {step.name: get_type_hints(step.work)["return"] for step in DAY_STEPS} == held


def test_a_result_that_is_not_whole_or_holds_more_is_refused():
    found = {"rows": {"users": 3}, "quarantined": 0, "days": 1, "landed_days": 1, "forgotten": 0}
    assert result(Landed, found).rows == {"users": 3}
    with pytest.raises(TypeError, match="Landed does not hold skipped"):
        result(Landed, {**found, "skipped": 1})
    with pytest.raises(ValidationError, match="days"):
        result(Landed, {**found, "days": "some"})


def test_a_result_in_a_form_of_other_code_is_refused_with_the_command_to_run(lake):
    insert(lake, STEPS, [step_row(date(2026, 1, 7), "land", '{"rows": 3}')])
    assert read_result(lake, date(2026, 1, 7), "marts") is None
    with pytest.raises(ValueError, match=r"done by code c, .* run: uniscale step land 2026-01-07"):
        read_results(lake, date(2026, 1, 7))


def test_every_function_of_the_work_is_a_step():
    names = [
        name for name, found in vars(work).items() if inspect.isfunction(found) and found.__module__ == work.__name__
    ]
    assert names == [step.name for step in DAY_STEPS]


def test_a_part_of_the_day_runs_from_its_first_step_on():
    assert steps_until("samples") == ("land", "marts", "samples")
    with pytest.raises(ValueError, match="no step is called 'sample'; the steps are land, marts"):
        day_step("sample")
