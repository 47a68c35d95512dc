"""The first step of a day: which logs it lands, when it does not land them again, and when it says no."""

import copy
from datetime import date

import pytest
from support_sources import DAY_1, DAY_2, LOGS, lake_rows, write_logs

from uniscale.contracts.events import QUARANTINE
from uniscale.sources.ingest import ingest_events
from uniscale.sources.landing import fingerprint, land_day

DS = date(2026, 1, 5)


@pytest.fixture
def run(settings, tmp_path):
    """Settings of a run that trains on one day and is judged on the next, from a folder of logs."""
    settings.source.events_dir = write_logs(tmp_path / "logs", "csv")
    settings.window.train_days = settings.window.eval_days = 1
    return settings


def test_a_day_lands_its_logs_once_and_again_only_what_changed(run, lake):
    done = land_day(run, lake, DS)
    assert done == {
        "rows": {"users": 1, "items": 2, "requests": 3, "candidates": 6, "actions": 2},
        "quarantined": 0,
        "days": 2,
        "landed_days": 2,
        "forgotten": 0,
    }
    before, snapshot = fingerprint(run, DS), lake.snapshot_id()
    rows = lake_rows(lake)
    assert land_day(run, lake, DS)["landed_days"] == 0
    assert (lake.snapshot_id(), fingerprint(run, DS)) == (snapshot, before)
    path = run.source.events_dir / "actions" / f"ds={DAY_2}" / "part-0.csv"
    path.write_text(path.read_text().replace("9.5", "8.5"))
    after = fingerprint(run, DS)
    assert (after[DAY_1], after[DAY_2] == before[DAY_2]) == (before[DAY_1], False)
    assert land_day(run, lake, DS)["landed_days"] == 1
    assert [r[-1] for r in lake_rows(lake)["actions"]] == [None, 8.5]
    assert lake_rows(lake)["candidates"] == rows["candidates"]


def test_a_forced_landing_lands_what_the_folder_holds_again(run, lake):
    land_day(run, lake, DS)
    rows = lake_rows(lake)
    lake.commit(lambda con: con.execute("delete from lake.raw.requests where ds = date '2026-01-05'"), "spoil")
    assert land_day(run, lake, DS, force=True)["landed_days"] == 2
    assert lake_rows(lake) == rows


def test_logs_after_the_evaluation_days_are_left_for_later_runs(run, lake):
    logs = {table: {"2026-01-07": days[DAY_2]} for table, days in copy.deepcopy(LOGS).items() if DAY_2 in days}
    logs["requests"]["2026-01-07"][0].update(request_id="r4", requested_at="2026-01-07 09:00:00")
    for row in logs["candidates"]["2026-01-07"]:
        row["request_id"] = "r4"
    logs["actions"]["2026-01-07"][0].update(action_id="a4", recorded_at="2026-01-07 09:00:00")
    before = fingerprint(run, DS)
    write_logs(run.source.events_dir, "csv", logs)
    assert fingerprint(run, DS) == before
    assert land_day(run, lake, DS)["landed_days"] == 2
    assert land_day(run, lake, date(2026, 1, 6))["landed_days"] == 1


def test_logs_landed_by_hand_are_not_landed_again(run, lake):
    ingest_events(run, lake, run.source.events_dir)
    assert land_day(run, lake, DS)["landed_days"] == 0


def test_a_bad_file_leaves_the_lake_as_it_was(run, lake):
    land_day(run, lake, DS)
    rows, snapshot = lake_rows(lake), lake.snapshot_id()
    path = run.source.events_dir / "candidates" / f"ds={DAY_2}" / "part-0.csv"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ValueError, match=r"candidates/ds=2026-01-06/part-0.csv: is cut off in its last row"):
        land_day(run, lake, DS)
    assert (lake.snapshot_id(), lake_rows(lake)) == (snapshot, rows)


def test_a_day_without_searches_to_judge_on_is_refused_with_the_way_out(run, lake):
    with pytest.raises(ValueError) as caught:
        land_day(run, lake, date(2026, 1, 6))
    assert str(caught.value) == (
        "no search requests on the evaluation days 2026-01-07..2026-01-07: land them (uniscale ingest events DIR, or "
        "new folders in source.events_dir) or choose another day; the lake holds search requests of "
        "2026-01-05..2026-01-06"
    )


def test_without_a_folder_of_logs_the_fingerprint_is_that_of_what_was_landed(run, lake, tmp_path):
    folder, run.source.events_dir = run.source.events_dir, None
    assert fingerprint(run, DS) == {}
    with pytest.raises(ValueError, match="no events to run 2026-01-05 on; land them first: uniscale ingest events DIR"):
        land_day(run, lake, DS)
    ingest_events(run, lake, folder)
    first = fingerprint(run, DS)
    assert list(first) == [DAY_1, DAY_2]
    ingest_events(run, lake, folder)
    assert fingerprint(run, DS) == first
    assert land_day(run, lake, DS)["landed_days"] == 0
    run.target_domain = "mailer"
    with pytest.raises(ValueError, match="no mailer requests on the training days"):
        land_day(run, lake, DS)


def test_a_quarantined_row_without_a_day_counts_on_every_day(run, lake):
    land_day(run, lake, DS)
    row = "null, 'events', 'requests', 'part-0.csv', 7, 'requested_at', 'is not a time', '{}'"
    lake.commit(lambda con: con.execute(f"insert into lake.{QUARANTINE.qualified} values ({row})"), "a broken row")
    assert land_day(run, lake, DS)["quarantined"] == 1
