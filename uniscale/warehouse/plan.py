"""Which days of which marts have to be built for a run, and from what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from uniscale.config import Settings
from uniscale.config.calendar import days_of_run, days_to_restate
from uniscale.contracts.days import Day, every_day, midnight_after
from uniscale.contracts.events import ACTIONS_TABLE, ITEMS, REQUESTS
from uniscale.contracts.features import FEATURE_WINDOWS
from uniscale.contracts.policy import Policy
from uniscale.contracts.products import Product
from uniscale.contracts.schema import Table
from uniscale.lake.contents import Contents
from uniscale.lake.keys import build_keys
from uniscale.lake.partitions import stale_in_any
from uniscale.warehouse.products import (
    CARRIED,
    COUNTS,
    FEATURES,
    FRESH,
    OUTSIDE,
    QUERY_STATS,
    REQUEST_LABELS,
    VERSIONS,
    Reach,
    last_read,
)

Built = Mapping[str, Mapping[date, str]]
"""Build key of every day of some tables, by qualified name."""

_BASE_DAYS = 31
"""Days that the base of a carried day may be older than it; beyond, the whole log is read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Days of a product that a run needs.

    Attributes:
        product: What is built.
        variable: dbt variable that takes the days; the models of the group name it as ``days_from``.
        days: Each day of the run with the fields its models want to know.
        keys: Build key of each day.
        wanted_by: Name of the group that alone reads these days: they are built when it has days to build.
        bases: Earlier days that a day may be made from instead of from the whole log, with the keys they have to have.
        keep_from: First day of the tables that later runs may still read; None keeps all days.
        read_together: Whether one day of a reader reads all these days.
    """

    product: Product[Reach]
    variable: str
    days: Mapping[date, Mapping[str, Any]]
    keys: Mapping[date, str]
    wanted_by: str | None = None
    bases: Mapping[date, str] = field(default_factory=dict)
    keep_from: date | None = None
    read_together: bool = False

    @property
    def name(self) -> str:
        """What a report calls the group."""
        return self.product.name

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables that are built together for the same days."""
        return self.product.tables

    def stale(self, built: Built) -> list[date]:
        """Days on which at least one table is missing or was built from something else."""
        return self._differing(built, self.keys)

    def base(self, built: Built) -> date | None:
        """The newest of the bases that all tables hold as it should be."""
        return max(set(self.bases).difference(self._differing(built, self.bases)), default=None)

    def _differing(self, built: Built, wanted: Mapping[date, str]) -> list[date]:
        return stale_in_any({name: built[name] for name in self.product.notes}, wanted)


def plan_groups(settings: Settings, policy: Policy, raw: Contents, ds: date) -> tuple[Group, ...]:
    """Everything the run of ``ds`` needs, with the build key each day should have."""
    plan = _Plan(settings, policy, raw, _request_days(settings, policy, raw, ds))
    last_feature_day = ds + timedelta(days=settings.window.eval_days - 1)  # what the last test day may read
    plan.versions(ds + timedelta(days=settings.window.eval_days))
    plan.outside()
    plan.requests()
    plan.query_stats(ds)
    plan.carried(ds)
    plan.counts(ds, last_feature_day)
    plan.features(ds, last_feature_day)
    plan.fresh([day.ds for day in days_of_run(settings, ds, policy)])
    return tuple(plan.groups)


def plan_features(settings: Settings, policy: Policy, raw: Contents, ds: date) -> tuple[Group, ...]:
    """What serving needs when ``ds`` has ended, with the build key each day should have.

    The feature days are those of the run that is judged on ``ds``, the next one to train, and ``ds`` itself. Their
    first day, which holds every known entity, is the same for both, so neither builds a day that the other has built.
    """
    run = ds - timedelta(days=settings.window.eval_days)
    plan = _Plan(settings, policy, raw, ())
    plan.versions(ds)
    plan.carried(run)
    plan.counts(run, ds)
    plan.features(run, ds)
    plan.fresh([ds])
    return tuple(plan.groups)


def plan_final_labels(settings: Settings, policy: Policy, raw: Contents, days: Sequence[Day]) -> tuple[Group, ...]:
    """The labels of days whose attribution window has closed, with the build key each day should have."""
    plan = _Plan(settings, policy, raw, days)
    plan.versions(max(day.label_as_of for day in days).date())
    plan.outside()
    plan.requests()
    return tuple(plan.groups)


