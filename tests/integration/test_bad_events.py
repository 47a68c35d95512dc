"""Event logs as shops really send them: what is quarantined, refused or let through, and what a person reads."""

import copy
import itertools
import random
from datetime import date

import pytest
from support_sources import DAY_1, DAY_2, LOGS, extended_logs, lake_rows, write_logs, write_rows
from typer.testing import CliRunner

from uniscale.cli.main import app
from uniscale.config import load_settings
from uniscale.contracts.features import FEATURE_TABLES
from uniscale.contracts.marts import MART_TABLES
from uniscale.contracts.samples import SAMPLES
from uniscale.es3.build import build_samples
from uniscale.lake import Lake
from uniscale.sources.ingest import ingest_events
from uniscale.warehouse.build import build_marts

DAY_3, DAY_4 = "2026-01-07", "2026-01-08"
LONG = "lamp " * 2000
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
ARABIC = "\u202b\u0645\u0635\u0628\u0627\u062d \u0623\u062d\u0645\u0631\u202c"
HEBREW = "\u05de\u05e0\u05d5\u05e8\u05d4\u200f 2"
ACCENT = "lamp \u0065\u0301 \u00e9"  # one e with a combining accent, one composed: both stay as they are
TEXTS = (f"lamp {FAMILY}", ARABIC, HEBREW, ACCENT)


def _say(*arguments):
    told = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return told.exit_code, " ".join(told.stderr.split())


def _ingest(folder):
    return _say("ingest", "events", folder)


# A change to one row of the first day's log of a table, and what a person reads about it.
QUARANTINED = {
    "an action before its own request": (
        "actions",
        {"acted_at": f"{DAY_1} 09:59:59"},
        "quarantined 1: actions acted_at is before the time of its request",
    ),
    "an action known before it happened": (
        "actions",
        {"acted_at": f"{DAY_1} 10:01:01"},
        "quarantined 1: actions recorded_at is before acted_at: nothing is known before it happens",
    ),
    "an action of the far future": (
        "actions",
        {"acted_at": "2199-01-01 00:00:00"},
        "quarantined 1: actions acted_at is not between the years 1990 and 2100",
    ),
    "an action without a time, written as 0": (
        "actions",
        {"acted_at": "1970-01-01 00:00:00"},
        "quarantined 1: actions acted_at is not between the years 1990 and 2100",
    ),
    "an action recorded after the day it lands in": (
        "actions",
        {"recorded_at": f"{DAY_2} 00:00:00"},
        "quarantined 1: actions recorded_at is on another day than the folder says",
    ),
    "a request of the day after": (
        "requests",
        {"requested_at": f"{DAY_2} 00:00:00"},
        "quarantined 1: requests requested_at is on another day than the folder says",
    ),
    "a purchase of nothing": (
        "actions",
        {"action": "purchase", "quantity": 0},
        "quarantined 1: actions quantity is below 1",
    ),
    "a purchase at a negative price": (
        "actions",
        {"action": "purchase", "quantity": 1, "unit_price": -0.01},
        "quarantined 1: actions unit_price is below 0",
    ),
    "a query of 10,000 characters": (
        "requests",
        {"query_text": LONG},
        "quarantined 1: requests query_text is longer than 1000 characters",
    ),
    "a request that is there twice": (
        "requests",
        {"request_id": "x5"},
        "quarantined 1: requests request_id repeats an earlier row, value for value",
    ),
    "a request under the id of another": (
        "requests",
        {"request_id": "x5", "query_text": "desk"},
        "quarantined 1: requests request_id repeats the request_id of another row with other values",
    ),
    "an action under the id of another": (
        "actions",
        {"action_id": "x5", "action": "cart"},
        "quarantined 1: actions action_id repeats the action_id of another row with other values",
    ),
    "a candidate in two places of a list": (
        "candidates",
        {"item_id": "x5", "position": 9},
        "quarantined 1: candidates request_id repeats the request_id and item_id of another row with other values",
    ),
}


@pytest.mark.parametrize("claim", QUARANTINED)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_bad_row_is_quarantined_and_the_person_reads_why(lake, tmp_path, claim, kind):
    table, change, line = QUARANTINED[claim]
    logs = extended_logs(20)
    logs[table][DAY_1][19].update(change)
    code, told = _ingest(write_logs(tmp_path / "logs", kind, logs))
    assert code == 0
    assert f" {line} " in f"{told} "
    bad = {row[3:5] for row in lake_rows(lake)["quarantine"] if row[2] == table}
    assert len(bad) == 1
    kept = [row for row in lake_rows(lake)[table] if str(row[0]) == DAY_1]
    assert len(kept) == 19


