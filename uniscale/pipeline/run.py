"""Running one step of a day: alone on the installation, once for the same inputs, with its progress told."""

from __future__ import annotations

from datetime import date
from typing import Any

from uniscale.config import Settings, load_settings
from uniscale.contracts.policy import load_policy
from uniscale.lake import Lake
from uniscale.lake.keys import setting_values
from uniscale.pipeline.forced import forcing
from uniscale.pipeline.ledger import finished, run_step
from uniscale.pipeline.locks import one_at_a_time
from uniscale.pipeline.processes import die_with_starter
from uniscale.pipeline.progress import tell
from uniscale.pipeline.results import read_result
from uniscale.pipeline.steps import DAY_STEPS, WATCH_STEPS, Step, day_step


def do_step(name: str, ds: date, *, force: bool = False) -> tuple[dict[str, Any], bool]:
    """Run one step of a day, or find that it is done.

    Args:
        name: Step name.
        ds: Day of the run.
        force: Do again all that it does, and what the steps before it made stays. A forced step that was killed goes on
            forced.

    Returns:
        Its ledger entry, and whether it ran now.

    Raises:
        ValueError: No step has this name, or the step before it has not been done.
    """
    step = day_step(name)
    die_with_starter()
    settings = load_settings()
    lake = Lake(settings)
    with one_at_a_time(settings, "step"):
        tell(settings, ds, name, "running")
        try:
            inputs = _inputs(settings, lake, ds, step)
            with forcing(lake, ds, name, force) as forced:
                entry, ran = run_step(
                    lake, ds, name, inputs, lambda: step.work(settings, lake, ds, forced), force=forced
                )
        except BaseException as error:
            tell(settings, ds, name, "failed", message=str(error) or type(error).__name__)
            raise
        tell(settings, ds, name, "done" if ran else "was done", seconds=entry["seconds"])
    return entry, ran


def _inputs(settings: Settings, lake: Lake, ds: date, step: Step) -> dict[str, Any]:
    inputs = setting_values(settings, load_policy(settings.policy), step.depends_on)
    if step == DAY_STEPS[0]:
        from uniscale.sources.landing import fingerprint

        inputs["files"] = fingerprint(settings, ds)
        return inputs
    before = _before(lake, ds, step)
    inputs["before"] = before["input_key"]
    if step.name == "evaluate":  # training by force gives another version from the same inputs
        models = read_result(lake, ds, before["step"]).models
        inputs["versions"] = {role: model.version for role, model in models.items()}
    return inputs


def _before(lake: Lake, ds: date, step: Step) -> dict[str, Any]:
    """The ledger entry of the step before; for one that watches, of the last one that has been done.

    Raises:
        ValueError: It has not been done.
    """
    earlier = [known.name for known in reversed(DAY_STEPS[: DAY_STEPS.index(step)])]
    for name in earlier if step in WATCH_STEPS else earlier[:1]:
        entry = finished(lake, ds, name)
        if entry is not None:
            return entry
    raise ValueError(f"step {step.name} of {ds} needs step {earlier[0]}; run: uniscale step {earlier[0]} {ds}")