class _Plan:
    """Groups in an order in which each is made from those before it; these count with the keys they will have."""

    def __init__(self, settings: Settings, policy: Policy, raw: Contents, request_days: Iterable[Day]) -> None:
        self.settings, self.policy, self.request_days = settings, policy, tuple(request_days)
        labels = {day.ds: day.label_as_of for day in self.request_days}
        self.reach = Reach(settings=settings, policy=policy, label_as_of=labels)
        self.contents = raw
        self.groups: list[Group] = []

    def _keys(self, product: Product[Reach], days: Mapping[date, Mapping[str, Any]]) -> dict[date, str]:
        return build_keys(product, self.reach, self.contents, days, settings=self.settings, policy=self.policy)

    def _add(self, product: Product[Reach], variable: str, days: Iterable[Mapping[str, Any]], **more: Any) -> None:
        of_day = {fields["ds"]: fields for fields in days}
        keys = self._keys(product, of_day)
        self.contents = self.contents.with_built(product.tables, keys)
        self.groups.append(Group(product=product, variable=variable, days=of_day, keys=keys, **more))

    def versions(self, last: date) -> None:
        """All days from the first version of an item on: one may stay what is known for ever."""
        last_raw = last_read(self.settings, last)
        landed = [day for day in self.contents.days(ITEMS) if day <= last_raw]
        days = every_day(min(landed), max(last, *landed)) if landed else []
        self._add(VERSIONS, "version_days", [{"ds": day} for day in days])

    def outside(self) -> None:
        """The days on which actions became known that attribution or the samples of the request days look at."""
        first = self.request_days[0].ds - timedelta(days=self.policy.attribution.window_days)
        last = max(day.label_as_of for day in self.request_days).date() - timedelta(days=1)
        days = [{"ds": day} for day in every_day(first, last)]
        self._add(OUTSIDE, "outside_days", days, read_together=True)

    def requests(self) -> None:
        """The days whose labels the run brings up to date."""
        days = [{"ds": day.ds, "label_as_of": day.label_as_of, "is_final": day.is_final} for day in self.request_days]
        self._add(REQUEST_LABELS, "request_days", days)

    def query_stats(self, ds: date) -> None:
        """The training days."""
        trained = [day.ds for day in days_of_run(self.settings, ds, self.policy) if day.split == "train"]
        self._add(QUERY_STATS, "query_stat_days", [{"ds": day} for day in trained])

    def _first_feature_day(self, ds: date) -> date:
        """The day before the first training day: what its requests may read."""
        return days_of_run(self.settings, ds, self.policy)[0].ds - timedelta(days=1)

    def carried(self, ds: date) -> None:
        """What the day before the first feature day carries over to it."""
        carried = self._first_feature_day(ds) - timedelta(days=1)
        ages = () if self.settings.features.leaky else range(1, _BASE_DAYS + 1)
        bases = {day: {"ds": day} for day in (carried - timedelta(days=age) for age in ages)}
        self._add(
            CARRIED,
            "carried_days",
            [{"ds": carried}],
            wanted_by=FEATURES.name,
            bases=self._keys(CARRIED, bases),
            keep_from=carried - timedelta(days=1),
        )

    def counts(self, ds: date, last: date) -> None:
        """The daily counts that the windows of the feature days up to ``last`` reach, and of one day before them."""
        first = self._first_feature_day(ds) - timedelta(days=max(FEATURE_WINDOWS))
        if self.settings.features.leaky:  # what becomes known on any later day counts too
            last = max([last, *self.contents.days(ACTIONS_TABLE)])
        self._add(
            COUNTS,
            "count_days",
            [{"ds": day} for day in every_day(first, last)],
            wanted_by=FEATURES.name,
            keep_from=first - timedelta(days=1),
            read_together=True,
        )

    def features(self, ds: date, last: date) -> None:
        """The days that the requests of the run may read; the first one holds every entity that is known."""
        first = self._first_feature_day(ds)
        days = [
            {"ds": day, "feature_at": midnight_after(day), "is_first": day == first} for day in every_day(first, last)
        ]
        self._add(FEATURES, "feature_days", days)

    def fresh(self, wanted: Iterable[date]) -> None:
        """The days whose requests see what their users did on them."""
        self._add(FRESH, "fresh_days", [{"ds": day} for day in wanted])


def _request_days(settings: Settings, policy: Policy, raw: Contents, ds: date) -> list[Day]:
    """Days whose labels the run brings up to date, oldest first."""
    first_logged = min(raw.days(REQUESTS), default=ds)
    restated = [day for day in days_to_restate(settings, ds, policy) if day.ds >= first_logged]
    return [*restated, *days_of_run(settings, ds, policy)]
