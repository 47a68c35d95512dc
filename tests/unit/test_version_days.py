"""Training days of a version as the registry keeps them."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from uniscale.registry.version import read_days, write_days

FIRST = date(2026, 1, 5)


def test_days_that_follow_each_other_are_written_as_one_span():
    days = [FIRST + timedelta(days=ahead) for ahead in (0, 1, 2, 5)]
    assert write_days(days) == "2026-01-05..2026-01-07,2026-01-10"
    assert len(write_days([FIRST + timedelta(days=ahead) for ahead in range(1000)])) == 22


@given(st.sets(st.integers(0, 60)))
def test_days_come_back_as_they_were_in_order(ahead):
    days = tuple(FIRST + timedelta(days=n) for n in sorted(ahead))
    assert read_days(write_days(days[::-1])) == days
