"""How much each data recipe holds, against the exposed rows of the same days."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from uniscale.data.mixture import read_training
from uniscale.data.recipe import DATA, DataRecipe
from uniscale.lake import Lake


@dataclass(frozen=True, kw_only=True, slots=True)
class Amount:
    """What a data recipe holds.

    Attributes:
        requests: Requests, real and synthetic.
        rows: Their item rows.
        clicks: Rows with a click label.
    """

    requests: int
    rows: int
    clicks: int


def measure_data(
    lake: Lake, days: Sequence[date], *, target_domain: str, recipes: Iterable[DataRecipe] = tuple(DATA.values())
) -> dict[str, Amount]:
    """What every data recipe holds on some days, by name.

    Args:
        lake: The lake; holds the training frames.
        days: UTC days of the requests.
        target_domain: Domain whose real requests are always kept.
        recipes: What is measured.
    """
    found = {}
    for recipe in recipes:
        requests = rows = clicks = 0
        for batch in read_training(lake, days, recipe, target_domain=target_domain):
            is_clicked_N = batch.column("is_clicked").flatten().to_numpy(zero_copy_only=False)
            requests, rows = requests + batch.num_rows, rows + len(is_clicked_N)
            clicks += int(np.count_nonzero(is_clicked_N))
        found[recipe.name] = Amount(requests=requests, rows=rows, clicks=clicks)
    return found
