"""Every lake table with a contract."""

from __future__ import annotations

from uniscale.contracts.carried import CARRIED_TABLES
from uniscale.contracts.daily_counts import DAILY_TABLES
from uniscale.contracts.events import EVENT_TABLES, QUARANTINE
from uniscale.contracts.features import FEATURE_TABLES
from uniscale.contracts.forgotten import FORGOTTEN
from uniscale.contracts.frames import FRAMES
from uniscale.contracts.marts import MART_TABLES
from uniscale.contracts.outcomes import OUTCOME_TABLES
from uniscale.contracts.samples import OUTSIDE_CLICKS, SAMPLES
from uniscale.contracts.schema import Table
from uniscale.contracts.sequences import SEQUENCE_LENGTHS, SEQUENCES

BUILT_BY_DBT: tuple[Table, ...] = (*MART_TABLES, *CARRIED_TABLES, *DAILY_TABLES, *FEATURE_TABLES)
"""What the step ``marts`` builds."""

TABLES: tuple[Table, ...] = (
    *EVENT_TABLES,
    QUARANTINE,
    *BUILT_BY_DBT,
    SEQUENCES,
    SEQUENCE_LENGTHS,
    SAMPLES,
    OUTSIDE_CLICKS,
    FRAMES,
    *OUTCOME_TABLES,
    FORGOTTEN,
)
