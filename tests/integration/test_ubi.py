"""OpenSearch's sample of UBI logs into the lake, held against a reading of the file in plain Python."""

import gzip
import json
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support_sources import lake_rows
from support_ubi import event, query, write_bulk, write_dumps
from typer.testing import CliRunner

from tests.support_lineage import at_home
from uniscale.cli.main import app
from uniscale.sources.incoming import BadFileError
from uniscale.sources.ubi import ingest_ubi

SAMPLE = Path(__file__).parents[1] / "fixtures" / "ubi" / "ubi.ndjson.gz"
ACTIONS = {"click": "click", "add_to_cart": "cart", "purchase": "purchase"}
FROM_0 = {"esci_ubi_sample": 1, "Chorus": 0}


def _moment(told):
    if isinstance(told, int):
        return datetime.fromtimestamp(told / 1000, UTC).replace(tzinfo=None)
    return datetime.fromisoformat(told.replace("+0000", "+00:00")).astimezone(UTC).replace(tzinfo=None)


def _object(record):
    return record["event_attributes"]["object"]["object_id"]


@pytest.fixture(scope="module")
def sample():
    """Records by index, each with the number of its line."""
    found = defaultdict(list)
    lines = [json.loads(line) for line in gzip.decompress(SAMPLE.read_bytes()).decode().splitlines()]
    for number in range(1, len(lines), 2):
        found[lines[number - 1]["index"]["_index"]].append({**lines[number], "line": number + 1})
    return found


@pytest.fixture(scope="module")
def searches(sample):
    """By query id, its texts with their first time, in order of time."""
    first = defaultdict(dict)
    for record in sample["ubi_queries"]:
        times = first[record["query_id"]]
        at = _moment(record["timestamp"])
        times[record["user_query"]] = min(at, times.get(record["user_query"], at))
    return {query_id: sorted(times.items(), key=lambda entry: entry[::-1]) for query_id, times in first.items()}


def _request_id(searches, record):
    """The search that an event is of: by its text, else by its time."""
    query_id = record["query_id"]
    if query_id not in searches:
        return query_id
    texts = [text for text, _ in searches[query_id]]
    turn = 0
    if record.get("user_query") in texts:
        turn = texts.index(record["user_query"])
    else:
        turn = max([k for k, (_, at) in enumerate(searches[query_id]) if at <= _moment(record["timestamp"])], default=0)
    return query_id if turn == 0 else f"{query_id}#{turn + 1}"


@pytest.fixture(scope="module")
def landing(tmp_path_factory):
    """The report of landing the sample, and the rows of the lake."""
    with pytest.MonkeyPatch.context() as patch:
        settings, lake = at_home(patch, tmp_path_factory.mktemp("ubi") / "home")
        return ingest_ubi(settings, lake, SAMPLE), lake_rows(lake)


