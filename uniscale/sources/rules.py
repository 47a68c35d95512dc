"""What a row must satisfy, as SQL conditions that say when it does not; derived from the contract."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from uniscale.contracts.schema import Column, Table
from uniscale.sources.casts import WORDS
from uniscale.sources.incoming import quoted

EVENT_TIME = {"users": "recorded_at", "items": "recorded_at", "requests": "requested_at", "actions": "recorded_at"}
"""The time whose UTC day is the partition of a row; candidates lie under the day of their request."""

MAX_QUERY_LENGTH = 1000
"""Characters of the longest query; what is longer was pasted or generated, and says nothing about what people ask."""
YEARS = (1990, 2100)
"""Times from the first of these years on and before the second are possible; others come from a wrong unit or a 0."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One reason to reject a row.

    Attributes:
        column: Column at fault.
        reason: What is wrong, in words, the same for every row.
        condition: SQL over the typed columns (and ``failed_COLUMN`` flags) that is true for a bad row.
    """

    column: str
    reason: str
    condition: str


def row_rules(table: Table, day: date | None, domains: tuple[str, ...]) -> list[Rule]:
    """All rules a row of ``table`` is held to by itself.

    Args:
        table: Contract table.
        day: The day its folder names, if any.
        domains: The declared domains.
    """
    rules = [rule for column in table.columns if column.name != "ds" for rule in _column_rules(column)]
    return [*rules, *_table_rules(table, domains), *_day_rules(table, day)]


def _column_rules(column: Column) -> Iterator[Rule]:
    name, value = column.name, f'"{column.name}"'
    if column.type != "VARCHAR":
        yield Rule(column=name, reason=f"is not {WORDS[column.type]}", condition=f'"failed_{name}"')
    if not column.nullable:
        failed = "" if column.type == "VARCHAR" else f' and not "failed_{name}"'
        yield Rule(column=name, reason="is missing", condition=f"{value} is null{failed}")
    if column.type in ("DOUBLE", "TIMESTAMP"):
        yield Rule(column=name, reason="is not finite", condition=f"not isfinite({value})")
    if column.type == "TIMESTAMP" and name != "valid_from":  # valid since ever is written as an early time
        first, last = YEARS
        possible = f"{value} >= timestamp '{first}-01-01' and {value} < timestamp '{last}-01-01'"
        reason = f"is not between the years {first} and {last}"
        yield Rule(column=name, reason=reason, condition=f"isfinite({value}) and not ({possible})")
    if column.minimum is not None:
        yield Rule(column=name, reason=f"is below {column.minimum:g}", condition=f"{value} < {column.minimum}")
    if column.allowed is not None:
        listed = ", ".join(quoted(text) for text in column.allowed)
        yield Rule(
            column=name, reason=f"is none of {', '.join(column.allowed)}", condition=f"{value} not in ({listed})"
        )


def _table_rules(table: Table, domains: tuple[str, ...]) -> Iterator[Rule]:
    names = set(table.column_names)
    if "domain" in names:
        listed = ", ".join(quoted(domain) for domain in domains)
        reason = f"is not a declared domain ({', '.join(domains)})"
        yield Rule(column="domain", reason=reason, condition=f"domain not in ({listed})")
    if "acted_at" in names:
        reason = "is before acted_at: nothing is known before it happens"
        yield Rule(column="recorded_at", reason=reason, condition="recorded_at < acted_at")
    if "query_text" in names:
        reason = f"is longer than {MAX_QUERY_LENGTH} characters"
        yield Rule(column="query_text", reason=reason, condition=f"length(query_text) > {MAX_QUERY_LENGTH}")
    if "position" in names:
        yield Rule(
            column="position",
            reason="is missing although the item was shown",
            condition='is_exposed and "position" is null and not "failed_position"',
        )
        yield Rule(
            column="position",
            reason="is set although the item was not shown",
            condition='not is_exposed and "position" is not null',
        )
    if "propensity" in names:
        yield Rule(column="propensity", reason="is above 1", condition="propensity > 1 and isfinite(propensity)")


def _day_rules(table: Table, day: date | None) -> Iterator[Rule]:
    if day is not None and table.name in EVENT_TIME:
        column = EVENT_TIME[table.name]
        yield Rule(
            column=column,
            reason="is on another day than the folder says",
            condition=f"isfinite({column}) and cast({column} as date) <> date '{day}'",
        )
