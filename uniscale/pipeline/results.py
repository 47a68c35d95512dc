"""What each step of a day found: the counts that the ledger keeps, and page, card and commands read.

A step returns one of these; the ledger keeps it as JSON, and `read_result` gives it back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from pydantic import TypeAdapter, ValidationError

from uniscale.es3.lift import Lift
from uniscale.es3.maturity import Growth
from uniscale.lake import Lake
from uniscale.pipeline.ledger import entries, finished

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


@dataclass(frozen=True, kw_only=True, slots=True)
class Landed:
    """Step ``land``; see `uniscale.sources.landing.land_day`."""

    rows: Mapping[str, int]
    quarantined: int
    days: int
    landed_days: int
    forgotten: int


@dataclass(frozen=True, kw_only=True, slots=True)
class DbtNode:
    """A model or test: dbt's status, and the rows of the built days of a model, or those a test found fault with."""

    name: str
    kind: str
    status: str
    rows: int | None
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class MartsBuilt:
    """Step ``marts``; see `uniscale.warehouse.build.build_marts`."""

    exposures: int
    attributed: Mapping[str, int]
    days_built: Mapping[str, int]
    nodes: tuple[DbtNode, ...]
    capped_user_days: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Multiplier:
    """Size of the samples after a stage over that of shown rows with native labels."""

    requests: float
    samples: float
    positives: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """Mean rows of a request, share of positives, and share of the label weight that lies on positives."""

    rows: float
    positive_rate: float
    weighed_rate: float


@dataclass(frozen=True, kw_only=True, slots=True)
class QueryMatch:
    """Synthetic queries of a tier against the real ones they stand for; see `uniscale.es3.quality`."""

    made: int
    coverage: float
    exact: float | None
    same_intent: float | None
    similarity: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class QueryQuality:
    """Synthetic queries on held-out real searches: of each tier in turn, and of each tried alone."""

    searches: int
    chance: float | None
    tiers: Mapping[str, QueryMatch]
    alone: Mapping[str, QueryMatch]