@pytest.mark.parametrize("table", ["requests", "candidates", "actions"])
def test_a_row_repeated_in_another_file_of_the_day_is_landed_once(lake, tmp_path, table):
    folder = write_logs(tmp_path / "logs", "csv", extended_logs(20))
    first = folder / table / f"ds={DAY_1}" / "part-0.csv"
    lines = first.read_text().splitlines()
    more = [lines[0], lines[3], *(line.replace(",x", ",y").replace("x", "y", 1) for line in lines[10:12])]
    (first.parent / "part-1.csv").write_text("\n".join(more) + "\n")
    code, told = _ingest(folder)
    assert code == 0
    assert f"quarantined 1: {table} " in told
    assert "repeats an earlier row, value for value" in told
    found = [(row[3], row[4]) for row in lake_rows(lake)["quarantine"]]
    assert found == [(f"{table}/ds={DAY_1}/part-1.csv", 1)]


def test_which_of_two_conflicting_rows_is_kept_does_not_depend_on_their_order_or_file(settings, lake, tmp_path):
    logs = extended_logs(20)
    for table, change in (
        ("requests", {"query_text": "desk"}),
        ("candidates", {"position": 7}),
        ("actions", {"action": "cart"}),
        ("items", {"price": 3.0}),
        ("users", {"attributes": {"device": "web"}}),
    ):
        logs[table][DAY_1] += [{**row, **change} for row in logs[table][DAY_1][5:8]]
    landed = []
    for number in range(3):
        for rows in itertools.chain(*(days.values() for days in logs.values())):
            random.Random(number).shuffle(rows)
        folder = write_logs(tmp_path / f"logs{number}", "parquet", logs)
        for table, days in logs.items() if number else ():
            first = folder / table / f"ds={DAY_1}" / "part-0.parquet"
            write_rows(first, days[DAY_1][:12])
            write_rows(first.with_name("part-1.parquet"), days[DAY_1][12:])
        report = ingest_events(settings, lake, folder)
        assert report.num_quarantined == 15
        landed.append({table: rows for table, rows in lake_rows(lake).items() if table != "quarantine"})
    assert landed[0] == landed[1] == landed[2]


def _shift(column, hours):
    """Move the hour of a time in the file's text: every first-day action is at 10:01."""
    return lambda line: line.replace(
        f"{DAY_1} 10:01:00", f"{DAY_1} {10 + hours:02}:01:00", 1 if column == "acted_at" else 2
    )


REFUSED = {
    "a clock that is hours ahead": (
        _shift("acted_at", 8),
        "column recorded_at is before acted_at: nothing is known before it happens in 20 of 20 rows. First bad rows: "
        "row 1:",
        "the clocks of the logs disagree: write every time in UTC, or with its offset",
    ),
    "a clock that is hours behind": (
        _shift("both", -8),
        "column acted_at is before the time of its request in 20 of 20 rows. First bad rows: row 1:",
        "the clocks of the logs disagree: write every time in UTC, or with its offset",
    ),
    "times that are all 0": (
        lambda line: line.replace(f"{DAY_1} 10:01:00", "1970-01-01 00:00:00", 1),
        "column acted_at is not between the years 1990 and 2100 in 20 of 20 rows. First bad rows: row 1:",
        "the times seem to be in another unit, or 0 stands for a missing time",
    ),
}


@pytest.mark.parametrize("claim", REFUSED)
def test_a_file_whose_clock_is_wrong_is_refused_and_the_person_reads_what_to_do(lake, tmp_path, claim):
    change, problem, remedy = REFUSED[claim]
    folder = write_logs(tmp_path / "logs", "csv", extended_logs(20))
    path = folder / "actions" / f"ds={DAY_1}" / "part-0.csv"
    header, *lines = path.read_text().splitlines()
    path.write_text("\n".join([header, *(change(line) for line in lines)]) + "\n")
    code, told = _ingest(folder)
    assert code == 2
    assert f"actions/ds={DAY_1}/part-0.csv: {problem}" in told
    assert (
        f"Nothing was landed. A few such rows would go to quarantine, but not more than 50% of a file; {remedy}" in told
    )
    assert not lake.exists() or lake.snapshot_id() == 0


def test_a_file_sent_twice_is_refused_and_the_person_reads_what_to_do(lake, tmp_path):
    folder = write_logs(tmp_path / "logs", "csv", extended_logs(20))
    path = folder / "actions" / f"ds={DAY_1}" / "part-0.csv"
    path.with_name("part-0 (copy).csv").write_bytes(path.read_bytes())
    code, told = _ingest(folder)
    assert code == 2
    assert "part-0.csv: column action_id repeats an earlier row, value for value in 20 of 20 rows." in told
    assert "the same rows seem to have been written or sent twice: take one copy away" in told
    assert not lake.exists() or lake.snapshot_id() == 0


