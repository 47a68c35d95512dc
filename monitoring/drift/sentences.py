"""A finding in words: what, where, how much, and what was expected."""

from __future__ import annotations

from uniscale.contracts.monitor import ROWS

_SAID = {
    "missing_population": "no rows of {population}; {expected} were expected",
    "new_population": "{value} rows of {population}, which had none before",
    "new_domain": "{value} rows name a domain that is not declared: {names}",
    "volume": "{value} rows of {population}; {expected} were expected",
    "null_rate": "{column} of {population} has no value in {value} of rows; {expected} was expected",
    "level": "{column} of {population} has moved: a quantile is {value}; {expected} was expected",
    "share": "shares of {column} in {population} have moved: a value has {value}; {expected} was expected",
    "new_values": "{value} of rows in {population} have values of {column} not seen before: {names}",
    "rate": "{column} of {population} holds for {value} of rows; {expected} was expected",
}
_IN_PERCENT = ("null_rate", "share", "new_values", "rate")


def sentence(what: str, population: str, column: str, value: float, expected: float | None, *, names: str = "") -> str:
    """The sentence of a finding.

    Args:
        what: One of `uniscale.contracts.monitor.MEASURES`.
        population: Its population.
        column: Its column.
        value: What it is.
        expected: What was expected, if anything was.
        names: New values or domains.
    """
    return _SAID[what].format(
        population=population,
        column="rows" if column == ROWS else column,
        value=amount(what, value),
        expected="nothing" if expected is None else amount(what, expected),
        names=names or population.split("/")[1] if "/" in population else names,
    )


def amount(what: str, value: float) -> str:
    """A value or expected value of a finding as a person reads it."""
    if what in _IN_PERCENT:
        return f"{100 * value:.1f} %"
    return (
        f"{value:,.0f}" if what in ("volume", "missing_population", "new_population", "new_domain") else f"{value:.4g}"
    )
