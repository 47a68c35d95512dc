"""Every derived table of a day with what it is made from, in the order in which they are built."""

from __future__ import annotations

from typing import Any

from uniscale.contracts.products import Product, tables_read
from uniscale.contracts.schema import Table
from uniscale.es3.products import BEHAVIOUR, ES3_SAMPLES
from uniscale.features.training_frames.products import PRODUCTS as FRAMES_BY_SPLIT
from uniscale.warehouse.products import MARTS

PRODUCTS: tuple[Product[Any], ...] = (*MARTS, BEHAVIOUR, ES3_SAMPLES, *FRAMES_BY_SPLIT.values())


def products_of(step: str) -> tuple[Product[Any], ...]:
    """What a step builds; empty for one that builds no table day by day."""
    return tuple(product for product in PRODUCTS if product.step == step)


def tables_of(step: str) -> tuple[Table, ...]:
    """The tables that a step builds, each once."""
    return tuple({table.qualified: table for product in products_of(step) for table in product.tables}.values())


def read_by(step: str) -> tuple[Table, ...]:
    """The tables that a step reads and does not build."""
    built = tables_of(step)
    return tuple(table for table in tables_read(*products_of(step)) if table not in built)


def readers_of(table: Table) -> tuple[Product[Any], ...]:
    """The products that are made from a table."""
    return tuple(product for product in PRODUCTS if any(read.table == table for read in product.reads))
