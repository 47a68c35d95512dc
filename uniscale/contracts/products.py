"""What each derived table declares: what it reads, and what else its rows depend on.

Keys and stale days, what the steps of a day depend on, the assets of the DAGs and the pages on tables follow from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Generic, TypeVar

from uniscale.contracts.schema import Table

C = TypeVar("C")
"""What bounds are computed from: a run's calendar and policy, as the maker of the product has them."""

Bound = Callable[[C, date], date]
"""The first or last day that one day of a product reads. Its docstring names it."""


@dataclass(frozen=True, kw_only=True)
class Read(Generic[C]):
    """Days of a table that one day of a product is made from.

    Attributes:
        table: The table.
        first: First day.
        last: Last day.
        when: Whether it is read at all; its docstring says when. None reads always.
        through: Tables that the rows come by: they hold the same facts, whichever of their days is read.
    """

    table: Table
    first: Bound[C]
    last: Bound[C]
    when: Callable[[C], bool] | None = None
    through: tuple[Table, ...] = ()

    @property
    def span(self) -> str:
        """Which days are read, in words."""
        first, last = (_words(bound) for bound in (self.first, self.last))
        days = first if first == last else f"from {first} to {last}"
        return days if self.when is None else f"{days}, when {_words(self.when)}"


def _words(function: Callable[..., object]) -> str:
    sentence = (function.__doc__ or function.__name__).removesuffix(".")
    return sentence[0].lower() + sentence[1:]


@dataclass(frozen=True, kw_only=True)
class Product(Generic[C]):
    """Derived tables that are built together, day by day.

    Attributes:
        name: What reports call it.
        step: Step of the day that builds it.
        tables: The tables.
        reads: What a day is made from.
        settings: Settings that its rows depend on, with dots between section and name; those of the ES3 policy start
            with ``policy.``, and ``policy`` is all of it.
        code: The code that counts, one of `uniscale.contracts.code.CODE`.
        split: The split of the rows, if others of the same tables are a product of their own.
    """

    name: str
    step: str
    tables: tuple[Table, ...]
    reads: tuple[Read[C], ...]
    settings: tuple[str, ...]
    code: str
    split: str | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """Names under which `uniscale.lake.partitions` remembers its days, one per table."""
        return tuple(
            table.qualified if self.split is None else f"{table.qualified}/{self.split}" for table in self.tables
        )


def tables_read(*products: Product[Any]) -> tuple[Table, ...]:
    """The tables that some products are made from, each once."""
    return tuple({read.table.qualified: read.table for product in products for read in product.reads}.values())


def own_day(_: object, ds: date) -> date:
    """The day."""
    return ds


def beginning(_: object, ds: date) -> date:
    """The first day of the log."""
    del ds
    return date.min


def day_before(_: object, ds: date) -> date:
    """The day before."""
    return ds - timedelta(days=1)
