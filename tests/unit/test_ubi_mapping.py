"""What the records of a UBI log mean, where the standard leaves it open or logs break it."""

import json

import pytest
from support_ubi import event, mapped, query, rows, write_bulk, write_dumps

from uniscale.sources.incoming import BadFileError
from uniscale.sources.ubi import UbiMapping
from uniscale.sources.ubi_files import ubi_parts
from uniscale.sources.ubi_report import describe_log

REQUESTS = "select request_id, user_id, query_text, requested_at from ubi_requests order by row_number"
SHOWN = "select request_id, item_id, position from ubi_impressions order by request_id, item_id"
UNSHOWN = "select request_id, item_id from ubi_unshown order by all"


@pytest.fixture
def log(tmp_path):
    """Map records that are written as one bulk file."""

    def run(*records, **mapping):
        return mapped(write_bulk(tmp_path / "log.ndjson", records), **mapping)

    return run


def test_a_query_logged_again_is_one_request_from_its_first_time_on(log):
    later, early = "2026-01-05T10:00:00.011+0000", "2026-01-05T10:00:00.000+0000"
    con = log(query(at=later, hits=["a", "b"]), query(at=early), query(at=early, hits=["b", "c"]))
    assert rows(con, REQUESTS) == [("q1", "c1", "lamp", "2026-01-05T10:00:00.000000Z")]
    assert rows(con, UNSHOWN) == [("q1", "a"), ("q1", "b"), ("q1", "c")]


def test_a_query_id_that_goes_on_to_another_text_is_another_request_and_keeps_its_own_events(log):
    con = log(
        query(text="lamp", at="2026-01-05T10:00:00Z", hits=["a"]),
        query(text="red lamp", at="2026-01-05T10:05:00Z", hits=["b"]),
        event(item="a", at="2026-01-05T10:06:00Z", user_query="lamp"),
        event(item="b", at="2026-01-05T09:59:59Z", user_query="red lamp"),
        event("click", item="b", at="2026-01-05T10:07:00Z"),
        event("click", item="a", at="2026-01-05T10:04:00Z"),
        event("click", item="a", at="2026-01-05T09:00:00Z", user_query="not logged"),
    )
    assert [row[:3] for row in rows(con, REQUESTS)] == [("q1", "c1", "lamp"), ("q1#2", "c1", "red lamp")]
    assert rows(con, SHOWN) == [("q1", "a", "1"), ("q1#2", "b", "1")]
    actions = "select request_id, item_id, substring(acted_at, 12, 5) from ubi_actions order by 3"
    assert rows(con, actions) == [("q1", "a", "09:00"), ("q1", "a", "10:04"), ("q1#2", "b", "10:07")]


def test_an_empty_query_text_is_no_text_and_keeps_its_list(log):
    con = log(query(text="", hits=["a"]), event(item="b", user_query=""))
    assert [row[2] for row in rows(con, REQUESTS)] == [None]
    assert (rows(con, SHOWN), rows(con, UNSHOWN)) == ([("q1", "b", "1")], [("q1", "a")])


def test_positions_begin_where_most_lists_of_the_application_begin(log):
    lists = [event(item=f"i{k}", place=k, query_id=q, application="zero") for q in ("q1", "q2") for k in (0, 1)]
    lists += [event(item=f"i{k}", place=k, query_id=q, application="one") for q in ("q3", "q4") for k in (1, 2)]
    # A stray 0 in one list of the second, and a list of the first whose top was never seen.
    lists += [event(item="i9", place=0, query_id="q4", application="one")]
    lists += [event(item="i1", place=1, query_id="q5", application="zero")]
    con = log(query(), *lists)
    assert rows(con, SHOWN) == [
        ("q1", "i0", "1"), ("q1", "i1", "2"), ("q2", "i0", "1"), ("q2", "i1", "2"),
        ("q3", "i1", "1"), ("q3", "i2", "2"), ("q4", "i1", "1"), ("q4", "i2", "2"), ("q4", "i9", "0"),
        ("q5", "i1", "2"),
    ]  # fmt: skip
    told = [line for line in describe_log(con, 1 + len(lists)) if "positions" in line]
    assert told == [
        "one: positions count from 1 (1 lists begin at 0, 1 at 1; --positions-from one=0 if that is wrong)",
        "zero: positions count from 0 (2 lists begin at 0, 1 at 1; --positions-from zero=1 if that is wrong)",
    ]


def test_what_a_person_says_of_positions_and_actions_wins_and_a_slip_is_refused(log):
    records = (query(), event(place=1), event("item_click", place=1), event("bought", place=1))
    con = log(*records, positions_from={"shop": 0}, meanings={"item_click": "click", "bought": "purchase"})
    assert rows(con, SHOWN) == [("q1", "i1", "2")]
    assert rows(con, "select action from ubi_actions order by 1") == [("click",), ("purchase",)]
    assert "shop: positions count from 0, as told" in describe_log(con, 4)
    with pytest.raises(ValueError, match="no event has the application 'shp'; the log has shop"):
        log(*records, positions_from={"shp": 0})
    with pytest.raises(
        ValueError, match="no event has the action_name 'buy'; the log has bought, impression, item_click"
    ):
        log(*records, meanings={"buy": "purchase"})
    with pytest.raises(ValueError, match="positions of shop cannot count from 2: give 0 or 1"):
        UbiMapping(positions_from={"shop": 2})
    with pytest.raises(ValueError, match="x=hover: an action means one of impression, click, cart, favorite, purchase"):
        UbiMapping(meanings={"x": "hover"})


