"""The rows of some days, stage by stage: which table they come from, what tells populations apart, what is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import duckdb

from monitoring.profiling.scan import ITEM_FACTS, NO_LABELS, Rows, cell_of
from uniscale.contracts.features import FEATURE_TABLES
from uniscale.contracts.frames import FRAMES, ITEM_NUMERIC, QUERY_NUMERIC, USER_NUMERIC
from uniscale.contracts.literals import in_days, quoted
from uniscale.contracts.marts import FCT_EXPOSURES, ITEM_VERSIONS
from uniscale.contracts.outcomes import PREDICTIONS
from uniscale.contracts.samples import SAMPLES
from uniscale.contracts.tasks import LABELS, TASKS
from uniscale.lake.lake import table_has

_LABELS = {**dict.fromkeys(LABELS, "flag"), "purchase_value": "number"}
_DESCRIBED = {"BIGINT": "number", "DOUBLE": "number", "VARCHAR": "category"}


def exposures(con: duckdb.DuckDBPyConnection, days: Sequence[date]) -> Iterator[Rows]:
    """Candidates of requests by domain, shown and unshown, with facts of their items."""
    if table_has(con, FCT_EXPOSURES):
        yield Rows(
            stage="exposures",
            sql=f"""
                with {_VERSIONS}
                select
                    {cell_of("e.ds", domain="e.domain", provenance="if(e.is_exposed, 'shown', 'unshown')")},
                    e.request_id as group_id, 1.0 as weight, e.label_as_of,
                    e.position, e.logged_score, e.propensity, {", ".join(_LABELS)}, {_item_columns()}
                from (from lake.{FCT_EXPOSURES.qualified} where {in_days(days)}) as e
                {_as_known_that_day("e.item_id", "e.ds")}
            """,
            columns={**dict.fromkeys(("position", "logged_score", "propensity"), "number"), **_LABELS, **ITEM_FACTS},
        )


def features(con: duckdb.DuckDBPyConnection, days: Sequence[date]) -> Iterator[Rows]:
    """The versions of each feature table that the days made; of lists the lengths, of moments the age in hours."""
    for table in FEATURE_TABLES:
        if not table_has(con, table):
            continue
        described = {column.name: _feature(column.name, column.type) for column in table.features}
        yield Rows(
            stage="features",
            sql=f"""
                select
                    {cell_of(provenance=quoted(table.name))}, {table.join_keys[0]} as group_id, 1.0 as weight,
                    {NO_LABELS}, {", ".join(f"{sql} as {name}" for name, (sql, _) in described.items())}
                from lake.{table.qualified} where {in_days(days)}
            """,
            columns={name: kind for name, (_, kind) in described.items()},
        )


def _feature(name: str, sql_type: str) -> tuple[str, str]:
    if sql_type.endswith("[]"):
        return f"len({name})", "number"
    if name.endswith("_at") and sql_type == "BIGINT":
        return f"(epoch(ds + 1) - {name}) / 3600", "number"
    if name == "title":
        return name, "text"
    return name, _DESCRIBED[sql_type]


def samples(con: duckdb.DuckDBPyConnection, days: Sequence[date], wait_days: int) -> Iterator[Rows]:
    """Samples of training days by domain, provenance and query tier, with facts of their items.

    Args:
        con: A lake connection.
        days: Days of runs.
        wait_days: Days between the last training day of a run and the run.
    """
    if not table_has(con, SAMPLES):
        return
    of_item = ("item_ids", "is_exposed", "position", "provenance", *_LABELS, "inclusion_probability", "label_weight")
    numbers = ("query_support", "query_confidence", "sequence_length", "position", "inclusion_probability")
    yield Rows(
        stage="samples",
        sql=f"""
            with
            {_VERSIONS},
            records as (
                select
                    ds, sample_id, domain, query_tier, label_as_of, query_text, query_support, query_confidence,
                    sequence_length, {_unnested(of_item)}
                from lake.{SAMPLES.qualified} where {in_days(_before(days, wait_days))}
            )
            select
                {cell_of(f"ds + {wait_days}", domain="domain", provenance="provenance", query_tier="query_tier")},
                sample_id as group_id, label_weight as weight, label_as_of, query_text, {", ".join(numbers)},
                label_weight, is_exposed, {", ".join(_LABELS)}, {_item_columns()}
            from records
            {_as_known_that_day("records.item_ids", "records.ds")}
        """,
        columns={
            "query_text": "text",
            **dict.fromkeys((*numbers, "label_weight"), "number"),
            "is_exposed": "flag",
            **_LABELS,
            **ITEM_FACTS,
        },
    )


def training(con: duckdb.DuckDBPyConnection, days: Sequence[date], wait_days: int) -> Iterator[Rows]:
    """Model input of training days by domain, provenance and query tier; arguments as of `samples`."""
    if table_has(con, FRAMES):
        yield _frames("training", "train", _before(days, wait_days), f"ds + {wait_days}")


def tested(con: duckdb.DuckDBPyConnection, ds: date, days: Sequence[date]) -> Iterator[Rows]:
    """Model input of the test days of the run of ``ds``."""
    if table_has(con, FRAMES):
        yield _frames("test", "eval", days, f"date '{ds}'")


def _frames(stage: str, split: str, days: Sequence[date], ds: str) -> Rows:
    of_item = ("is_exposed", "provenance", *LABELS, "label_weight", "item_numeric")
    return Rows(
        stage=stage,
        sql=f"""
            with records as (
                select
                    ds, sample_id, domain, query_tier, label_as_of, user_numeric, query_numeric, {_unnested(of_item)}
                from lake.{FRAMES.qualified}
                where split = {quoted(split)} and {in_days(days)}
            )
            select
                {cell_of(ds, domain="domain", provenance="provenance", query_tier="query_tier")},
                sample_id as group_id, label_weight as weight, label_as_of, is_exposed, {", ".join(LABELS)},
                {numeric_columns()}
            from records
        """,
        columns={"is_exposed": "flag", **dict.fromkeys(LABELS, "flag"), **dict.fromkeys(NUMERIC_INPUTS, "number")},
    )


NUMERIC_INPUTS = (*USER_NUMERIC, *QUERY_NUMERIC, *ITEM_NUMERIC)
"""Numeric inputs of a ranker by name."""


def numeric_columns() -> str:
    """SQL of `NUMERIC_INPUTS` where ``item_numeric`` is that of one item."""
    groups = {"user_numeric": USER_NUMERIC, "query_numeric": QUERY_NUMERIC, "item_numeric": ITEM_NUMERIC}
    return ", ".join(f"{group}[{i}] as {name}" for group, names in groups.items() for i, name in enumerate(names, 1))


def served(ds: date, table: str, kind: str) -> Rows:
    """Model input served on the test days of the run of ``ds``, from a registered table of the served log."""
    return Rows(
        stage="served",
        sql=f"""
            with records as (
                select
                    request_id, domain, user_numeric, query_numeric, is_degraded, unnest(item_numeric) as item_numeric
                from {table}
            )
            select
                {cell_of(f"date '{ds}'", domain="domain", provenance=quoted(kind))},
                request_id as group_id, 1.0 as weight, {NO_LABELS}, is_degraded, {numeric_columns()}
            from records
        """,
        columns={"is_degraded": "flag", **dict.fromkeys(NUMERIC_INPUTS, "number")},
    )


def predictions(con: duckdb.DuckDBPyConnection, ds: date, target_domain: str) -> Iterator[Rows]:
    """What champion and challenger predicted for the test requests of a run."""
    if table_has(con, PREDICTIONS):
        names = [task.probability for task in TASKS]
        yield Rows(
            stage="predictions",
            sql=f"""
                with records as (
                    select ds, role, request_id, {_unnested(names)}
                    from lake.{PREDICTIONS.qualified} where ds = date '{ds}'
                )
                select
                    {cell_of(domain=quoted(target_domain), provenance="role")}, request_id as group_id, 1.0 as weight,
                    {NO_LABELS}, {", ".join(names)}
                from records
            """,
            columns=dict.fromkeys(names, "number"),
        )


def _unnested(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(f"unnest({name}) as {name}" for name in names)


def _before(days: Sequence[date], wait_days: int) -> list[date]:
    return [day - timedelta(days=wait_days) for day in days]


_VERSIONS = f"versions as (select item_id, known_from, {', '.join(ITEM_FACTS)} from lake.{ITEM_VERSIONS.qualified})"


def _as_known_that_day(item: str, ds: str) -> str:
    """Facts of an item as known when the day had ended."""
    return f"asof left join versions on {item} = versions.item_id and {ds} + interval 1 day > versions.known_from"


def _item_columns() -> str:
    return ", ".join(f"versions.{name}" for name in ITEM_FACTS)
