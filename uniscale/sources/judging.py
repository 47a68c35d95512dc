"""SQL that reads the rows of a file as the contract's types, and says what is wrong with each by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from uniscale.contracts.literals import quoted
from uniscale.contracts.schema import Column
from uniscale.sources.casts import Cast, cast
from uniscale.sources.incoming import Incoming
from uniscale.sources.rules import EVENT_TIME, Rule, is_possible, row_rules

LONGEST_SHOWN = 40
"""Characters of a wrong value that messages show."""


def judged(incoming: Incoming, types: Mapping[str, str], positions_from: int) -> str:
    """Rows with typed columns and, for bad ones, the reasons and the row as it came.

    Args:
        incoming: The file.
        types: SQL type of each column that the file has.
        positions_from: What the file calls the top of a list, 0 or 1; the contract's top is 1.
    """
    columns = [column for column in incoming.table.columns if column.name != "ds"]
    raw = ", ".join(f'"{name}" := "{name}"' for name in types)
    typed = ", ".join(f'{_value(column, types, positions_from)} as "{column.name}"' for column in columns)
    faults = ", ".join(f'{_fault(column, types)} as "fault_{column.name}"' for column in columns)
    rules = row_rules(incoming.table, incoming.day, incoming.domains)
    return f"""
        with typed as (select row_number, struct_pack({raw}) as raw, {typed} from ({incoming.select})),
        faults as (select *, {faults} from typed),
        judged as (
            select *, coalesce({" or ".join(f"coalesce({rule.condition}, false)" for rule in rules)}, false) as is_bad
            from faults
        )
        select
            {quoted(incoming.file)} as file,
            row_number,
            {_day(incoming)} as ds,
            {", ".join(f'"{column.name}"' for column in columns)},
            case when is_bad then {_reasons(rules, types)} end as reasons,
            case when is_bad then cast(to_json(raw) as varchar) end as row_json
        from judged
    """


def _value(column: Column, types: Mapping[str, str], positions_from: int) -> str:
    if column.name not in types:
        return f"cast(null as {column.type})"
    value = _cast(column, types, f'"{column.name}"').value
    if column.name == "position" and positions_from == 0:
        return f"try_cast(cast({value} as bigint) + 1 as {column.type})"
    return value


def _fault(column: Column, types: Mapping[str, str]) -> str:
    if column.name not in types:
        return "cast(null as varchar)"
    read = _cast(column, types, f'raw."{column.name}"')
    return f'case when "{column.name}" is null and not {read.is_missing} then {read.fault} end'


def _cast(column: Column, types: Mapping[str, str], name: str) -> Cast:
    return cast(column, types[column.name], name)


def _day(incoming: Incoming) -> str:
    if incoming.day is not None:
        return f"date '{incoming.day}'"
    column = EVENT_TIME.get(incoming.table.name)
    if column is None:
        return "cast(null as date)"
    return f"case when {is_possible(column)} then cast({column} as date) end"


def _reasons(rules: Sequence[Rule], types: Mapping[str, str]) -> str:
    stated = ", ".join(
        f"case when {rule.condition} then {{'column_name': {quoted(rule.column)}, 'reason': {rule.reason}, "
        f"'found': {_found(rule, types)}}} end"
        for rule in rules
    )
    return f"list_filter([{stated}], lambda r: r is not null)"


def _found(rule: Rule, types: Mapping[str, str]) -> str:
    if not rule.is_of_value or rule.column not in types:
        return "cast(null as varchar)"
    return f"nullif(left(cast(raw.\"{rule.column}\" as varchar), {LONGEST_SHOWN}), '')"