def test_an_impression_decides_what_was_shown_and_the_engines_list_tells_the_rest(log):
    con = log(
        query(query_response_objects_ids=["a", "b", 7, None], query_response_hit_ids=None),
        event(item="b", place=2, at="2026-01-05T09:59:59.995Z"),
        event(item="b", place=3, at="2026-01-05T10:01:00Z"),
        event(item="x", place=1),
        event("click", item="a", place=1, at="2026-01-05T10:01:00Z"),
        query("q2", at="2026-01-05T10:02:00Z"),
    )
    assert rows(con, SHOWN) == [("q1", "b", "2"), ("q1", "x", "1")]
    assert rows(con, UNSHOWN) == [("q1", "7"), ("q1", "a"), ("q1", None)]
    assert describe_log(con, 6)[0].endswith("2 impressions (1 shown again), 1 actions, 0 left out, 0 malformed")


def test_an_impression_without_a_place_does_not_hide_one_with_a_place(log):
    con = log(query(), event(place=None, at="2026-01-05T10:00:00Z"), event(place=4, at="2026-01-05T10:00:09Z"))
    assert rows(con, SHOWN) == [("q1", "i1", "4")]


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("2026-01-05T10:00:00", "2026-01-05T10:00:00.000000Z"),
        ("2026-01-05 10:00:00.25Z", "2026-01-05T10:00:00.250000Z"),
        ("2026-01-05T10:00:00.5+05:30", "2026-01-05T04:30:00.500000Z"),
        ("2026-01-05T22:00:00-0330", "2026-01-06T01:30:00.000000Z"),
        ("2026-01-05T10:00+02", "2026-01-05T08:00:00.000000Z"),
        ("2026-01-05", "2026-01-05T00:00:00.000000Z"),
        (1767607200123, "2026-01-05T10:00:00.123000Z"),
        ("1767607200123", "2026-01-05T10:00:00.123000Z"),
        (1.767607200123e12, "2026-01-05T10:00:00.123000Z"),
        ("2026-01-05 10:00:00 America/New_York", "not ISO 8601: 2026-01-05 10:00:00 America/New_York"),
        ("2026-01-05T10:00:00+99:00", "not ISO 8601: 2026-01-05T10:00:00+99:00"),
        ("2026-02-30T10:00:00Z", "not ISO 8601: 2026-02-30T10:00:00Z"),
        ("noon", "not ISO 8601: noon"),
    ],
)
def test_a_time_is_utc_or_what_its_offset_says_whatever_came_before_it(log, told, meant):
    naive = "2026-01-05T10:00:00"
    con = log(query("q1", at=told), query("q2", at=naive))
    assert [row[3] for row in rows(con, REQUESTS)] == [meant, "2026-01-05T10:00:00.000000Z"]


def test_identifiers_are_kept_byte_for_byte_and_a_fraction_is_none(log):
    long = 12345678901234567890123
    con = log(
        query("007", hits=["00", long, " a", "é"]),
        event("click", item=long, query_id="007", client="c1"),
        event("click", item=1.10, query_id="007"),
    )
    assert [row[0] for row in rows(con, REQUESTS)] == ["007"]
    assert [row[1] for row in rows(con, UNSHOWN)] == [" a", "00", str(long), "é"]
    assert rows(con, "select item_id from ubi_actions") == [(str(long),)]
    assert rows(con, "select row_number, reason from ubi_misfits") == [
        (6, "object_id is neither text nor a whole number")
    ]


def test_an_item_gets_a_version_when_it_is_first_told_and_when_its_description_changes(log):
    told = [None, "lamp", None, "lamp", "LED lamp"]
    events = [
        event(item="i1", query_id=f"q{k}", at=f"2026-01-05T10:0{k}:00Z", **({"description": text} if text else {}))
        for k, text in enumerate(told)
    ]
    con = log(query(), *events, event("hover", item="i2"))
    versions = "select item_id, title, substring(valid_from, 12, 5) from ubi_items order by 3"
    assert rows(con, versions) == [("i1", None, "10:00"), ("i1", "lamp", "10:01"), ("i1", "LED lamp", "10:04")]