def test_the_sample_lands_as_plain_python_reads_it(landing, sample, searches):
    report, landed = landing
    clients = {q["query_id"]: (q["client_id"], q["application"]) for q in sample["ubi_queries"]}
    requests = {
        (query_id if turn == 0 else f"{query_id}#{turn + 1}", clients[query_id][0], text or None, at,
         clients[query_id][1])
        for query_id, texts in searches.items() for turn, (text, at) in enumerate(texts)
    }  # fmt: skip
    assert len(requests) == 291 and len(searches) == 284
    assert {(r[1], r[2], r[4], r[5], r[6]["application"]) for r in landed["requests"]} == requests
    assert {row[3] for row in landed["requests"]} == {"search"}

    impressions = [e for e in sample["ubi_events"] if e["action_name"] == "impression"]
    known = [e for e in impressions if e["query_id"] in searches]
    shown = {
        (_request_id(searches, e), _object(e), e["event_attributes"]["position"]["ordinal"] + FROM_0[e["application"]])
        for e in known
    }
    assert (len(impressions), len(shown)) == (1999, 1932)
    assert {(r[1], r[2], r[4]) for r in landed["candidates"] if r[3]} == shown
    returned = {
        (_request_id(searches, q), item)
        for q in sample["ubi_queries"]
        for item in q.get("query_response_hit_ids") or []
    }
    unshown = returned - {entry[:2] for entry in shown}
    assert {(r[1], r[2]) for r in landed["candidates"] if not r[3]} == unshown
    assert all(r[4] is None for r in landed["candidates"] if not r[3]) and len(unshown) == 653

    acted = Counter(
        (e["client_id"], _object(e), ACTIONS[e["action_name"]], _moment(e["timestamp"]), _request_id(searches, e))
        for e in sample["ubi_events"] if e["action_name"] in ACTIONS
    )  # fmt: skip
    assert Counter((r[2], r[3], r[4], r[5], r[8]) for r in landed["actions"]) == acted
    in_lists = [key for key in acted.elements() if key[4].split("#")[0] in searches]
    outside = [key for key in in_lists if (key[4], key[1]) not in {entry[:2] for entry in shown}]
    assert (len(in_lists), len(outside)) == (474, 82)
    assert all((key[4], key[1]) in unshown for key in outside)

    lost = {e["line"] for e in impressions if e["query_id"] not in searches}
    assert {(r[2], r[4], r[6]) for r in landed["quarantine"]} == {
        ("candidates", line, "names no landed request") for line in lost
    }
    assert (report.num_quarantined, len(lost)) == (67, 67)
    told = defaultdict(set)
    for e in sample["ubi_events"]:
        if e["action_name"] in (*ACTIONS, "impression"):
            told[_object(e)].add(e["event_attributes"]["object"].get("description"))
    assert {r[1] for r in landed["items"]} == set(told)
    assert all(r[2] in told[r[1]] for r in landed["items"])
    seen = {r["client_id"] for r in sample["ubi_queries"]} | {key[0] for key in acted}
    assert {r[1] for r in landed["users"]} == seen | {e["client_id"] for e in impressions}


def test_every_record_of_the_sample_is_accounted_for_in_the_report(landing, sample):
    report, landed = landing
    names = Counter(e["action_name"] for e in sample["ubi_events"])
    left_out = {name: n for name, n in names.items() if name not in (*ACTIONS, "impression")}
    actions = sum(names[name] for name in ACTIONS)
    searched = len({(q["query_id"], q["user_query"]) for q in sample["ubi_queries"]})
    again = len(sample["ubi_queries"]) - searched
    records = len(sample["ubi_queries"]) + len(sample["ubi_events"])
    assert report.hints[0] == (
        f"{records:,} records: {searched} queries ({again} logged again), {names['impression']:,} impressions (0 shown "
        f"again), {actions} actions, {sum(left_out.values())} left out, 0 malformed"
    )
    assert records == searched + again + names["impression"] + actions + sum(left_out.values())
    rows = report.rows["requests"] + sum(r[3] for r in landed["candidates"]) + report.rows["actions"]
    assert rows + report.num_quarantined == searched + names["impression"] + actions
    (told,) = [line for line in report.hints if line.startswith("left out are")]
    assert all(f" {name} {n}" in told for name, n in left_out.items())


def test_the_same_log_lands_the_same_rows_again_and_from_dumps(settings, lake, tmp_path):
    records = [query(hits=["i1", "i2"]), event(description="lamp"), event("click", at="2026-01-05T10:01:00Z")]
    first = ingest_ubi(settings, lake, write_bulk(tmp_path / "log.ndjson", records))
    rows = lake_rows(lake)
    assert first.rows == {"users": 1, "items": 1, "requests": 1, "candidates": 2, "actions": 1}
    assert ingest_ubi(settings, lake, tmp_path / "log.ndjson").as_json() == first.as_json()
    assert lake_rows(lake) == rows
    assert ingest_ubi(settings, lake, write_dumps(tmp_path / "dumps", records, "structs")).as_json() == first.as_json()
    assert lake_rows(lake) == rows


