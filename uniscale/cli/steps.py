"""`uniscale step NAME DS`: the steps of a day, each done once for the same inputs and written into the ledger.

The Airflow DAG calls these; a person may call them by hand, in order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

import typer

from uniscale.cli.bar import writing_bar
from uniscale.cli.console import err, exit_codes, parse_day, print_json
from uniscale.cli.forced import ask_force, forcing
from uniscale.cli.processes import die_with_starter, one_at_a_time, run_entry_point
from uniscale.cli.progress import tell
from uniscale.config import Settings, load_settings
from uniscale.contracts.policy import load_policy
from uniscale.contracts.steps import DAY_STEPS
from uniscale.lake import Lake
from uniscale.lake.ledger import finished, run_step

Work = Callable[[Settings, Lake, date, bool], Mapping[str, Any]]
"""Does a step of a day; the last argument tells to do again what is done."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """How a step is done.

    Attributes:
        work: Does it; returns counts for the report.
        settings: Names of the settings (sections or values) its result depends on.
    """

    work: Work
    settings: tuple[str, ...] = ()


def _land(settings: Settings, lake: Lake, ds: date, force: bool) -> Mapping[str, Any]:
    from uniscale.sources.landing import land_day

    return land_day(settings, lake, ds, force=force)


def _marts(settings: Settings, lake: Lake, ds: date, force: bool) -> Mapping[str, Any]:
    from uniscale.warehouse.build import build_marts

    return build_marts(settings, lake, ds, force=force)


def _samples(settings: Settings, lake: Lake, ds: date, force: bool) -> Mapping[str, Any]:
    from uniscale.es3.build import build_samples

    return build_samples(settings, lake, ds, force=force)


def _frames(settings: Settings, lake: Lake, ds: date, force: bool) -> Mapping[str, Any]:
    from uniscale.features.frames import build_frames

    return build_frames(settings, lake, ds, force=force)


def _materialize(settings: Settings, lake: Lake, ds: date, force: bool) -> Mapping[str, Any]:
    from uniscale.features.online.materialize import materialize
    from uniscale.serving.example import example_look_up

    with writing_bar() as advance:
        written = materialize(settings, lake, ds, advance=advance, force=force)
    return {**written, "example": example_look_up(settings, lake, ds)}


def _skew(settings: Settings, lake: Lake, ds: date, force: bool) -> Mapping[str, Any]:
    del force  # it is done as a whole whenever it is done
    from uniscale.config.calendar import eval_days
    from uniscale.serving.shadow import serve_again
    from uniscale.serving.skew import measure_skew

    day = eval_days(settings, ds)[0]
    shadow = serve_again(settings, lake, day, settings.features.shadow_requests)
    kinds = ("live",) if "skipped" in shadow else ("live", "shadow")
    return {"shadow": shadow, "skew": [measure_skew(settings, lake, day, kind) for kind in kinds]}


def _evaluate(settings: Settings, lake: Lake, ds: date, force: bool) -> Mapping[str, Any]:
    del force  # it is done as a whole whenever it is done
    from uniscale.registry.judge import evaluate_day

    return evaluate_day(settings, lake, ds)


def _promote(settings: Settings, lake: Lake, ds: date, force: bool) -> Mapping[str, Any]:
    del force  # it is done as a whole whenever it is done
    from uniscale.registry.judge import promote_day

    return promote_day(settings, lake, ds)


def _train(settings: Settings, lake: Lake, ds: date, force: bool) -> Mapping[str, Any]:
    del lake
    return run_entry_point(settings, "ray_jobs.train", ["--ds", ds.isoformat(), *(["--force"] if force else [])])


def _module(name: str) -> Work:
    def work(settings: Settings, lake: Lake, ds: date, force: bool) -> Mapping[str, Any]:
        del lake, force  # it keeps nothing that it could find done
        return run_entry_point(settings, name, ["--ds", ds.isoformat()])

    return work


_TRAINING = ("source", "window", "policy", "target_domain", "domains", "seed", "training")
STEPS: dict[str, Step] = {
    "land": Step(work=_land, settings=("source", "window", "domains", "target_domain")),
    "marts": Step(work=_marts, settings=("window", "policy")),
    "samples": Step(work=_samples, settings=("window", "policy", "seed")),
    "frames": Step(work=_frames, settings=("window", "policy")),
    "materialize": Step(work=_materialize, settings=("features",)),
    "train": Step(work=_train, settings=_TRAINING),
    "evaluate": Step(work=_evaluate, settings=("gate", "window")),
    "promote": Step(work=_promote, settings=("gate",)),
    "skew": Step(work=_skew, settings=("features", "window")),
    "monitor": Step(work=_module("monitoring.daily")),
    "page": Step(work=_module("monitoring.page")),
}
ORDER = tuple(step.name for step in DAY_STEPS)


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
    if name not in STEPS:
        raise ValueError(f"no step is called {name!r}; the steps are {', '.join(ORDER)}")
    die_with_starter()
    settings = load_settings()
    lake = Lake(settings)
    with one_at_a_time(settings, "step"):
        tell(settings, ds, name, "running")
        try:
            inputs = _inputs(settings, lake, ds, name)
            with forcing(lake, ds, name, force) as forced:
                entry, ran = run_step(
                    lake, ds, name, inputs, lambda: STEPS[name].work(settings, lake, ds, forced), force=forced
                )
        except BaseException as error:
            tell(settings, ds, name, "failed", message=str(error) or type(error).__name__)
            raise
        tell(settings, ds, name, "done" if ran else "was done", seconds=entry["seconds"])
    return entry, ran


def _inputs(settings: Settings, lake: Lake, ds: date, name: str) -> dict[str, Any]:
    values = settings.model_dump(mode="json")
    inputs: dict[str, Any] = {key: values[key] for key in STEPS[name].settings}
    if "policy" in inputs:
        inputs["policy"] = load_policy(settings.policy).model_dump(mode="json")
    if name == ORDER[0]:
        from uniscale.sources.landing import fingerprint

        inputs["files"] = fingerprint(settings, ds)
        return inputs
    before = ORDER[ORDER.index(name) - 1]
    entry = finished(lake, ds, before)
    if entry is None:
        raise ValueError(f"step {name} of {ds} needs step {before}; run: uniscale step {before} {ds}")
    inputs["before"] = entry["input_key"]
    if name == "evaluate":  # training by force gives another version from the same inputs
        models = json.loads(entry["details"])["models"]
        inputs["versions"] = {role: model["version"] for role, model in models.items()}
    return inputs


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""

    @app.command("step")
    def step_command(
        name: Annotated[str, typer.Argument(help=f"One of: {', '.join(ORDER)}.")],
        ds: Annotated[str, typer.Argument(help="Day of the run, YYYY-MM-DD.")],
        force: Annotated[bool, typer.Option("--force", help="Do all of it again.")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="Print the ledger entry as JSON.")] = False,
    ) -> None:
        """Run one step of a day; a finished step with the same inputs is not done again."""
        with exit_codes():
            day = parse_day(ds)
            entry, ran = do_step(name, day, force=force)
            if as_json:
                print_json(entry)
            else:
                err.print(f"{name} of {day}: {'done' if ran else 'was done'} in {entry['seconds']:.1f} s")

    @app.command("build")
    def build_command(
        ds: Annotated[str, typer.Argument(help="Day of the run, YYYY-MM-DD.")],
        force: Annotated[bool, typer.Option("--force", help="Do all of them again.")] = False,
    ) -> None:
        """Build exposures, attribution, features and ES3 samples of a day (steps land, marts and samples)."""
        with exit_codes():
            day, names, settings = parse_day(ds), ("land", "marts", "samples"), load_settings()
            if force:
                with one_at_a_time(settings, "step"):
                    ask_force(Lake(settings), day, names)
            for name in names:
                entry, ran = do_step(name, day, force=force)
                err.print(f"{name} of {day}: {'done' if ran else 'was done'} in {entry['seconds']:.1f} s")
