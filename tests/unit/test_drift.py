"""Drift reports: what cannot be compared is said, and stops nothing."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from monitoring.drift import compare
from monitoring.populations import Pair
from uniscale.config.thresholds import load_thresholds

DS = date(2026, 1, 7)
LIMITS = load_thresholds().drift


def rows(number, **columns):
    rng = np.random.default_rng(number)
    return pd.DataFrame({name: value + rng.normal(size=number) for name, value in columns.items()})


@pytest.mark.parametrize(
    ("current", "reference", "note"),
    [
        (rows(LIMITS.min_rows, price=1.0), rows(LIMITS.min_rows - 1, price=1.0), "fewer than"),
        (rows(500, price=1.0, rate=np.nan), rows(500, price=np.nan, rate=1.0), "no column has a value on both sides"),
    ],
)
def test_a_pair_that_cannot_be_compared_says_why_and_has_no_report(tmp_path, current, reference, note):
    pair = Pair(name="search", title="now against before", current=current, reference=reference)
    found, snapshot = compare(pair, DS, LIMITS, tmp_path)
    assert note in found.note
    assert (found.drifted, found.num_columns, found.file, snapshot) == ({}, 0, "", None)
    assert not list(tmp_path.iterdir())


def test_a_column_that_moved_is_named_and_the_report_shows_every_column_once(tmp_path):
    pair = Pair(
        name="search",
        title="now against before",
        current=rows(2000, price=3.0, rate=0.0),
        reference=rows(1999, price=0.0, rate=0.0),
    )
    found, snapshot = compare(pair, DS, LIMITS, tmp_path)
    assert list(found.drifted) == ["price"]
    assert (found.num_current, found.num_reference, found.num_columns) == (2000, 1999, 2)
    text = (tmp_path / found.file).read_text(encoding="utf-8")
    assert "price" in text
    assert "rate" in text
    # The distributions stand in the table of the preset; the columns' own metrics keep no second picture of them.
    of_columns = [found for found in snapshot._metrics.values() if type(found).__name__ == "SingleValue"]
    assert [found.widget for found in of_columns] == [[], []]
