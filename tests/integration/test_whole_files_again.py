"""Files of all days, sent again: they replace what they hold, good or bad, once."""

import pytest
from support_sources import lake_rows, write_rows

from uniscale.sources.ingest import ingest_events

DAY_1, DAY_2 = "2026-01-05", "2026-01-06"


def _request(name, day, **changes):
    row = {"request_id": name, "user_id": "u1", "domain": "search", "query_text": "shoe"}
    return {**row, "requested_at": f"{day} 10:00:00", **changes}


def _send(folder, requests, actions=()):
    folder.mkdir(exist_ok=True)
    write_rows(folder / "requests.csv", requests)
    named = ("r1", "x1")
    shown = [{"request_id": name, "item_id": "a", "is_exposed": True, "position": 1} for name in named]
    write_rows(folder / "candidates.csv", shown)
    if actions:
        write_rows(folder / "actions.csv", list(actions))
    return folder


def _landed(lake, table, place=1):
    return [row[place] for row in lake_rows(lake)[table]]


GOOD = [_request("r1", DAY_1), _request("r2", DAY_1), _request("x1", DAY_2)]
TURNED_BAD = {
    "an undeclared domain": {"domain": "typo"},
    "no user": {"user_id": ""},
    "no time": {"requested_at": ""},
    "a time that cannot be read": {"requested_at": "tomorrow"},
    "a time of another century": {"requested_at": "2126-01-06 10:00:00"},
    "no name": {"request_id": ""},
}


@pytest.mark.parametrize("how", TURNED_BAD)
def test_a_day_whose_only_row_turned_bad_does_not_keep_the_old_row(settings, lake, tmp_path, how):
    folder = _send(tmp_path / "logs", GOOD)
    ingest_events(settings, lake, folder)
    assert (_landed(lake, "requests"), _landed(lake, "candidates")) == (["r1", "r2", "x1"], ["r1", "x1"])
    _send(folder, [*GOOD[:2], {**GOOD[2], **TURNED_BAD[how]}])
    report = ingest_events(settings, lake, folder)
    assert (_landed(lake, "requests"), _landed(lake, "candidates")) == (["r1", "r2"], ["r1"])
    found = {(row[2], row[4]) for row in lake_rows(lake)["quarantine"]}
    assert found == {("candidates", 2), ("requests", 3)}
    assert [day.isoformat() for day in report.days] == [DAY_1, DAY_2]


def test_the_same_files_again_give_the_same_rows_and_one_quarantine_entry_each(settings, lake, tmp_path):
    folder = _send(tmp_path / "logs", [*GOOD[:2], _request("x1", DAY_2, domain="typo")])
    first = ingest_events(settings, lake, folder).as_json()
    rows = lake_rows(lake)
    assert len(rows["quarantine"]) == 2
    assert ingest_events(settings, lake, folder).as_json() == first
    assert lake_rows(lake) == rows
    _send(folder, [*GOOD[:2], _request("x1", DAY_1)])  # corrected, and of another day
    ingest_events(settings, lake, folder)
    assert (_landed(lake, "requests"), lake_rows(lake)["quarantine"]) == (["r1", "r2", "x1"], [])


def test_days_that_a_file_does_not_hold_stay_as_they_are(settings, lake, tmp_path):
    ingest_events(settings, lake, _send(tmp_path / "first", [_request("r1", DAY_1), _request("x1", DAY_1)]))
    before = lake_rows(lake)
    bad = _request("", "2026-01-09", requested_at="tomorrow")
    later = [_request("r9", "2026-01-08"), _request("r8", "2026-01-08"), bad]
    folder = _send(tmp_path / "later", later)
    (folder / "candidates.csv").write_text("request_id,item_id,is_exposed,position\nr8,a,true,1\n")
    ingest_events(settings, lake, folder)
    after = lake_rows(lake)
    assert after["requests"][:2] == before["requests"]
    assert after["candidates"][:2] == before["candidates"]
    assert [row[1] for row in after["requests"][2:]] == ["r8", "r9"]


def test_an_action_that_turned_bad_leaves_with_its_time_or_its_key(settings, lake, tmp_path):
    action = {"user_id": "u1", "item_id": "a", "action": "click", "domain": "search"}
    rows = [
        {"action_id": f"a{n}", **action, "acted_at": f"{DAY_1} 11:00:00", "recorded_at": f"{DAY_2} 11:00:00"}
        for n in range(3)
    ]
    folder = _send(tmp_path / "logs", GOOD, rows)
    ingest_events(settings, lake, folder)
    rows[0]["recorded_at"], rows[1]["action"] = "soon", "view"
    _send(folder, GOOD, rows)
    report = ingest_events(settings, lake, folder)
    assert _landed(lake, "actions") == ["a2"]
    assert [(q.column, q.found) for q in report.quarantined] == [("action", {"view": 1}), ("recorded_at", {"soon": 1})]


def test_another_file_of_the_same_name_leaves_what_is_in_quarantine_of_the_first(settings, lake, tmp_path):
    undated = _request("x2", DAY_1, requested_at="tomorrow")
    january = _send(tmp_path / "january", [*GOOD[:2], _request("x1", DAY_2, domain="typo"), undated])
    ingest_events(settings, lake, january)
    before = [row for row in lake_rows(lake)["quarantine"] if row[2] == "requests"]
    assert [row[4] for row in before] == [3, 4]
    later = [_request("r9", "2026-02-05"), _request("r8", "2026-02-05"), _request("x9", "2026-02-06", domain="typo")]

    ingest_events(settings, lake, _send(tmp_path / "february", later))

    found = [row for row in lake_rows(lake)["quarantine"] if row[2] == "requests"]
    assert [row for row in found if str(tmp_path / "january") in row[3]] == before
    assert [row[4] for row in found if str(tmp_path / "february") in row[3]] == [3]


def test_a_file_sent_again_through_a_link_is_the_file_it_was(settings, lake, tmp_path):
    folder = _send(tmp_path / "logs", [*GOOD[:2], _request("x1", DAY_2, requested_at="tomorrow")])
    (tmp_path / "link").symlink_to(folder)
    ingest_events(settings, lake, folder)
    before = lake_rows(lake)["quarantine"]

    ingest_events(settings, lake, tmp_path / "link")

    assert len(before) == 2
    assert lake_rows(lake)["quarantine"] == before
