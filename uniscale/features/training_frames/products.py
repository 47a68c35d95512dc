"""What the frames of a day are made from: the products of step ``frames``, one per split."""

from __future__ import annotations

from datetime import date, timedelta

from uniscale.contracts.days import Day
from uniscale.contracts.features import FEATURE_TABLES, USER_FRESH_ACTIONS
from uniscale.contracts.frames import FRAMES
from uniscale.contracts.marts import FCT_EXPOSURES
from uniscale.contracts.products import Bound, Product, Read, day_before, own_day
from uniscale.contracts.samples import SAMPLES
from uniscale.contracts.schema import Table

Days = tuple[Day, ...]
"""All days of a run, oldest first."""

SPLITS = {"train": SAMPLES, "eval": FCT_EXPOSURES}
"""What each split is made from."""


def before_the_run(days: Days, ds: date) -> date:
    """The day before the first training day."""
    del ds
    return days[0].ds - timedelta(days=1)


def _last(table: Table) -> Bound[Days]:
    """Features are those of the last midnight, fresh actions those of the day."""
    return own_day if table is USER_FRESH_ACTIONS else day_before


def _frames(split: str, source: Table) -> Product[Days]:
    return Product(
        name=f"frames, {split}",
        step="frames",
        tables=(FRAMES,),
        reads=(
            Read(table=source, first=own_day, last=own_day),
            *(Read(table=table, first=before_the_run, last=_last(table)) for table in FEATURE_TABLES),
        ),
        settings=("target_domain", "features.leaky"),
        code="frames",
        split=split,
    )


PRODUCTS = {split: _frames(split, source) for split, source in SPLITS.items()}
"""By split."""
