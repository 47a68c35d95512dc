"""Contract logs into the lake: what lands, what is quarantined, what is refused."""

import copy
import gzip
import json
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support_sources import COUNTS, DAY_1, DAY_2, LOGS, extended_logs, lake_rows, write_logs

from uniscale.sources.incoming import BadFileError
from uniscale.sources.ingest import ingest_events


def test_good_logs_land_whole_and_nothing_is_quarantined(settings, lake, tmp_path):
    report = ingest_events(settings, lake, write_logs(tmp_path / "logs"))
    assert report.rows == COUNTS
    assert (report.num_quarantined, report.quarantined) == (0, [])
    assert report.days == [date(2026, 1, 5), date(2026, 1, 6)]
    rows = lake_rows(lake)
    assert [r[0].isoformat() for r in rows["candidates"]] == [DAY_1] * 4 + [DAY_2] * 2
    assert [(r[0].isoformat(), r[1]) for r in rows["actions"]] == [(DAY_1, "a1"), (DAY_2, "a2")]
    assert rows["users"][0][-1] == {"device": "app"}


def test_csv_and_parquet_give_the_same_rows(settings, lake, tmp_path):
    ingest_events(settings, lake, write_logs(tmp_path / "a", "parquet"))
    from_parquet = lake_rows(lake)
    ingest_events(settings, lake, write_logs(tmp_path / "b", "csv"))
    assert lake_rows(lake) == from_parquet


def test_one_file_per_table_gives_the_same_rows_as_one_folder_per_day(settings, lake, tmp_path):
    ingest_events(settings, lake, write_logs(tmp_path / "days"))
    by_day = lake_rows(lake)
    whole = tmp_path / "whole"
    whole.mkdir()
    for table in LOGS:
        parts = sorted((tmp_path / "days" / table).glob("*/*.parquet"))
        read = [pq.read_table(part, partitioning=None) for part in parts]
        pq.write_table(pa.concat_tables(read, promote_options="permissive"), whole / f"{table}.parquet")
    for _ in range(2):
        assert ingest_events(settings, lake, whole).rows == COUNTS
        assert lake_rows(lake) == by_day


def test_ingesting_again_replaces_the_day_and_its_quarantine(settings, lake, tmp_path):
    logs = copy.deepcopy(LOGS)
    logs["actions"][DAY_1] += [{**logs["actions"][DAY_1][0], "action_id": f"b{k}"} for k in range(3)]
    logs["actions"][DAY_1][-1]["domain"] = "radio"
    folder = write_logs(tmp_path / "logs", "csv", logs)
    first = ingest_events(settings, lake, folder)
    rows = lake_rows(lake)
    assert (first.rows["actions"], first.num_quarantined, len(rows["quarantine"])) == (4, 1, 1)
    second = ingest_events(settings, lake, folder)
    assert second.as_json() == first.as_json()
    assert lake_rows(lake) == rows
    ingest_events(settings, lake, write_logs(folder, "csv"))
    assert lake_rows(lake)["quarantine"] == []
    assert len(lake_rows(lake)["actions"]) == 2


def test_only_the_days_asked_for_are_landed(settings, lake, tmp_path):
    report = ingest_events(settings, lake, write_logs(tmp_path / "logs"), date(2026, 1, 6), None)
    assert report.rows == {"users": 0, "items": 0, "requests": 1, "candidates": 2, "actions": 1}


def test_a_day_without_rows_lands_as_nothing(settings, lake, tmp_path):
    folder = write_logs(tmp_path / "logs", "csv")
    for table in ("requests", "candidates"):
        path = folder / table / f"ds={DAY_2}" / "part-0.csv"
        path.write_text(path.read_text().splitlines()[0] + "\n")
    assert ingest_events(settings, lake, folder).rows["requests"] == 2


BAD_ROWS = [
    ("users", {"user_id": ""}, "user_id", "is missing"),
    ("users", {"attributes": "not json"}, "attributes", "is not a map of names to values (in CSV a JSON object)"),
    ("items", {"price": "-1"}, "price", "is below 0"),
    ("items", {"price": "cheap"}, "price", "is not a number"),
    ("items", {"price": "nan"}, "price", "is not finite"),
    ("items", {"valid_from": "yesterday"}, "valid_from", "is not a UTC time such as 2026-01-05 10:00:00"),
    ("items", {"item_id": "x0"}, "item_id", "repeats an earlier row, value for value"),
    ("requests", {"domain": "radio"}, "domain", "is not a declared domain (search, feed, shop)"),
    ("requests", {"requested_at": f"{DAY_2} 08:00:00"}, "requested_at", "is on another day than the folder says"),
    ("requests", {"request_id": "r1"}, "request_id", "repeats an earlier row, value for value"),
    ("candidates", {"position": ""}, "position", "is missing although the item was shown"),
    ("candidates", {"is_exposed": "false"}, "position", "is set although the item was not shown"),
    ("candidates", {"is_exposed": "perhaps"}, "is_exposed", "is not true or false"),
    ("candidates", {"position": "1.5"}, "position", "is not a whole number"),
    ("candidates", {"position": "0"}, "position", "is below 1"),
    ("candidates", {"propensity": "1.2"}, "propensity", "is above 1"),
    ("candidates", {"request_id": "r9"}, "request_id", "names no landed request of the folder's day"),
    ("candidates", {"request_id": "r3"}, "request_id", "names no landed request of the folder's day"),
    ("actions", {"action": "stare"}, "action", "is none of click, cart, favorite, purchase"),
    ("actions", {"acted_at": f"{DAY_1} 23:00:00"}, "recorded_at",
     "is before acted_at: nothing is known before it happens"),
    ("actions", {"quantity": "0"}, "quantity", "is below 1"),
]  # fmt: skip