@dataclass(frozen=True, kw_only=True, slots=True)
class SamplesBuilt:
    """Step ``samples``; see `uniscale.es3.build.build_samples`."""

    exposed: int
    unexposed: int
    attributed: int
    synthetic: int
    requests: int
    positives: Mapping[str, int]
    searchified: Mapping[str, int]
    shape: Mapping[str, Shape]
    outside_clicks: Mapping[str, int]
    multipliers: Mapping[str, Multiplier]
    lift: tuple[Lift, ...]
    growth: Mapping[str, Growth]
    young_days: str
    queries: QueryQuality | None
    days_built: int
    rows_per_second: int | None

    @property
    def by_provenance(self) -> dict[str, int]:
        """Rows by kind, as card and page show them."""
        kinds = ("exposed", "unexposed", "attributed", "synthetic")
        return {kind: getattr(self, kind) for kind in kinds}


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderedBy:
    """How well an input orders the items of requests; see `uniscale.features.leak.guard.measure_leak`."""

    auc: float | None
    se: float | None
    apart_auc: float | None = None
    apart_se: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Leak:
    """What the requests of one kind give away, by input."""

    requests: int
    rows: int
    inputs: Mapping[str, OrderedBy]
    worst: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FramesBuilt:
    """Step ``frames``; see `uniscale.features.training_frames.build.build_frames`."""

    train_requests: int
    train_rows: int
    eval_requests: int
    eval_rows: int
    missing: Mapping[str, float]
    leak: Mapping[str, Leak]
    max_leak: float
    rows_per_second: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """Rows of a feature view written into the online store, and deleted from it."""

    written: int
    deleted: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """One look-up: the command that asks for it, and the features it gave."""

    command: str
    features: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class LookUps:
    """The look-ups of a request, as the page of the day shows them."""

    as_of: datetime
    generation: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Materialized:
    """Step ``materialize``; see `uniscale.features.online.materialize.materialize`. ``example`` may be forgotten."""

    as_of: datetime
    slot: str
    generation: str
    snapshot_id: int
    entities: Mapping[str, int]
    views: Mapping[str, Written]
    seconds: float
    example: LookUps | None = None
    skipped: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Trained:
    """One ranker of the day; of a champion that serves already there is no more than recipe, version and size."""

    recipe: str
    version: str
    num_params: int
    reused: bool | None = None
    key: str | None = None
    seconds: float | None = None
    rows_per_second: float | None = None
    loss: float | None = None
    num_requests: int | None = None
    num_rows: int | None = None
    num_steps: int | None = None
    warmup_steps: int | None = None
    passes: float | None = None
    level: Mapping[str, float] | None = None
    curve: tuple[Mapping[str, float | None], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class RankersTrained:
    """Step ``train``; see `ray_jobs.train.train_day`."""

    snapshot_id: int
    days: tuple[date, ...]
    models: Mapping[str, Trained]
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionJudged:
    """A version under judgement."""

    version: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluated:
    """Step ``evaluate``; see `uniscale.decision.judge.evaluate_day`."""

    days: tuple[date, ...]
    requests: int
    exposed_rows: int
    clicks: int
    purchases: int
    versions: Mapping[str, VersionJudged]
    metrics: Mapping[str, Mapping[str, float | None]]
    world: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Decided:
    """Step ``promote``; see `uniscale.decision.judge.promote_day`."""

    decision: str
    reason: str
    champion_version: str
    challenger_version: str
    evidence: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class ServedAgain:
    """Requests served again by the retraining; see `uniscale.serving.shadow.serve_again`."""

    skipped: str | None = None
    requests: int = 0
    items: int = 0
    unknown_users: int = 0
    unknown_queries: int = 0
    unknown_items: int = 0
    stale: int = 0
    too_old: int = 0
    degraded: int = 0
    future: int = 0
    pushed: int = 0
    generation: str | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Skew:
    """Served input against the lake's; see `uniscale.serving.skew.measure_skew`."""

    ds: date
    kind: str
    requests: int
    degraded: int = 0
    corrupt: int = 0
    late: int = 0
    overdue: int = 0
    compared: int = 0
    exact: int = 0
    in_time: int = 0
    exact_in_time: int = 0
    features: Mapping[str, float] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SkewMeasured:
    """Step ``skew``."""

    shadow: ServedAgain
    skew: tuple[Skew, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class DriftReport:
    """What an Evidently report says of one population.

    Attributes:
        name: Name of the population.
        title: What was compared with what.
        num_current: Rows under watch.
        num_reference: Rows compared with.
        num_tests: Tests in the report.
        failed: Names of those that failed.
        file: HTML file next to the page of the day, or empty when there was too little to compare.
        note: Why there is no report, or empty.
    """

    name: str
    title: str
    num_current: int
    num_reference: int
    num_tests: int
    failed: tuple[str, ...]
    file: str
    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DriftWatched:
    """Step ``monitor``; see `monitoring.daily.watch_day`. What was found by severity is in ``monitor.findings``."""

    profiles: int
    findings: Mapping[str, int]
    reports: tuple[DriftReport, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PageWritten:
    """Step ``page``: where the page of the day is."""

    page: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DayResults:
    """Results of a day by step; None for a step that is not done."""

    land: Landed | None = None
    marts: MartsBuilt | None = None
    samples: SamplesBuilt | None = None
    frames: FramesBuilt | None = None
    materialize: Materialized | None = None
    train: RankersTrained | None = None
    evaluate: Evaluated | None = None
    promote: Decided | None = None
    skew: SkewMeasured | None = None
    monitor: DriftWatched | None = None
    page: PageWritten | None = None


def result(kind: type[T], found: Mapping[str, Any]) -> T:
    """The result of a step from what its work or its process told.

    Raises:
        TypeError: Something was told that the result does not hold.
        pydantic.ValidationError: Something is missing, or of another type.
    """
    unknown = found.keys() - {field.name for field in fields(kind)}
    if unknown:
        raise TypeError(f"{kind.__name__} does not hold {', '.join(sorted(unknown))}")
    return TypeAdapter(kind).validate_python(found)


def read_results(lake: Lake, ds: date) -> DayResults:
    """What the steps of a day found, as far as they are done.

    Raises:
        FileNotFoundError: There is no lake.
        ValueError: As of `read_entry`.
    """
    with lake.read() as con:
        found = entries(con, ds)
    return DayResults(**{step.name: read_entry(found[step.name]) for step in fields(DayResults) if step.name in found})


def read_result(lake: Lake, ds: date, step: str) -> Any:
    """What one step of a day found, of its own type; None if it is not done.

    Raises:
        ValueError: As of `read_entry`.
    """
    entry = finished(lake, ds, step)
    return None if entry is None else read_entry(entry)


def read_entry(entry: Mapping[str, Any]) -> Any:
    """What the step of a ledger's entry found, of its own type.

    Raises:
        ValueError: The step was done by code with another form of its result; the message names the command.
    """
    step, ds = entry["step"], entry["ds"]
    try:
        return _reader(step).validate_json(entry["details"])
    except ValidationError as error:
        raise ValueError(
            f"step {step} of {ds} was done by code {entry['code_version']}, whose result this code does not read; run: "
            f"uniscale step {step} {ds}"
        ) from error


@cache
def _reader(step: str) -> TypeAdapter[Any]:
    return TypeAdapter(get_type_hints(DayResults)[step])
