"""What each step of a day does: one function per step, of the step's name.

Each takes the installation, its lake, the day of the run and whether to do again what is done, and returns counts for
the report. It imports what it needs when it runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from uniscale.config import Settings
from uniscale.lake import Lake
from uniscale.pipeline.processes import run_entry_point

Counts = Mapping[str, Any]


def land(settings: Settings, lake: Lake, ds: date, force: bool) -> Counts:
    """Land the logs of the run's days."""
    from uniscale.sources.landing import land_day

    return land_day(settings, lake, ds, force=force)


def marts(settings: Settings, lake: Lake, ds: date, force: bool) -> Counts:
    """Build exposures, attribution and feature tables."""
    from uniscale.warehouse.build import build_marts

    return build_marts(settings, lake, ds, force=force)


def samples(settings: Settings, lake: Lake, ds: date, force: bool) -> Counts:
    """Build the entire-space samples."""
    from uniscale.es3.build import build_samples

    return build_samples(settings, lake, ds, force=force)


def frames(settings: Settings, lake: Lake, ds: date, force: bool) -> Counts:
    """Join samples and features as of their times."""
    from uniscale.features.frames import build_frames

    return build_frames(settings, lake, ds, force=force)


def materialize(settings: Settings, lake: Lake, ds: date, force: bool) -> Counts:
    """Fill the online store."""
    from uniscale.features.online.materialize import materialize as fill
    from uniscale.pipeline.bar import writing_bar
    from uniscale.serving.example import example_look_up

    with writing_bar() as advance:
        written = fill(settings, lake, ds, advance=advance, force=force)
    return {**written, "example": example_look_up(settings, lake, ds)}


def train(settings: Settings, lake: Lake, ds: date, force: bool) -> Counts:
    """Train and register the rankers."""
    del lake
    return run_entry_point(settings, "ray_jobs.train", ["--ds", ds.isoformat(), *(["--force"] if force else [])])


def evaluate(settings: Settings, lake: Lake, ds: date, force: bool) -> Counts:
    """Judge champion and challenger; done as a whole whenever it is done."""
    del force
    from uniscale.registry.judge import evaluate_day

    return evaluate_day(settings, lake, ds)


def promote(settings: Settings, lake: Lake, ds: date, force: bool) -> Counts:
    """Decide who serves; done as a whole whenever it is done."""
    del force
    from uniscale.registry.judge import promote_day

    return promote_day(settings, lake, ds)


def skew(settings: Settings, lake: Lake, ds: date, force: bool) -> Counts:
    """Serve requests again and compare what was served; done as a whole whenever it is done."""
    del force
    from uniscale.config.calendar import eval_days
    from uniscale.serving.shadow import serve_again
    from uniscale.serving.skew import measure_skew

    day = eval_days(settings, ds)[0]
    shadow = serve_again(settings, lake, day, settings.features.shadow_requests)
    kinds = ("live",) if "skipped" in shadow else ("live", "shadow")
    return {"shadow": shadow, "skew": [measure_skew(settings, lake, day, kind) for kind in kinds]}


def monitor(settings: Settings, lake: Lake, ds: date, force: bool) -> Counts:
    """Write the drift reports; nothing is kept that could be found done."""
    del lake, force
    return run_entry_point(settings, "monitoring.daily", ["--ds", ds.isoformat()])


def page(settings: Settings, lake: Lake, ds: date, force: bool) -> Counts:
    """Write the page of the day; nothing is kept that could be found done."""
    del lake, force
    return run_entry_point(settings, "monitoring.page", ["--ds", ds.isoformat()])