def test_a_record_that_is_none_is_told_by_its_line_and_all_are_accounted_for(tmp_path):
    path = tmp_path / "ubi.ndjson"
    good = [{"index": {"_index": "ubi_queries"}}, query(), {"create": {"_index": ".shop_ubi_events"}}, event()]
    bad = [
        '{"index": {"_index": "ubi_events"}}', '{"action_name": "click", "query_id": "q1"',  # line 7
        '{"index": {"_index": "ubi_events"}}', '{"action_name": "\\ud800"}',  # line 9
        '{"index": {"_index": "ubi_events"}}', '[1]',  # line 11
        '{"index": {"_index": "ubi_events"}}', '{"query_id": "q1"}',  # line 13
        '{"index": {"_index": "ubi_queries"}}', '{"query_id": "q1", "query_response_hit_ids": "a, b"}',  # line 15
        '{"index": {"_index": "products"}}', '{"id": "i1"}',  # line 17
        '{"index": {"_index": "ubi_events"}}',  # line 18
        '{"index": {"_index": "ubi_queries"}}', '{"query_id": "q9", "user_query": "\xe9t\xe9"}',  # line 20
    ]  # fmt: skip
    lines = [*map(json.dumps, good), "", *bad]
    path.write_bytes(("\r\n".join(lines) + "\n").encode("latin-1"))
    con = mapped(path)
    assert rows(con, "select row_number, reason from ubi_misfits order by 1") == [
        (7, "is no JSON object"),
        (9, "is no JSON object"),
        (11, "is no JSON object"),
        (13, "an event without action_name"),
        (15, "what the query returned is no list of identifiers"),
        (17, "is neither of ubi_queries nor of ubi_events, by its index or by the name of its file"),
        (18, "announces a record that does not follow"),
        (20, "is not UTF-8"),
    ]
    assert describe_log(con, 10)[0] == (
        "10 records: 1 queries (0 logged again), 1 impressions (0 shown again), 0 actions, 0 left out, 8 malformed"
    )
    with pytest.raises(BadFileError, match="11 records were read and 10 mapped"):
        describe_log(con, 11)


def test_a_record_without_an_id_or_a_time_is_not_taken_for_another(log):
    con = log(query(None), query(None), query(at=None), query(at=1767607200), query(), query(client=None))
    assert [row[:2] for row in rows(con, REQUESTS)] == [
        (None, "c1"), (None, "c1"), ("q1", "c1"), ("q1", "c1"), ("q1", "c1"), ("q1", None),
    ]  # fmt: skip
    assert rows(con, "select user_id, valid_from from ubi_users") == [("c1", "2026-01-05T10:00:00.000000Z")]
    shown = log(query(), event(query_id=None), event(query_id=None), event(item=None), event(item=None))
    assert len(rows(shown, SHOWN)) == 4


@pytest.mark.parametrize("how", ["lines", "sources", "structs", "texts"])
def test_dumps_and_parquet_mean_what_the_bulk_file_means(tmp_path, how):
    records = [query(hits=["a", "i1"]), query("q2"), event(place=0), event("click"), event("search", item="x")]
    bulk = mapped(write_bulk(tmp_path / "log.ndjson.gz", records))
    dumps = mapped(write_dumps(tmp_path / "dumps", records, how))
    for view in ("users", "items", "requests", "impressions", "unshown", "actions"):
        sql = f"select * exclude (part, row_number) from ubi_{view} order by all"
        found = rows(bulk, sql)
        assert found and rows(dumps, sql) == found


@pytest.mark.parametrize(
    ("name", "data", "error"),
    [
        ("u.ndjson", b"", r"u.ndjson: the file is empty \(0 bytes\)"),
        ("u.ndjson", b"\n \n", "u.ndjson: the file holds no record"),
        ("u.ndjson", json.dumps(query()).encode("utf-16"), "u.ndjson: the file is UTF-16. .* Write it as UTF-8"),
        ("u.json", b' [{"a": 1}]', "u.json: the file is one JSON array.* Write one record a line"),
        ("u.jsonl", b'{"query_id": "q1"}\n{"query_id', r"u.jsonl: is cut off in its last line \(line 2: .*Send"),
        ("u.jsonl", b'{"index": {"_index": "ubi_events"}}\n', "u.jsonl: is cut off: line 1 announces a record"),
        ("u.json.gz", b"\x1f\x8b\x08\x00", r"u.json.gz: cannot be read to its end \("),
        ("ubi_events.parquet", b"PAR1", "ubi_events.parquet: cannot be read as Parquet"),
    ],
)
def test_a_file_that_is_cut_off_or_of_another_kind_is_refused_by_name(tmp_path, name, data, error):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(BadFileError, match=error):
        mapped(tmp_path / name)


def test_no_file_of_a_folder_is_passed_over(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no records; give a bulk file"):
        ubi_parts(tmp_path)
    for name in ("NOTICE", "README.md", ".hidden", "ubi_queries.ndjson"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "ubi_events").mkdir()
    (tmp_path / "ubi_events" / "part-0.parquet").write_text("")
    assert [part.name for part in ubi_parts(tmp_path)] == ["ubi_events/part-0.parquet", "ubi_queries.ndjson"]
    (tmp_path / "ubi_events" / "part-1.ndjson.zst").write_text("")
    with pytest.raises(ValueError, match=r"part-1.ndjson.zst is no file of UBI records; give a bulk file"):
        ubi_parts(tmp_path)
    with pytest.raises(FileNotFoundError, match="elsewhere does not exist"):
        ubi_parts(tmp_path / "elsewhere")
