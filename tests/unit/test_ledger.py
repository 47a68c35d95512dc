"""The ledger: a step is done once for the same inputs, again for others, and not noted when it fails."""

from datetime import date

import pytest

from uniscale.pipeline import ledger
from uniscale.pipeline.ledger import finished, run_step

DAY = date(2026, 1, 5)


def test_a_finished_step_is_not_done_again(lake):
    calls = []
    for _ in range(2):
        entry, ran = run_step(lake, DAY, "marts", {"window": 7}, lambda: calls.append(1) or {"rows": 3})
    assert calls == [1]
    assert ran is False
    assert entry["details"] == '{"rows": 3}'


def test_other_inputs_or_force_make_a_step_run_again(lake):
    calls = []
    work = lambda: calls.append(1) or {}  # noqa: E731
    run_step(lake, DAY, "marts", {"window": 7}, work)
    run_step(lake, DAY, "marts", {"window": 8}, work)
    run_step(lake, DAY, "marts", {"window": 8}, work, force=True)
    assert len(calls) == 3


def test_other_code_makes_a_step_run_again(lake, monkeypatch):
    calls = []
    work = lambda: calls.append(1) or {}  # noqa: E731
    run_step(lake, DAY, "marts", {}, work)
    monkeypatch.setattr(ledger, "code_of", lambda _: "other")
    run_step(lake, DAY, "marts", {}, work)
    assert len(calls) == 2


def test_a_failed_step_is_not_noted(lake):
    def work():
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        run_step(lake, DAY, "marts", {}, work)
    assert finished(lake, DAY, "marts") is None


def test_days_do_not_share_entries(lake):
    run_step(lake, DAY, "marts", {}, dict)
    assert finished(lake, date(2026, 1, 6), "marts") is None