@pytest.mark.parametrize("table", LOGS)
def test_a_bad_row_goes_to_quarantine_with_its_reason(settings, lake, tmp_path, table):
    changes = [(change, column, reason) for name, change, column, reason in BAD_ROWS if name == table]
    assert changes
    logs = extended_logs(20)
    for place, (change, _, _) in enumerate(changes, start=10):
        logs[table][DAY_1][place].update(change)
    report = ingest_events(settings, lake, write_logs(tmp_path / "logs", "csv", logs))
    found = [row for row in lake_rows(lake)["quarantine"] if row[2] == table]
    file = f"{table}/ds={DAY_1}/part-0.csv"
    assert [row[:7] for row in sorted(found, key=lambda row: row[4])] == [
        (date(2026, 1, 5), "events", table, file, place, column, reason)
        for place, (_, column, reason) in enumerate(changes, start=11)
    ]
    for row, (change, _, _) in zip(sorted(found, key=lambda row: row[4]), changes, strict=True):
        ((name, value),) = change.items()
        assert str(json.loads(row[7])[name] or "").lower() == value.lower()
    assert report.rows[table] == 20 - len(changes) + len(logs[table].get(DAY_2, []))


def test_a_row_with_two_faults_names_both_and_counts_once(settings, lake, tmp_path):
    logs = extended_logs()
    logs["items"][DAY_1][3].update(price="-1", valid_from="")
    report = ingest_events(settings, lake, write_logs(tmp_path / "logs", "csv", logs))
    assert report.num_quarantined == 1
    assert [(q.column, q.reason, q.rows) for q in report.quarantined] == [
        ("price", "is below 0", 1),
        ("valid_from", "is missing", 1),
    ]


def test_candidates_of_a_quarantined_request_are_quarantined_too(settings, lake, tmp_path):
    logs = extended_logs()
    logs["requests"][DAY_1][1]["domain"] = "radio"
    report = ingest_events(settings, lake, write_logs(tmp_path / "logs", "csv", logs))
    assert {(q.table, q.column, q.rows) for q in report.quarantined} == {
        ("requests", "domain", 1),
        ("candidates", "request_id", 2),
    }
    assert report.rows["candidates"] == 4


def test_a_key_of_another_landed_day_is_not_landed_twice(settings, lake, tmp_path):
    ingest_events(settings, lake, write_logs(tmp_path / "logs"))
    logs = {"actions": {"2026-01-07": [
        {**LOGS["actions"][DAY_2][0], "action_id": name, "recorded_at": "2026-01-07 00:00:00"}
        for name in ("a2", "a3", "a4")
    ]}}  # fmt: skip
    report = ingest_events(settings, lake, write_logs(tmp_path / "more", "csv", logs))
    assert [(q.column, q.reason) for q in report.quarantined] == [
        ("action_id", "is a key that another landed day already has")
    ]
    assert report.rows["actions"] == 2


def test_malformed_csv_lines_are_quarantined_and_the_rows_after_keep_their_numbers(settings, lake, tmp_path):
    logs = extended_logs()
    logs["actions"][DAY_1][3]["action"] = "stare"
    logs["actions"][DAY_1] += [{**logs["actions"][DAY_1][0], "action_id": f"y{k}"} for k in range(3)]
    folder = write_logs(tmp_path / "logs", "csv", logs)
    path = folder / "actions" / f"ds={DAY_1}" / "part-0.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[1], "too,short", *lines[2:]]) + "\n")
    ingest_events(settings, lake, folder)
    assert [(r[4], r[6]) for r in lake_rows(lake)["quarantine"]] == [
        (2, "has fewer fields than the header"),
        (5, "is none of click, cart, favorite, purchase"),
    ]


def _rewrite(path, change):
    text = path.read_text()
    path.write_text(change(text))


def _drop_column(text):
    return "\n".join(",".join(line.split(",")[:-1]) for line in text.splitlines()) + "\n"


