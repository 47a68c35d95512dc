"""What a row must satisfy, as SQL conditions that say when it does not; derived from the contract."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from uniscale.contracts.literals import quoted
from uniscale.contracts.schema import Column, Table

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
        reason: What is wrong, as SQL text over the same columns; in words that do not tell the row's values.
        condition: SQL over the typed columns (and ``fault_COLUMN`` texts) that is true for a bad row.
        is_of_value: Whether the column's value alone is wrong, so that messages show it.
    """

    column: str
    reason: str
    condition: str
    is_of_value: bool = True


def row_rules(table: Table, day: date | None, domains: tuple[str, ...]) -> list[Rule]:
    """All rules a row of ``table`` is held to by itself.

    Args:
        table: Contract table.
        day: The day its folder names, if any.
        domains: The declared domains.
    """
    rules = [rule for column in table.columns if column.name != "ds" for rule in _column_rules(column)]
    return [*rules, *_table_rules(table, domains), *_day_rules(table, day)]


def is_possible(time: str) -> str:
    """SQL condition that a time is finite and of the `YEARS` that are possible."""
    first, last = YEARS
    return f"({time} >= timestamp '{first}-01-01' and {time} < timestamp '{last}-01-01')"


def _rule(column: str, reason: str, condition: str, *, is_of_value: bool = True) -> Rule:
    return Rule(column=column, reason=quoted(reason), condition=condition, is_of_value=is_of_value)


def _column_rules(column: Column) -> Iterator[Rule]:
    name, value = column.name, f'"{column.name}"'
    if column.type != "VARCHAR":
        yield Rule(column=name, reason=f'"fault_{name}"', condition=f'"fault_{name}" is not null')
    if not column.nullable:
        failed = "" if column.type == "VARCHAR" else f' and "fault_{name}" is null'
        yield _rule(name, "is missing", f"{value} is null{failed}")
    if column.type in ("DOUBLE", "TIMESTAMP"):
        yield _rule(name, "is not finite", f"not isfinite({value})")
    if column.type == "TIMESTAMP" and name != "valid_from":  # valid since ever is written as an early time
        first, last = YEARS
        reason = f"is not between the years {first} and {last}"
        yield _rule(name, reason, f"isfinite({value}) and not {is_possible(value)}")
    if column.minimum is not None:
        yield _rule(name, f"is below {column.minimum:g}", f"{value} < {column.minimum}")
    if column.allowed is not None:
        listed = ", ".join(quoted(text) for text in column.allowed)
        yield _rule(name, f"is none of {', '.join(column.allowed)}", f"{value} not in ({listed})")


def _table_rules(table: Table, domains: tuple[str, ...]) -> Iterator[Rule]:
    names = set(table.column_names)
    if "domain" in names:
        listed = ", ".join(quoted(domain) for domain in domains)
        yield _rule("domain", f"is not a declared domain ({', '.join(domains)})", f"domain not in ({listed})")
    if "acted_at" in names:
        reason = "is before acted_at: nothing is known before it happens"
        yield _rule("recorded_at", reason, "recorded_at < acted_at", is_of_value=False)
    if "query_text" in names:
        reason = f"is longer than {MAX_QUERY_LENGTH} characters"
        yield _rule("query_text", reason, f"length(query_text) > {MAX_QUERY_LENGTH}", is_of_value=False)
    if "position" in names:
        reason = "is missing although the item was shown"
        yield _rule("position", reason, 'is_exposed and "position" is null and "fault_position" is null')
        reason = "is set although the item was not shown"
        yield _rule("position", reason, 'not is_exposed and "position" is not null', is_of_value=False)
    if "propensity" in names:
        yield _rule("propensity", "is above 1", "propensity > 1 and isfinite(propensity)")


def _day_rules(table: Table, day: date | None) -> Iterator[Rule]:
    if day is not None and table.name in EVENT_TIME:
        column = EVENT_TIME[table.name]
        condition = f"isfinite({column}) and cast({column} as date) <> date '{day}'"
        yield _rule(column, "is on another day than the folder says", condition, is_of_value=False)
