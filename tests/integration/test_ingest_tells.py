"""What a person reads of logs that are mapped wrongly, or that contradict themselves without being bad."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support_sources import DAY_1, DAY_2, LOGS, extended_logs, lake_rows, write_logs
from typer.testing import CliRunner

from uniscale.cli.main import app
from uniscale.sources.gaps import GAPS
from uniscale.sources.incoming import BadFileError
from uniscale.sources.ingest import ingest_events


def _ingest(folder, *options):
    told = CliRunner().invoke(app, ["ingest", "events", str(folder), *options])
    return told.exit_code, " ".join(told.stderr.split()), told.stdout


def _lists(starts, length=4):
    """Requests of the first day, each with a list of items shown from a first position on."""
    requests = [{**LOGS["requests"][DAY_1][0], "request_id": f"r{n}"} for n in range(len(starts))]
    shown = LOGS["candidates"][DAY_1][0]
    candidates = [
        {**shown, "request_id": f"r{n}", "item_id": f"i{place}", "position": start + place}
        for n, start in enumerate(starts)
        for place in range(length)
    ]
    return {"requests": {DAY_1: requests}, "candidates": {DAY_1: candidates}}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_positions_from_zero_are_refused_or_shifted_when_that_is_said(settings, lake, tmp_path, kind):
    folder = write_logs(tmp_path / "logs", kind, _lists([0, 0, 0]))
    code, told, _ = _ingest(folder)
    assert code == 2
    assert (
        "column position seems to count from 0: it is 0 in 3 of 3 lists of domain search. Nothing was landed." in told
    )
    assert "--positions-from 0, or positions_from = 0 under [source] in uniscale.toml" in told
    code, told, _ = _ingest(folder, "--positions-from", "0")
    assert (code, "quarantined" in told) == (0, False)
    assert sorted({row[4] for row in lake_rows(lake)["candidates"]}) == [1, 2, 3, 4]
    settings.source.positions_from = 0
    with pytest.raises(BadFileError, match="was said to count from 0, but the lowest is 1"):
        ingest_events(settings, lake, write_logs(tmp_path / "from 1", kind, _lists([1, 1])))


def test_a_domain_whose_positions_count_from_zero_is_found_among_others(settings, lake, tmp_path):
    logs = _lists([1, 1, 1, 1, 0])
    logs["requests"][DAY_1][4]["domain"] = "feed"
    with pytest.raises(BadFileError, match="is 0 in 1 of 1 lists of domain feed"):
        ingest_events(settings, lake, write_logs(tmp_path / "logs", "csv", logs))


def test_a_position_zero_here_and_there_is_a_bad_row(settings, lake, tmp_path):
    logs = _lists([1, 1, 1, 1])
    logs["candidates"][DAY_1][0]["position"] = 0
    logs["requests"][DAY_1][0]["domain"] = "feed"  # the only list of its domain
    report = ingest_events(settings, lake, write_logs(tmp_path / "logs", "csv", logs))
    assert [q.told for q in report.quarantined] == ["candidates position is below 1 (found: '0' once)"]


def test_the_values_that_are_none_of_the_allowed_are_shown(settings, lake, tmp_path):
    logs = extended_logs(30)
    for place, value in zip(range(10, 19), ["view"] * 5 + ["open"] * 2 + ["a", "b"], strict=True):
        logs["actions"][DAY_1][place]["action"] = value
    logs["actions"][DAY_1][20]["domain"] = "radio"
    code, _, out = _ingest(write_logs(tmp_path / "logs", "csv", logs), "--json")
    reasons = {r["column"]: r["found"] for r in json.loads(out)["quarantined"]["reasons"]}
    assert (code, reasons) == (0, {"action": {"view": 5, "open": 2, "a": 1, "b": 1}, "domain": {"radio": 1}})
    _, told, _ = _ingest(tmp_path / "logs")
    assert "none of click, cart, favorite, purchase (found: 'view' 5 times, 'open' 2 times, 'a' once, ...)" in told
    assert "domain is not a declared domain (search, feed, shop) (found: 'radio' once)" in told
    for row in logs["actions"][DAY_1]:
        row["action"] = "view"
    code, told, _ = _ingest(write_logs(tmp_path / "all", "csv", logs))
    assert (code, "in 30 of 30 rows" in told, "Found: 'view' 30 times." in told) == (2, True, True)
    assert "give each kind of action the contract's name for it" in told


def test_times_that_count_from_1970_are_called_by_their_unit(settings, lake, tmp_path):
    logs = extended_logs(20)
    for row in logs["actions"][DAY_1]:
        row["acted_at"] = 1767607260000
    folder = write_logs(tmp_path / "logs", "csv", logs)
    with pytest.raises(BadFileError, match=r"is a number of milliseconds since 1970, .* in 20 of 20 .*epoch_ms\(x\)"):
        ingest_events(settings, lake, folder)
    folder = write_logs(tmp_path / "parquet", "parquet")
    path = folder / "requests" / f"ds={DAY_2}" / "part-0.parquet"
    table = pq.read_table(path, partitioning=None)
    place = table.schema.get_field_index("requested_at")
    for number, unit in ((1767657600, "seconds"), (1767657600000, "milliseconds")):
        pq.write_table(table.set_column(place, "requested_at", pa.array([number], pa.int64())), path)
        with pytest.raises(BadFileError, match=rf"type BIGINT.*\(row 1: '{number}'\).*seem to be {unit} since 1970"):
            ingest_events(settings, lake, folder)


def test_attributes_that_are_at_fault_quarantine_their_row_alone(settings, lake, tmp_path):
    logs = extended_logs(20)
    items = [row["item_id"] for row in logs["items"][DAY_1]]
    folder = write_logs(tmp_path / "logs", "csv", logs)
    path = folder / "items" / f"ds={DAY_1}" / "part-0.csv"
    lines = path.read_text().splitlines()
    lines[5] = lines[5].rstrip(",") + ',"{""color"": ""red"", ""color"": ""blue""}"'
    path.write_text("\n".join(lines) + "\n")
    report = ingest_events(settings, lake, folder)
    assert [(q.column, q.reason, q.rows) for q in report.quarantined] == [("attributes", "names a fact twice", 1)]
    assert [row[1] for row in lake_rows(lake)["items"]] == sorted(set(items) - {items[4]})
    twice = pa.array([[("a", "b"), ("a", "c")], [("a", "b")]], pa.map_(pa.string(), pa.string()))
    folder = write_logs(tmp_path / "parquet")
    path = folder / "items" / f"ds={DAY_1}" / "part-0.parquet"
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.set_column(table.schema.get_field_index("attributes"), "attributes", twice), path)
    report = ingest_events(settings, lake, folder)
    assert report.rows["items"] == 1
    assert [(q.column, q.reason, q.rows) for q in report.quarantined] == [("attributes", "names a fact twice", 1)]


def test_contradictions_that_are_allowed_are_counted_with_a_hint(settings, lake, tmp_path):
    logs = extended_logs(20)
    actions = logs["actions"][DAY_1]
    actions[3]["item_id"] = actions[4]["item_id"] = "i9"  # not in the list of r1
    actions[4]["user_id"] = "u2"
    actions[5].update(request_id="elsewhere")  # nothing is known of its request
    actions[6].update(action="purchase", quantity=-1)
    for row in logs["candidates"][DAY_2]:
        row["position"] = 1
    folder = write_logs(tmp_path / "logs", "csv", logs)
    found = json.loads(_ingest(folder, "--json")[2])
    expected = {"lists_with_equal_positions": 2, "actions_outside_their_list": 2, "actions_of_another_user": 1}
    assert {name: found[name] for name in GAPS} == {
        "unlisted_items": 1,
        "requests_without_candidates": 18,
        **expected,
        "actions_below_zero": 1,
    }
    _, told, _ = _ingest(folder)
    for name, number in {**expected, "actions_below_zero": 1}.items():
        assert f" {number} {GAPS[name]}" in told


def test_a_log_without_any_request_is_told(settings, lake, tmp_path):
    alone = {"actions": LOGS["actions"]}
    _, told, _ = _ingest(write_logs(tmp_path / "actions", "csv", alone))
    assert "the log has no request: actions alone count into features" in told
    _, told, _ = _ingest(write_logs(tmp_path / "all", "csv"))
    assert "the log has no request" not in told
    assert ingest_events(settings, lake, tmp_path / "actions").hints == ()