def test_bad_records_go_to_quarantine_with_their_line_and_the_rest_lands(settings, lake, tmp_path):
    good = [query(f"g{k}") for k in range(5)] + [event(query_id=f"g{k}", item=f"i{k}") for k in range(5)]
    records = [
        *good,
        query("zone", at="2026-01-05 10:00:00 America/New_York"),  # line 22
        query("seconds", at=1767607200),  # line 24
        query("naive", at="2026-01-05T10:00:00"),
        query("other", client="c2"),
        query("other", client="c3"),  # line 30
        event(query_id="g1", item="p", place="third"),  # line 32
        event("click", query_id="g1", item=None),  # line 34
        event("click", query_id="g1", at="2026-01-05T09:59:59.999Z"),  # line 36
        event("click", query_id="g2", at="2026-01-05T10:02:00Z"),
        event("click", query_id="g2", at="2026-01-05T10:02:00Z"),  # line 40: the same click again
        '{"action_name": "click"',  # line 42
    ]
    ingest_ubi(settings, lake, write_bulk(tmp_path / "log.ndjson.gz", records))
    landed = lake_rows(lake)
    early = "is before the time of its request"
    found = sorted(landed["quarantine"], key=lambda r: r[4])
    assert [(r[2], r[3].removeprefix(f"{tmp_path}/"), r[4], r[5], r[6]) for r in found] == [
        ("requests", "log.ndjson.gz#ubi_requests", 22, "requested_at",
         "is not a UTC time such as 2026-01-05 10:00:00"),
        ("requests", "log.ndjson.gz#ubi_requests", 24, "requested_at", "is not between the years 1990 and 2100"),
        ("requests", "log.ndjson.gz#ubi_requests", 30, "request_id",
         "repeats the request_id of another row with other values"),
        ("candidates", "log.ndjson.gz#ubi_impressions", 32, "position", "is not a whole number"),
        ("actions", "log.ndjson.gz#ubi_actions", 34, "item_id", "is missing"),
        ("actions", "log.ndjson.gz#ubi_actions", 36, "acted_at", early),
        ("actions", "log.ndjson.gz#ubi_actions", 40, "action_id", "repeats an earlier row, value for value"),
        ("actions", "log.ndjson.gz#ubi_actions", 42, "", "is no JSON object"),
    ]  # fmt: skip
    assert [(r[1], str(r[5])) for r in landed["requests"]][-2:] == [
        ("naive", "2026-01-05 10:00:00"), ("other", "2026-01-05 10:00:00"),
    ]  # fmt: skip
    assert len(landed["candidates"]) == 5 and len(landed["actions"]) == 1


def test_too_many_malformed_records_refuse_the_file_and_leave_the_lake(settings, lake, tmp_path):
    ingest_ubi(settings, lake, write_bulk(tmp_path / "good.ndjson", [query(), event()]))
    rows = lake_rows(lake)
    (tmp_path / "ubi_events.ndjson").write_text("no record\n" * 1001)
    with pytest.raises(BadFileError, match="more than 1000 records are malformed; first row 1: is no JSON object"):
        ingest_ubi(settings, lake, tmp_path / "ubi_events.ndjson")
    assert lake_rows(lake) == rows


def test_the_command_takes_what_the_log_does_not_say(settings, tmp_path):
    path = str(write_bulk(tmp_path / "log.ndjson", [query(), event(place=1), event("item_click", place=1)]))
    runner = CliRunner()
    assert " ubi " in runner.invoke(app, ["ingest", "--help"], env={"COLUMNS": "200"}).stdout
    done = runner.invoke(
        app, ["ingest", "ubi", path, "--action", "item_click=click", "--positions-from", "shop=0", "--json"]
    )
    document = json.loads(done.stdout)
    assert (done.exit_code, document["rows"]["actions"]) == (0, 1)
    assert "shop: positions count from 0, as told" in document["hints"]
    plain = runner.invoke(app, ["ingest", "ubi", path])
    assert "left out are events of other names: item_click 1; --action NAME=click" in plain.stderr
    for option, value, told in (
        ("--positions-from", "shop=one", "--positions-from shop=one: positions count from 0 or 1"),
        ("--positions-from", "shop", "--positions-from shop: write it as NAME=VALUE"),
        ("--action", "item_click=tap", "item_click=tap: an action means one of"),
        ("--action", "tap=click", "no event has the action_name 'tap'"),
    ):
        refused = runner.invoke(app, ["ingest", "ubi", path, option, value])
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert told in refused.stderr
