"""A file of actions is read as it is written; a row that is no action is named, and costs no other row."""

import json
from datetime import UTC, datetime

import duckdb
import pytest

pytest.importorskip("feast")

from uniscale.features.online.push_file import read_actions
from uniscale.features.online.push_rules import COLUMNS

TEN = datetime(2026, 1, 12, 10, tzinfo=UTC)
IDS = (
    "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
    "u2",
    "007",
    "1e5",
    "0cc175b9c0f1b6a831c399e269772661",
    "Ünïcode ✓",
    " x ",
)
NUMBERS = ("7", "10000000000000000000000", "10000000000000000000001", "1.50")


def _row(item="i1", **values):
    row = {"action_id": "a1", "user_id": "u1", "item_id": item, "action": "click", "domain": "search"}
    return {**row, "acted_at": "2026-01-12T10:00:00Z", "recorded_at": "2026-01-12 10:00:00", **values}


def _write(path, rows):
    if path.suffix == ".csv":
        quoted = [['"' + str(value).replace('"', '""') + '"' for value in row.values()] for row in rows]
        path.write_text("\n".join([",".join(COLUMNS), *(",".join(cells) for cells in quoted)]) + "\n")
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def _faults(file):
    return {row["row_number"]: row["fault"] for row in read_actions(file).to_pylist() if row["fault"]}


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_identifiers_are_those_of_the_file_byte_for_byte(tmp_path, ending):
    file = _write(tmp_path / f"a.{ending}", [_row(item) for item in IDS])
    if ending == "jsonl":  # numbers too
        file.write_text(file.read_text() + "".join(json.dumps(_row("@")).replace('"@"', n) + "\n" for n in NUMBERS))
    told = read_actions(file)
    assert told.column("item_id").to_pylist() == [*IDS, *(NUMBERS if ending == "jsonl" else ())]
    assert told.column("row_number").to_pylist() == list(range(1, told.num_rows + 1))
    assert {(row["acted_at"], row["recorded_at"], row["fault"]) for row in told.to_pylist()} == {(TEN, TEN, None)}


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_naive_time_after_a_zone_name_is_utc(tmp_path, ending):
    texts = ["2026-01-12 10:00:00", "2026-01-12 05:00:00 America/New_York", "2026-01-12 10:00:00", "1768212000000"]
    rows = [_row(acted_at=text) for text in texts]
    file = tmp_path / f"a.{ending}"
    if ending == "parquet":
        _write(tmp_path / "a.jsonl", rows)
        with duckdb.connect() as con:
            columns = dict.fromkeys(COLUMNS, "VARCHAR")
            con.execute(f"copy (from read_json('{tmp_path / 'a.jsonl'}', columns = {columns})) to '{file}'")
    else:
        _write(file, rows)
    told = read_actions(file).to_pylist()
    assert [row["acted_at"] for row in told] == [TEN, TEN, TEN, None]
    unit = "acted_at is a number of milliseconds since 1970, not a UTC time: 1768212000000"
    assert [row["fault"] for row in told] == [None, None, None, unit]


def test_a_line_that_is_no_action_is_refused_alone(tmp_path):
    good = json.dumps(_row())
    lines = [
        good,
        good[:-20],
        "[1]",
        good.replace('"u1"', "true"),
        good.replace('"u1"', '["u1"]'),
        good.replace('"u1"', '"u1", "user_id": "u2"'),
        good.replace('"u1"', '"\\ud800"'),
        good.replace('"u1"', "007"),
        "",
        good,
    ]
    file = tmp_path / "a.jsonl"
    file.write_bytes("\r\n".join(lines).encode() + b"\n\xff\n")
    assert sorted(_faults(file)) == [2, 3, 4, 5, 6, 7, 8, 11]
    assert "user_id is named twice" in _faults(file)[6]
    assert read_actions(file).num_rows == 10
    head, good = ",".join(COLUMNS), ",".join(_row().values())
    file = tmp_path / "a.csv"
    file.write_text("\n".join([head, good, "a2,u1", good + ",", f'"{good}', good.replace("u1", '5" u1'), good]))
    faults = _faults(file)
    assert (sorted(faults), read_actions(file).num_rows) == ([2, 3, 4], 6)
    assert faults[2] == "has fewer fields than the header (2, not 7): a2,u1"


def test_a_file_that_is_no_file_of_actions_is_refused_whole(tmp_path):
    (tmp_path / "a.csv").write_text("action_id,user_id\nx,y\n")
    with pytest.raises(ValueError, match="lacks item_id, action, domain, acted_at, recorded_at"):
        read_actions(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_bytes(",".join(COLUMNS).encode("utf-16"))
    with pytest.raises(ValueError, match="is UTF-16; write it in UTF-8"):
        read_actions(tmp_path / "b.csv")
    with duckdb.connect() as con:
        row = ", ".join(f"{'1e22' if name == 'item_id' else repr('x')} as {name}" for name in COLUMNS)
        con.execute(f"copy (select {row}) to '{tmp_path / 'c.parquet'}'")
    with pytest.raises(ValueError, match="column item_id has type DOUBLE, which is not text; write it as VARCHAR"):
        read_actions(tmp_path / "c.parquet")