def test_an_action_is_held_against_a_request_that_was_landed_on_an_earlier_day(settings, lake, tmp_path):
    ingest_events(settings, lake, write_logs(tmp_path / "first"))
    row = {**LOGS["actions"][DAY_2][0], "request_id": "r3", "recorded_at": f"{DAY_3} 00:00:00"}
    early, late = {**row, "action_id": "early"}, {**row, "action_id": "late", "acted_at": f"{DAY_2} 00:00:00"}
    unknown = {**row, "action_id": "unknown", "request_id": "r99"}
    more = write_logs(tmp_path / "more", "csv", {"actions": {DAY_3: [early, late, unknown]}})
    code, told = _ingest(more)
    assert (code, "quarantined 1: actions acted_at is before the time of its request" in told) == (0, True)
    assert [r[1] for r in lake_rows(lake)["actions"] if str(r[0]) == DAY_3] == ["late", "unknown"]


def test_a_query_of_exactly_the_longest_length_is_kept(settings, lake, tmp_path):
    logs = copy.deepcopy(LOGS)
    logs["requests"][DAY_1][0]["query_text"] = FAMILY * 200  # 5 characters each
    report = ingest_events(settings, lake, write_logs(tmp_path / "logs", "csv", logs))
    assert report.quarantined == []
    assert lake_rows(lake)["requests"][0][4] == FAMILY * 200


def test_an_item_may_be_valid_since_ever(settings, lake, tmp_path):
    logs = copy.deepcopy(LOGS)
    logs["items"][DAY_1][0]["valid_from"] = "1970-01-01 00:00:00"
    assert ingest_events(settings, lake, write_logs(tmp_path / "logs", "csv", logs)).quarantined == []


def _searches(day, number, text):
    """A search that showed items i1 and i2, and a click on the first."""
    name = f"{day}-{number}"
    return {
        "requests": {**LOGS["requests"][DAY_1][0], "request_id": name, "query_text": text,
                     "requested_at": f"{day} 10:00:00"},
        "candidates": [{**row, "request_id": name} for row in LOGS["candidates"][DAY_1][:2]],
        "actions": {**LOGS["actions"][DAY_1][0], "action_id": f"click-{name}", "request_id": name,
                    "acted_at": f"{day} 10:01:00", "recorded_at": f"{day} 10:01:00"},
    }  # fmt: skip


def _strange_logs():
    """Searches in many scripts, an item outside the catalogue, a request without candidates, a day without events."""
    logs = {"users": copy.deepcopy(LOGS["users"]), "items": copy.deepcopy(LOGS["items"])}
    logs["items"][DAY_1][0]["title"] = f"{FAMILY} {ARABIC}"
    logs["items"][DAY_1][1]["title"] = ACCENT
    logs |= {table: {day: [] for day in (DAY_1, DAY_3, DAY_4)} for table in ("requests", "candidates", "actions")}
    for day, number in itertools.product((DAY_1, DAY_3, DAY_4), range(len(TEXTS))):
        made = _searches(day, number, TEXTS[number])
        made["candidates"][1]["item_id"] = "not in the catalogue"
        logs["requests"][day].append(made["requests"])
        logs["candidates"][day] += made["candidates"]
        logs["actions"][day].append(made["actions"])
    unlisted = {"action_id": "click-unlisted", "item_id": "not in the catalogue"}
    logs["actions"][DAY_1].append({**logs["actions"][DAY_1][0], **unlisted})
    bare = {**logs["requests"][DAY_3][0], "request_id": "bare", "query_text": "asked in vain"}
    logs["requests"][DAY_3].append(bare)
    return logs


