"""What signals are given and what they give: a look at one day of an installation, and the subjects they fire on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import duckdb

from uniscale.config import Settings
from uniscale.config.thresholds import Thresholds
from uniscale.contracts.schema import Table
from uniscale.lake.lake import table_has
from uniscale.pipeline.ledger import entries
from uniscale.pipeline.results import read_entry


@dataclass(frozen=True, kw_only=True, slots=True)
class Firing:
    """Something that a signal found wrong.

    Attributes:
        subject: What is wrong: a population and column, a step, a table; empty where there is one thing only.
        value: The number that it is about.
        detail: What it is, in a sentence.
    """

    subject: str = ""
    value: float | None = None
    detail: str


class NotMadeError(RuntimeError):
    """What a signal reads has not been made, so that it cannot tell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """A day of an installation.

    Attributes:
        settings: The installation.
        con: A connection to its lake.
        ds: Day of the run.
        limits: Thresholds.
    """

    settings: Settings
    con: duckdb.DuckDBPyConnection
    ds: date
    limits: Thresholds

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """Rows of a query, by column."""
        found: list[dict[str, Any]] = self.con.execute(query, list(values)).to_arrow_table().to_pylist()
        return found

    def has(self, table: Table) -> bool:
        """Whether the lake has a table."""
        return table_has(self.con, table)

    def result(self, step: str) -> Any:
        """What a step of the day found, of its own type.

        Raises:
            NotMadeError: It is not done, or was done by code with another form of its result.
        """
        entry = entries(self.con, self.ds).get(step)
        if entry is None:
            raise NotMadeError(f"step {step} of {self.ds} is not done")
        try:
            return read_entry(entry)
        except ValueError as error:
            raise NotMadeError(str(error)) from error


@dataclass(frozen=True, kw_only=True, slots=True)
class Signal:
    """Something that is watched.

    Attributes:
        find: Finds what is wrong on a day, given the parts of it that a rule names. Raises `NotMadeError` if what it
            reads is not there.
        parts: Parts that a rule can name; empty if it has none.
    """

    find: Callable[[Look, tuple[str, ...]], list[Firing]]
    parts: frozenset[str] = field(default_factory=frozenset)
