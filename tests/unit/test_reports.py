"""Evidently's reports: what cannot be compared is said, and what is wrong fails a test of its own."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from monitoring.reports.pairs import Pair
from monitoring.reports.report import render
from monitoring.rows import CATEGORY
from uniscale.config.thresholds import load_thresholds

DS = date(2026, 1, 7)
LIMITS = load_thresholds().reports


def rows(number, *, category="shoes", label=0.1, **columns):
    rng = np.random.default_rng(number)
    values = {name: value + rng.normal(size=number) for name, value in columns.items()}
    return pd.DataFrame({"is_clicked": rng.random(number) < label, CATEGORY: category, **values})


@pytest.mark.parametrize(
    ("current", "reference", "note"),
    [
        (rows(LIMITS.min_rows, price=1.0), rows(LIMITS.min_rows - 1, price=1.0), "fewer than"),
        (rows(500, price=np.nan), rows(500, price=np.nan), "no column has a value on both sides"),
    ],
)
def test_a_pair_that_cannot_be_compared_says_why_and_has_no_report(tmp_path, current, reference, note):
    pair = Pair(name="search", title="now against before", current=current, reference=reference, label="is_clicked")
    found, snapshot = render(pair, DS, LIMITS, tmp_path)
    assert note in found.note
    assert (found.num_tests, found.failed, found.file, snapshot) == (0, (), "", None)
    assert not list(tmp_path.iterdir())


def test_each_thing_that_is_wrong_fails_a_test_that_names_it(tmp_path):
    current = rows(2000, category="hats", label=0.05, price=3.0, rate=0.0, gone=0.0)
    current.loc[:1000, "gone"] = np.nan
    reference = rows(1999, price=0.0, rate=0.0, gone=0.0)
    pair = Pair(name="search", title="now against before", current=current, reference=reference, label="is_clicked")
    found, _ = render(pair, DS, LIMITS, tmp_path)
    assert (found.num_current, found.num_reference, found.note) == (2000, 1999, "")
    text = " | ".join(found.failed)
    for wrong in ("drift for price", "gone", CATEGORY, "is_clicked"):
        assert wrong in text
    assert "rate:" not in text.replace("label_rate", "")
    assert len(found.failed) < found.num_tests
    assert "price" in (tmp_path / found.file).read_text(encoding="utf-8")