@pytest.fixture(scope="module")
def strange(tmp_path_factory):
    """What was told of the ingest and of three steps of a day, on logs that are strange and allowed."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("strange")
        patch.chdir(folder)
        patch.setenv("UNISCALE_HOME", str(folder / "home"))
        patch.delenv("UNISCALE_CONFIG")
        (folder / "uniscale.toml").write_text("[window]\ntrain_days = 3\neval_days = 1\n")
        told = {"ingest": _ingest(write_logs(folder / "logs", "csv", _strange_logs()))}
        for step in ("land", "marts", "samples"):
            told[step] = _say("step", step, DAY_3)
        settings = load_settings()
        yield settings, Lake(settings), told


def _found(lake, sql):
    with lake.read() as con:
        return con.execute(sql).fetchall()


def test_an_item_outside_the_catalogue_is_told_and_flows_to_the_samples_without_a_category(strange):
    _, lake, told = strange
    code, line = told["ingest"]
    assert code == 0
    assert (
        "1 items of candidates and actions are not in the catalogue: their category, brand and price are unknown"
        in line
    )
    assert (told["marts"][0], told["samples"][0]) == (0, 0)
    name = "not in the catalogue"
    shown = f"select count(*) from marts.fct_exposures where item_id = '{name}'"
    assert _found(lake, shown) == [(3 * len(TEXTS),)]
    described = f"select distinct category_id, brand_id, price from features.item_features where item_id = '{name}'"
    assert _found(lake, described) == [(None, None, None)]
    # In a history, whose lists hold no NULL, it has the empty category.
    history = f"select distinct history_categories[list_position(history_items, '{name}')] from features.user_sequences"
    assert _found(lake, f"{history} where list_contains(history_items, '{name}')") == [("",)]
    drawn = f"select count(*) from es3.samples where list_contains(item_ids, '{name}')"
    assert _found(lake, drawn)[0][0] > 0


def test_a_request_without_candidates_is_told_and_gives_no_row_but_its_query_counts(strange):
    _, lake, told = strange
    assert "1 requests have no candidates: their queries count, but they give no samples" in told["ingest"][1]
    for table in ("marts.fct_exposures", "es3.samples"):
        assert _found(lake, f"select count(*) from {table} where request_id = 'bare'") == [(0,)]
    counted = "select query_text from features.query_features where query_text = 'asked in vain'"
    assert _found(lake, counted) == [("asked in vain",)]


def test_texts_of_any_script_come_through_byte_for_byte(strange):
    _, lake, _ = strange
    expected = sorted(text.encode() for text in TEXTS)

    def stored(table, column, where="true"):
        found = _found(lake, f"select distinct encode({column}) from {table} where {where}")
        return sorted(bytes(row[0]) for row in found)

    asked = "query_text <> 'asked in vain'"
    assert stored("raw.requests", "query_text", asked) == expected
    assert stored("marts.fct_exposures", "query_text") == expected
    assert stored("es3.samples", "query_text") == expected
    assert stored("features.query_features", "query_text", asked) == expected
    assert stored("marts.query_item_stats", "query_text") == expected
    titles = sorted(title.encode() for title in (f"{FAMILY} {ARABIC}", ACCENT))
    assert stored("raw.items", "title") == titles
    assert stored("features.item_features", "title", "title is not null") == titles


def test_csv_and_parquet_carry_the_same_texts(settings, lake, tmp_path):
    logs = _strange_logs()
    report = ingest_events(settings, lake, write_logs(tmp_path / "csv", "csv", logs)).as_json()
    assert (report["unlisted_items"], report["requests_without_candidates"]) == (1, 1)
    rows = lake_rows(lake)
    ingest_events(settings, lake, write_logs(tmp_path / "parquet", "parquet", logs))
    assert lake_rows(lake) == rows


def test_a_day_without_events_has_no_row_and_no_null_row_in_any_table(strange):
    _, lake, told = strange
    assert [told[step][0] for step in ("land", "marts", "samples")] == [0, 0, 0]
    for table in ("marts.fct_exposures", "es3.samples"):
        days = _found(lake, f"select cast(ds as varchar) from {table} group by ds order by ds")
        assert [day for (day,) in days if day <= DAY_3] == [DAY_1, DAY_3]
    assert _found(lake, f"select count(*) from marts.fct_attributions where ds = date '{DAY_2}'") == [(0,)]
    for table in (*MART_TABLES, *FEATURE_TABLES, SAMPLES):
        missing = " or ".join(f"{column} is null" for column in ("ds", *table.key))
        assert _found(lake, f"select count(*) from {table.qualified} where {missing}") == [(0,)]


def test_the_steps_of_a_day_without_events_succeed_with_zero_rows(strange):
    settings, lake, _ = strange
    settings = settings.model_copy(deep=True)
    settings.window.train_days = 1
    day = date.fromisoformat(DAY_2)
    assert build_marts(settings, lake, day)["attributed"] == {}
    made = build_samples(settings, lake, day)
    assert (made["requests"], made["exposed"], made["unexposed"], made["synthetic"]) == (0, 0, 0, 0)
    for table in ("marts.fct_exposures", "marts.fct_attributions", "es3.samples"):
        assert _found(lake, f"select count(*) from {table} where ds = date '{DAY_2}'") == [(0,)]
