"""Which days of which marts have to be built for a run, and from what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from uniscale.config import Settings
from uniscale.config.calendar import days_of_run, days_to_restate
from uniscale.contracts.carried import CARRIED_TABLES
from uniscale.contracts.code import code_of
from uniscale.contracts.daily import DAILY_TABLES
from uniscale.contracts.days import Day, every_day, midnight_after
from uniscale.contracts.features import FEATURE_TABLES, FEATURE_WINDOWS, USER_FRESH_ACTIONS
from uniscale.contracts.marts import FCT_ATTRIBUTIONS, FCT_EXPOSURES, ITEM_VERSIONS, OUTSIDE_ACTIONS, QUERY_ITEM_STATS
from uniscale.contracts.policy import Policy
from uniscale.contracts.schema import Table
from uniscale.lake.keys import input_key
from uniscale.lake.partitions import differing_days
from uniscale.warehouse.inputs import RawContent

EARLIEST = date.min

Built = Mapping[str, Mapping[date, str]]
"""Build key of every day of some tables, by qualified name."""

_BASE_DAYS = 31
"""Days that the base of a carried day may be older than it; beyond, the whole log is read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Tables that are built together for the same days.

    Attributes:
        name: What a report calls the group.
        variable: dbt variable that takes the days; the models of the group name it as ``days_from``.
        tables: The tables.
        days: Each day of the run with the fields its models want to know.
        keys: Build key of each day.
        wanted_by: Name of the group that alone reads these days: they are built when it has days to build.
        bases: Earlier days that a day may be made from instead of from the whole log, with the keys they have to have.
        keep_from: First day of the tables that later runs may still read; None keeps all days.
        read_together: Whether one day of a reader reads all these days.
    """

    name: str
    variable: str
    tables: tuple[Table, ...]
    days: Mapping[date, Mapping[str, Any]]
    keys: Mapping[date, str]
    wanted_by: str | None = None
    bases: Mapping[date, str] = field(default_factory=dict)
    keep_from: date | None = None
    read_together: bool = False

    def stale(self, built: Built) -> list[date]:
        """Days on which at least one table is missing or was built from something else."""
        return self._differing(built, self.keys)

    def base(self, built: Built) -> date | None:
        """The newest of the bases that all tables hold as it should be."""
        return max(set(self.bases).difference(self._differing(built, self.bases)), default=None)

    def _differing(self, built: Built, wanted: Mapping[date, str]) -> list[date]:
        return sorted({day for table in self.tables for day in differing_days(built[table.qualified], wanted)})


def plan_groups(settings: Settings, policy: Policy, raw: RawContent, ds: date) -> tuple[Group, ...]:
    """Everything the run of ``ds`` needs, with the build key each day should have."""
    return (
        _version_group(settings, raw, ds + timedelta(days=settings.window.eval_days)),
        _outside_group(settings, policy, raw, ds),
        _request_group(settings, policy, raw, ds),
        _query_stat_group(settings, policy, raw, ds),
        _carried_group(settings, policy, raw, ds),
        _count_group(settings, policy, raw, ds, _last_feature_day(settings, ds)),
        _feature_group(settings, policy, raw, ds, _last_feature_day(settings, ds)),
        _fresh_group(settings, raw, [day.ds for day in days_of_run(settings, ds, policy)]),
    )


def plan_features(settings: Settings, policy: Policy, raw: RawContent, ds: date) -> tuple[Group, ...]:
    """What serving needs when ``ds`` has ended, with the build key each day should have.

    The feature days are those of the run that is judged on ``ds``, the next one to train, and ``ds`` itself. Their
    first day, which holds every known entity, is the same for both, so neither builds a day that the other has built.
    """
    run = ds - timedelta(days=settings.window.eval_days)
    return (
        _version_group(settings, raw, ds),
        _carried_group(settings, policy, raw, run),
        _count_group(settings, policy, raw, run, ds),
        _feature_group(settings, policy, raw, run, ds),
        _fresh_group(settings, raw, [ds]),
    )


def _version_group(settings: Settings, raw: RawContent, last: date) -> Group:
    """All days from the first version of an item on: one may stay what is known for ever.

    What is superseded on a day depends on all days before it, so the key of a day covers theirs.
    """
    landed = [day for day in raw.by_table["items"] if day <= last_read(settings, last)]
    days, keys, key = {}, {}, ""
    if landed:
        for day in every_day(min(landed), max(last, *landed)):
            days[day] = {"ds": day}
            keys[day] = key = _key(settings, days[day], earlier=key, raw=raw.digest(("items",), day, day))
    return Group(name="item_versions", variable="version_days", tables=(ITEM_VERSIONS,), days=days, keys=keys)


def _request_group(settings: Settings, policy: Policy, raw: RawContent, ds: date) -> Group:
    window_days = policy.attribution.window_days
    days, keys = {}, {}
    for day in _request_days(settings, policy, raw, ds):
        days[day.ds] = {"ds": day.ds, "label_as_of": day.label_as_of, "is_final": day.is_final}
        first, last = day.ds - timedelta(days=window_days), day.label_as_of.date() - timedelta(days=1)
        content = raw.digest(("requests", "candidates", "actions"), first, last)
        if policy.attribution.matches_clusters:
            content += raw.digest(("items",), EARLIEST, last)
        keys[day.ds] = _key(
            settings,
            days[day.ds],
            policy=policy.attribution.model_dump(mode="json"),
            policy_version=policy.version,
            raw=content,
        )
    return Group(
        name="requests", variable="request_days", tables=(FCT_EXPOSURES, FCT_ATTRIBUTIONS), days=days, keys=keys
    )


def _outside_group(settings: Settings, policy: Policy, raw: RawContent, ds: date) -> Group:
    """The days on which actions became known that attribution or the samples of the request days look at."""
    request_days = _request_days(settings, policy, raw, ds)
    first = request_days[0].ds - timedelta(days=policy.attribution.window_days)
    last = max(day.label_as_of for day in request_days).date() - timedelta(days=1)
    reach = timedelta(days=max(FEATURE_WINDOWS))
    days, keys = {}, {}
    for day in every_day(first, last):
        days[day] = {"ds": day}
        content = raw.digest(("actions",), day, day) + raw.digest(("requests",), day - reach, day)
        keys[day] = _key(settings, days[day], raw=content)
    return Group(
        name="outside",
        variable="outside_days",
        tables=(OUTSIDE_ACTIONS,),
        days=days,
        keys=keys,
        read_together=True,
    )


def _request_days(settings: Settings, policy: Policy, raw: RawContent, ds: date) -> list[Day]:
    """Days whose labels the run brings up to date, oldest first."""
    first_logged = min(raw.by_table["requests"], default=ds)
    restated = [day for day in days_to_restate(settings, ds, policy) if day.ds >= first_logged]
    return [*restated, *days_of_run(settings, ds, policy)]


def _query_stat_group(settings: Settings, policy: Policy, raw: RawContent, ds: date) -> Group:
    history_days, prior_clicks = policy.searchification.history_days, policy.searchification.prior_clicks
    days, keys = {}, {}
    for day in days_of_run(settings, ds, policy):
        if day.split == "train":
            days[day.ds] = {"ds": day.ds}
            first, last = day.ds - timedelta(days=history_days), day.ds - timedelta(days=1)
            content = raw.digest(("requests", "actions"), first, last) + raw.digest(("items",), EARLIEST, last)
            keys[day.ds] = _key(
                settings, days[day.ds], history_days=history_days, prior_clicks=prior_clicks, raw=content
            )
    return Group(name="query_stats", variable="query_stat_days", tables=(QUERY_ITEM_STATS,), days=days, keys=keys)


def _last_feature_day(settings: Settings, ds: date) -> date:
    """The day before the last test day: what its requests may read."""
    return ds + timedelta(days=settings.window.eval_days - 1)


def _first_feature_day(settings: Settings, policy: Policy, ds: date) -> date:
    """The day before the first training day: what its requests may read."""
    return days_of_run(settings, ds, policy)[0].ds - timedelta(days=1)


def _carried_group(settings: Settings, policy: Policy, raw: RawContent, ds: date) -> Group:
    """What the day before the first feature day carries over to it."""
    carried = _first_feature_day(settings, policy, ds) - timedelta(days=1)

    def key(day: date) -> str:
        content = raw.digest(("requests", "candidates", "actions"), EARLIEST, last_read(settings, day))
        return _key(settings, {"ds": day}, leaky=settings.features.leaky, raw=content)

    earlier = () if settings.features.leaky else (carried - timedelta(days=age) for age in range(1, _BASE_DAYS + 1))
    return Group(
        name="carried",
        variable="carried_days",
        tables=CARRIED_TABLES,
        days={carried: {"ds": carried}},
        keys={carried: key(carried)},
        wanted_by="features",
        bases={day: key(day) for day in earlier},
        keep_from=carried - timedelta(days=1),
    )


def _count_group(settings: Settings, policy: Policy, raw: RawContent, ds: date, last: date) -> Group:
    """The daily counts that the windows of the feature days up to ``last`` reach, and of one day before them."""
    reach = timedelta(days=max(FEATURE_WINDOWS))
    first = _first_feature_day(settings, policy, ds) - reach
    if settings.features.leaky:  # what becomes known on any later day counts too
        last = max([last, *raw.by_table["actions"]])
    days, keys = {}, {}
    for day in every_day(first, last):
        days[day] = {"ds": day}
        content = raw.digest(("candidates",), day, day) + raw.digest(("requests", "actions"), day - reach, day)
        keys[day] = _key(settings, days[day], raw=content + raw.digest(("items",), EARLIEST, day))
    return Group(
        name="counts",
        variable="count_days",
        tables=DAILY_TABLES,
        days=days,
        keys=keys,
        wanted_by="features",
        keep_from=first - timedelta(days=1),
        read_together=True,
    )


def _feature_group(settings: Settings, policy: Policy, raw: RawContent, ds: date, last: date) -> Group:
    first = _first_feature_day(settings, policy, ds)
    days, keys = {}, {}
    for day in every_day(first, last):
        days[day] = {"ds": day, "feature_at": midnight_after(day), "is_first": day == first}
        content = raw.digest(
            ("users", "items", "requests", "candidates", "actions"), EARLIEST, last_read(settings, day)
        )
        keys[day] = _key(settings, days[day], leaky=settings.features.leaky, raw=content)
    tables = tuple(table for table in FEATURE_TABLES if table is not USER_FRESH_ACTIONS)
    return Group(name="features", variable="feature_days", tables=tables, days=days, keys=keys)


def _fresh_group(settings: Settings, raw: RawContent, wanted: Iterable[date]) -> Group:
    days, keys = {}, {}
    for day in wanted:
        days[day] = {"ds": day}
        last = last_read(settings, day)
        content = raw.digest(("actions",), day, last)
        content += raw.digest(("items",), EARLIEST, day - timedelta(days=1))
        most = settings.features.max_fresh_versions
        keys[day] = _key(settings, days[day], leaky=settings.features.leaky, max_versions=most, raw=content)
    return Group(name="fresh_actions", variable="fresh_days", tables=(USER_FRESH_ACTIONS,), days=days, keys=keys)


def last_read(settings: Settings, day: date) -> date:
    """Last raw day that the features of a day read: its own, unless what became known later counts too."""
    return date.max if settings.features.leaky else day


def _key(settings: Settings, day: Mapping[str, Any], **inputs: Any) -> str:
    return input_key({"code": code_of("marts"), "target_domain": settings.target_domain, "day": dict(day), **inputs})
