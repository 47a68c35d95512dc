"""What each step of a day does: one function per step, of the step's name.

Each takes the installation, its lake, the day of the run and whether to do again what is done, and returns what it
found. It imports what it needs when it runs.
"""

from __future__ import annotations

from datetime import date

from uniscale.config import Settings
from uniscale.lake import Lake
from uniscale.pipeline.processes import run_entry_point
from uniscale.pipeline.results import (
    Decided,
    DriftWatched,
    Evaluated,
    FramesBuilt,
    Landed,
    MartsBuilt,
    Materialized,
    PageWritten,
    RankersTrained,
    SamplesBuilt,
    SkewMeasured,
    result,
)


def land(settings: Settings, lake: Lake, ds: date, force: bool) -> Landed:
    """Land the logs of the run's days."""
    from uniscale.sources.landing import land_day

    return result(Landed, land_day(settings, lake, ds, force=force))


def marts(settings: Settings, lake: Lake, ds: date, force: bool) -> MartsBuilt:
    """Build exposures, attribution and feature tables."""
    from uniscale.warehouse.build import build_marts

    return result(MartsBuilt, build_marts(settings, lake, ds, force=force))


def samples(settings: Settings, lake: Lake, ds: date, force: bool) -> SamplesBuilt:
    """Build the entire-space samples."""
    from uniscale.es3.build import build_samples

    found = build_samples(settings, lake, ds, force=force)
    return result(SamplesBuilt, {**found, "queries": found["queries"] or None})


def frames(settings: Settings, lake: Lake, ds: date, force: bool) -> FramesBuilt:
    """Join samples and features as of their times."""
    from uniscale.features.training_frames.build import build_frames

    return result(FramesBuilt, build_frames(settings, lake, ds, force=force))


def materialize(settings: Settings, lake: Lake, ds: date, force: bool) -> Materialized:
    """Fill the online store."""
    from uniscale.features.online.materialize import materialize as fill
    from uniscale.pipeline.bar import writing_bar
    from uniscale.serving.example import example_look_up

    with writing_bar() as advance:
        written = fill(settings, lake, ds, advance=advance, force=force)
    return result(Materialized, {**written, "example": example_look_up(settings, lake, ds) or None})


def train(settings: Settings, lake: Lake, ds: date, force: bool) -> RankersTrained:
    """Train and register the rankers."""
    del lake
    words = ["--ds", ds.isoformat(), *(["--force"] if force else [])]
    return result(RankersTrained, run_entry_point(settings, "ray_jobs.train", words))


def evaluate(settings: Settings, lake: Lake, ds: date, force: bool) -> Evaluated:
    """Judge champion and challenger; done as a whole whenever it is done."""
    del force
    from uniscale.decision.judge import evaluate_day

    return result(Evaluated, evaluate_day(settings, lake, ds))


def promote(settings: Settings, lake: Lake, ds: date, force: bool) -> Decided:
    """Decide who serves; done as a whole whenever it is done."""
    del force
    from uniscale.decision.judge import promote_day

    return result(Decided, promote_day(settings, lake, ds))


def skew(settings: Settings, lake: Lake, ds: date, force: bool) -> SkewMeasured:
    """Serve requests again and compare what was served; done as a whole whenever it is done."""
    del force
    from uniscale.config.calendar import eval_days
    from uniscale.serving.shadow import serve_again
    from uniscale.serving.skew import measure_skew

    day = eval_days(settings, ds)[0]
    shadow = serve_again(settings, lake, day, settings.features.shadow_requests)
    kinds = ("live",) if "skipped" in shadow else ("live", "shadow")
    measured = [measure_skew(settings, lake, day, kind) for kind in kinds]
    return result(SkewMeasured, {"shadow": shadow, "skew": measured})


def monitor(settings: Settings, lake: Lake, ds: date, force: bool) -> DriftWatched:
    """Write profiles, findings and reports; nothing is kept that could be found done."""
    del lake, force
    return result(DriftWatched, run_entry_point(settings, "monitoring.daily", ["--ds", ds.isoformat()]))


def page(settings: Settings, lake: Lake, ds: date, force: bool) -> PageWritten:
    """Write the page of the day; nothing is kept that could be found done."""
    del lake, force
    return result(PageWritten, run_entry_point(settings, "monitoring.page", ["--ds", ds.isoformat()]))
