"""The tables of the warehouse."""

from __future__ import annotations

from uniscale.contracts.carried import CARRIED_TABLES
from uniscale.contracts.daily import DAILY_TABLES
from uniscale.contracts.events import EVENT_TABLES
from uniscale.contracts.features import FEATURE_TABLES
from uniscale.contracts.marts import MART_TABLES
from uniscale.lake import Lake
from uniscale.lake.tables import create_missing, make_outdated_again


def create_tables(lake: Lake) -> None:
    """Make the tables of the warehouse that do not exist yet, and derived ones of an older contract again."""
    derived = (*MART_TABLES, *CARRIED_TABLES, *DAILY_TABLES, *FEATURE_TABLES)
    create_missing(lake, (*EVENT_TABLES, *derived), "tables of the warehouse")
    make_outdated_again(lake, derived)
