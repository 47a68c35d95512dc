"""What the frames of a day are made from: the products of step ``frames``, one per split."""

from __future__ import annotations

from datetime import date, timedelta

from uniscale.contracts.days import Day
from uniscale.contracts.features import FEATURE_TABLES, USER_FRESH_ACTIONS, USER_SEQUENCES
from uniscale.contracts.frames import FRAMES
from uniscale.contracts.marts import FCT_EXPOSURES
from uniscale.contracts.products import Product, Read, beginning, day_before, own_day
from uniscale.contracts.samples import SAMPLES
from uniscale.contracts.schema import Table
from uniscale.contracts.sequences import SEQUENCE_LENGTHS, SEQUENCES

Days = tuple[Day, ...]
"""All days of a run, oldest first."""

SPLITS = {"train": SAMPLES, "eval": FCT_EXPOSURES}
"""What each split is made from."""


def before_the_run(days: Days, ds: date) -> date:
    """The day before the first training day."""
    del ds
    return days[0].ds - timedelta(days=1)


FRAME_FEATURES = tuple(table for table in FEATURE_TABLES if table not in (USER_SEQUENCES, USER_FRESH_ACTIONS))
"""What a frame holds of features; the actions of a user it shares with all others of the user (`es3.sequences`)."""


def _frames(split: str, source: Table, *reads: Read[Days]) -> Product[Days]:
    return Product(
        name=f"frames, {split}",
        step="frames",
        tables=(FRAMES,),
        reads=(
            Read(table=source, first=own_day, last=own_day),
            *reads,
            *(Read(table=table, first=before_the_run, last=day_before) for table in FRAME_FEATURES),
        ),
        settings=("target_domain", "features.leaky"),
        code="frames",
        split=split,
    )


_KNOWN = Read[Days](table=SEQUENCES, first=beginning, last=own_day, through=(SEQUENCE_LENGTHS,))
"""How many actions were known before a test request; samples tell it of themselves."""

PRODUCTS = {"train": _frames("train", SPLITS["train"]), "eval": _frames("eval", SPLITS["eval"], _KNOWN)}
"""By split."""
