"""Landing leaves out whoever is on the list of forgotten users, in good rows, bad rows and broken lines."""

import copy
from datetime import date

import pytest
from support_sources import DAY_1, DAY_2, LOGS, lake_rows, write_logs

from uniscale.lake import forgotten
from uniscale.sources.ingest import ingest_events
from uniscale.sources.landing import land_day

DS = date(2026, 1, 5)


@pytest.fixture
def logs():
    """The logs with a second user, who has a profile, a request, and actions of which one is in an unknown domain."""
    logs = copy.deepcopy(LOGS)
    profile, action = LOGS["users"][DAY_1][0], LOGS["actions"][DAY_2][0]
    logs["users"][DAY_1] += [{**profile, "user_id": "u3"}, {**profile, "user_id": "u2"}]
    logs["requests"][DAY_1].append({**LOGS["requests"][DAY_1][0], "request_id": "r9", "user_id": "u2"})
    logs["candidates"][DAY_1] += [{**row, "request_id": "r9"} for row in LOGS["candidates"][DAY_1][:2]]
    logs["actions"][DAY_2] += [
        {**action, "action_id": "a8", "user_id": "u2"},
        {**action, "action_id": "a9", "user_id": "u2", "domain": "moon"},
    ]
    return logs


def forget(lake, user):
    lake.commit(lambda con: forgotten.add(con, user, 0, []), "a user on the list")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_rows_of_a_forgotten_user_are_left_out_and_counted(settings, lake, tmp_path, logs, kind):
    folder = write_logs(tmp_path / "logs", kind, logs)
    ingest_events(settings, lake, folder)
    everybody = lake_rows(lake)
    forget(lake, "u2")
    report = ingest_events(settings, lake, folder)

    assert report.num_forgotten == 6  # a profile, a request, its two candidates, two actions
    assert report.as_json()["forgotten"] == 6
    assert (report.num_quarantined, report.quarantined) == (0, [])
    left = lake_rows(lake)
    assert "u2" in str(everybody) and "u2" not in str(left)
    for table, rows in everybody.items():
        assert left[table] == [row for row in rows if not any(name in str(row) for name in ("u2", "r9"))], table
    assert "moon" in str(everybody["quarantine"])


def test_a_broken_line_of_a_forgotten_user_is_not_quarantined(settings, lake, tmp_path, logs):
    folder = write_logs(tmp_path / "logs", "csv", logs)
    path = folder / "users" / f"ds={DAY_1}" / "part-0.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], "u2,too,many,fields,for,a,row", *lines[2:]]) + "\n")
    assert ingest_events(settings, lake, folder).num_quarantined == 2
    forget(lake, "u2")
    report = ingest_events(settings, lake, folder)
    assert (report.num_forgotten, report.num_quarantined) == (7, 0)


def test_a_day_says_how_many_rows_it_left_out(settings, lake, tmp_path, logs):
    settings.source.events_dir = write_logs(tmp_path / "logs", "csv", logs)
    settings.window.train_days = settings.window.eval_days = 1
    forget(lake, "u2")
    done = land_day(settings, lake, DS)
    assert (done["forgotten"], done["quarantined"], done["rows"]["requests"]) == (6, 0, 3)
    assert land_day(settings, lake, DS)["forgotten"] == 0
