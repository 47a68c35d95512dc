"""The tables of the warehouse."""

from __future__ import annotations

from uniscale.contracts.all_tables import BUILT_BY_DBT
from uniscale.contracts.events import EVENT_TABLES
from uniscale.lake import Lake
from uniscale.lake.tables import create_missing, make_outdated_again


def create_tables(lake: Lake) -> None:
    """Make the tables of the warehouse that do not exist yet, and derived ones of an older contract again."""
    create_missing(lake, (*EVENT_TABLES, *BUILT_BY_DBT), "tables of the warehouse")
    make_outdated_again(lake, BUILT_BY_DBT)