BAD_FILES = {
    "empty": (lambda p: p.write_bytes(b""), ["the file is empty (0 bytes)", "Send the file again"]),
    "utf-16": (
        lambda p: p.write_bytes(p.read_text().encode("utf-16")),
        ["is text in UTF-16, not in UTF-8", "iconv -f UTF-16 -t UTF-8"],
    ),
    "missing column": (
        lambda p: _rewrite(p, lambda t: t.replace("domain", "channel", 1).replace("item_id", "itemid", 1)),
        ["column item_id, domain is missing", "rename column 'itemid'"],
    ),
    "unknown column": (
        lambda p: _rewrite(p, lambda t: t.replace("unit_price", "unitprice", 1)),
        ["column unitprice is not in the contract", "did you mean unit_price?"],
    ),
    "wrong type": (
        lambda p: _rewrite(p, lambda t: t.replace(f"{DAY_1} 10:01:00", "noon")),
        ["column acted_at is not a UTC time", "in 1 of 1 rows", "First bad rows: row 1:", "noon"],
    ),
    "cut off": (
        lambda p: p.write_bytes(p.read_bytes().rstrip() + b"\na9,u1,i1,cli"),
        ["is cut off in its last row (row 2: 'a9,u1,i1,cli')", "Send the file again"],
    ),
    "undeclared domain": (
        lambda p: _rewrite(p, lambda t: t.replace("search", "radio")),
        ["column domain is not a declared domain (search, feed, shop) in 1 of 1 rows", "uniscale.toml"],
    ),
}


def test_a_bad_csv_file_is_refused_and_the_lake_stays_as_it_was(settings, lake, tmp_path):
    ingest_events(settings, lake, write_logs(tmp_path / "good"))
    before, snapshot = lake_rows(lake), lake.snapshot_id()
    for kind, (spoil, expected) in BAD_FILES.items():
        folder = write_logs(tmp_path / kind, "csv")
        spoil(folder / "actions" / f"ds={DAY_1}" / "part-0.csv")
        with pytest.raises(BadFileError) as caught:
            ingest_events(settings, lake, folder)
        message = str(caught.value)
        assert message.startswith(f"actions/ds={DAY_1}/part-0.csv: "), kind
        assert "Nothing was landed." in message
        assert [part for part in expected if part not in message] == [], (kind, message)
    assert lake.snapshot_id() == snapshot
    assert lake_rows(lake) == before


def test_a_truncated_parquet_file_is_refused(settings, lake, tmp_path):
    folder = write_logs(tmp_path / "logs")
    path = folder / "items" / f"ds={DAY_1}" / "part-0.parquet"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(BadFileError, match=r"items/.*part-0.parquet: cannot be read as Parquet"):
        ingest_events(settings, lake, folder)
    assert not lake.exists() or lake.snapshot_id() == 0


def test_a_damaged_parquet_page_is_refused(settings, lake, tmp_path):
    folder = write_logs(tmp_path / "logs")
    path = folder / "items" / f"ds={DAY_1}" / "part-0.parquet"
    content = bytearray(path.read_bytes())
    content[4:200] = b"\xff" * 196
    path.write_bytes(bytes(content))
    with pytest.raises(BadFileError, match=r"items/.*part-0.parquet: cannot be read"):
        ingest_events(settings, lake, folder)


def test_a_truncated_gzip_file_is_refused(settings, lake, tmp_path):
    folder = write_logs(tmp_path / "logs", "csv")
    path = folder / "items" / f"ds={DAY_1}" / "part-0.csv"
    path.with_name("part-0.csv.gz").write_bytes(gzip.compress(path.read_bytes())[:-30])
    path.unlink()
    with pytest.raises(BadFileError, match=r"part-0.csv.gz: cannot be read to its end .*Send the file again"):
        ingest_events(settings, lake, folder)


def test_a_parquet_column_of_the_wrong_type_is_refused_with_its_first_rows(settings, lake, tmp_path):
    folder = write_logs(tmp_path / "logs")
    path = folder / "requests" / f"ds={DAY_2}" / "part-0.parquet"
    table = pq.read_table(path, partitioning=None)
    seconds = pa.array([1767657600], pa.int64())
    pq.write_table(table.set_column(table.schema.get_field_index("requested_at"), "requested_at", seconds), path)
    with pytest.raises(BadFileError) as caught:
        ingest_events(settings, lake, folder)
    assert "column requested_at has type BIGINT, which is not a UTC time" in str(caught.value)
    assert "(row 1: '1767657600')" in str(caught.value)


def test_requests_without_candidates_are_refused(settings, lake, tmp_path):
    logs = copy.deepcopy(LOGS)
    del logs["candidates"][DAY_2]
    with pytest.raises(BadFileError, match="2026-01-06 has requests but no candidates file"):
        ingest_events(settings, lake, write_logs(tmp_path / "logs", "csv", logs))
