"""From a table back to what it is made from, and on to what is made from it."""

from __future__ import annotations

from typing import Any

from uniscale.contracts.all_tables import TABLES
from uniscale.pipeline.products import PRODUCTS, readers_of


def table_lineage(name: str) -> dict[str, Any]:
    """What is declared of a table.

    Args:
        name: Its qualified name.

    Returns:
        A document: ``table`` and ``grain``, ``made_by`` (the products that build it, each with its ``step``, what it
        ``reads``, ``settings`` and ``code``; none builds a table of the log) and ``read_by`` (names of products).

    Raises:
        ValueError: There is no such table.
    """
    table = next((table for table in TABLES if table.qualified == name), None)
    if table is None:
        raise ValueError(f"no table is called {name!r}; there are {', '.join(table.qualified for table in TABLES)}")
    return {
        "table": table.qualified,
        "grain": table.grain,
        "made_by": [
            {
                "product": product.name,
                "step": product.step,
                "reads": [{"table": read.table.qualified, "days": read.span} for read in product.reads],
                "settings": list(product.settings),
                "code": product.code,
            }
            for product in PRODUCTS
            if table in product.tables
        ],
        "read_by": [product.name for product in readers_of(table)],
    }
