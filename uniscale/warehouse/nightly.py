"""The features of the day that has just ended, built as the retraining that reads them later would."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from uniscale.config import Settings
from uniscale.contracts.features import FEATURE_TABLES
from uniscale.contracts.outcomes import PARTITIONS
from uniscale.contracts.policy import load_policy
from uniscale.contracts.schema import Table
from uniscale.lake import Lake
from uniscale.lake.contents import read_contents
from uniscale.lake.lake import table_has
from uniscale.warehouse.build import UNFINISHED, build_groups
from uniscale.warehouse.plan import plan_features
from uniscale.warehouse.products import last_read
from uniscale.warehouse.tables import create_tables


def build_features(settings: Settings, lake: Lake, ds: date) -> dict[str, Any]:
    """Build every feature day that serving needs when ``ds`` has ended and that is not up to date.

    Nothing else of the warehouse is touched. Killed half-way, the same call finishes the work with the same rows.

    Args:
        settings: The installation.
        lake: Its lake, with the logs of ``ds``.
        ds: The day that has ended.

    Returns:
        What `build_groups` returns.

    Raises:
        DbtFailedError: A model or a test failed; the message names it.
        LakeLockedError: The catalogue stayed locked for longer than the configured bound.
    """
    policy = load_policy(settings.policy)
    create_tables(lake)
    raw = read_contents(lake, last_read(settings, ds))
    return build_groups(settings, lake, policy, plan_features(settings, policy, raw, ds), f"features of {ds}")


def check_features(lake: Lake, ds: date, tables: Sequence[Table] = FEATURE_TABLES) -> None:
    """Refuse to go on with a day of which feature tables are not there as a whole.

    Raises:
        ValueError: A table lacks the day; the message names it.
    """
    built: set[str] = set()
    if lake.exists():
        with lake.read() as con:
            if table_has(con, PARTITIONS):
                query = f"select table_name from lake.{PARTITIONS.qualified} where ds = ? and build_key != ?"
                built = {name for (name,) in con.execute(query, [ds, UNFINISHED]).fetchall()}
    missing = [table.qualified for table in tables if table.qualified not in built]
    if missing:
        raise ValueError(f"{missing[0]} of {ds} is not built; build it first: uniscale features build {ds}")
