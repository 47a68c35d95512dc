"""Landed days can be named by their samples, and taken out of the lake again with all that was made for them."""

import json
from datetime import date

import pytest
from support_sources import DAY_1, DAY_2, LOGS, lake_rows, write_logs
from typer.testing import CliRunner

from tests.support_lineage import run_steps, small_log
from uniscale.cli.main import app
from uniscale.contracts.all_tables import TABLES
from uniscale.contracts.outcomes import OUTCOME_TABLES, PARTITIONS
from uniscale.contracts.samples import SAMPLES
from uniscale.lake import Lake
from uniscale.lake.lake import table_has
from uniscale.sources.ingest import ingest_events

SIXTH = date(2026, 1, 6)


def invoke(*words, answer=None):
    return CliRunner().invoke(app, list(words), input=answer)


def document(*words):
    done = invoke(*words, "--json")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def days_of(lake):
    """Rows by day of every table that holds days of the log, and noted tables by day."""
    found = {}
    with lake.read() as con:
        for table in TABLES:
            if "ds" in table.column_names and table not in OUTCOME_TABLES and table_has(con, table):
                rows = con.execute(f"select ds, count(*) from lake.{table.qualified} group by ds").fetchall()
                found[table.qualified] = dict(rows)
        notes = con.execute(f"select distinct ds from lake.{PARTITIONS.qualified}").fetchall()
    return found, {row[0] for row in notes}


def samples_of(lake):
    names = ", ".join(name for name in SAMPLES.column_names)
    with lake.read() as con:
        return con.execute(f"select {names} from lake.{SAMPLES.qualified} order by ds, sample_id").fetchall()


@pytest.fixture
def landed(settings, tmp_path):
    lake = Lake(settings)
    ingest_events(settings, lake, write_logs(tmp_path / "logs", "csv"))
    return lake


def test_a_day_that_is_taken_out_and_landed_again_is_as_before(landed, settings, tmp_path):
    before = lake_rows(landed)
    told = document("unland", DAY_2, "--yes")
    assert (told["days"], told["rows"]) == ([DAY_2], {"raw.requests": 1, "raw.candidates": 2, "raw.actions": 1})
    tables, notes = days_of(landed)
    assert notes == {date.fromisoformat(DAY_1)}
    assert all(set(days) <= notes for days in tables.values())
    with landed.read() as con:
        assert con.execute("select max_by(commit_message, snapshot_id) from lake.snapshots()").fetchone() == (
            f"unland {DAY_2}..{DAY_2}",
        )
    ingest_events(settings, landed, tmp_path / "logs")
    assert lake_rows(landed) == before


def test_what_goes_is_shown_and_nothing_goes_without_a_yes(landed):
    before = landed.snapshot_id()
    done = invoke("unland", DAY_1, DAY_2, answer="n\n")
    assert done.exit_code == 1
    assert "to be taken out: 2 days, 2026-01-05..2026-01-06" in done.stderr
    assert "raw.candidates" in done.stderr
    assert landed.snapshot_id() == before
    assert invoke("unland", DAY_1, "--json").exit_code == 2
    assert landed.snapshot_id() == before
    assert invoke("unland", DAY_1, DAY_2, answer="y\n").exit_code == 0
    assert not any(rows for rows in lake_rows(landed).values())


def test_a_source_is_taken_out_as_a_whole_with_its_rows_without_a_day(landed, settings, tmp_path):
    logs = {"actions": [{**LOGS["actions"][DAY_1][0], "action_id": f"b{n}", "recorded_at": when}
                        for n, when in enumerate(["soon", "2026-01-08 00:00:00", "2026-01-08 00:00:00"])]}  # fmt: skip
    write_logs(tmp_path / "more", "csv", {"actions": {"all": logs["actions"]}})
    (tmp_path / "whole").mkdir()
    (tmp_path / "more" / "actions" / "ds=all" / "part-0.csv").rename(tmp_path / "whole" / "actions.csv")
    ingest_events(settings, landed, tmp_path / "whole")
    landed.commit(lambda con: con.execute("update ops.partitions set build_key = 'kuaisar' where ds = '2026-01-05' "
                                          "and table_name = 'raw/source'"), "as if of another source")  # fmt: skip
    told = document("unland", "--source", "events", "--yes")
    assert told["days"] == [DAY_2, "2026-01-08"]
    assert told["rows"]["raw.quarantine"] == 1
    tables, notes = days_of(landed)
    assert notes == set(tables["raw.requests"]) == {date.fromisoformat(DAY_1)}
    assert tables["raw.quarantine"] == {}
    done = invoke("unland", "--source", "expedia", "--yes")
    assert (done.exit_code, "the sources are: kuaisar" in done.stderr) == (2, True)


def test_a_folder_that_still_holds_the_day_is_told(landed, monkeypatch, tmp_path):
    monkeypatch.setenv("UNISCALE_SOURCE__EVENTS_DIR", str(tmp_path / "logs"))
    done = invoke("unland", DAY_1, "--yes")
    assert done.exit_code == 0
    assert "the next run lands these days again" in done.stderr


def test_a_question_that_means_two_things_is_refused(landed):
    for words in ((), (DAY_1, "--source", "events"), (DAY_2, DAY_1)):
        assert invoke("unland", *words, "--yes").exit_code == 2


def test_samples_are_named_by_provenance_and_tier_and_lineage_takes_them(installation):
    kinds = document("samples", "2026-01-06")["kinds"]
    found = {(kind["query_tier"], kind["provenance"]): kind for kind in kinds}
    assert found[0, "attributed_unexposed"]["sample_ids"] == ["r-a1"]
    assert (found[0, "native"]["num_samples"], set(found[0, "native"]["sample_ids"])) == (2, {"r-a1", "r-b1"})
    assert {kind["query"] for kind in kinds} <= {"real", "own past", "co-occurring", "nearest"}
    sample = kinds[-1]["sample_ids"][0]
    assert document("lineage", sample)["sample"]["sample_id"] == sample
    done = invoke("samples", "2026-01-06")
    assert "follow one: uniscale lineage r-a1" in done.stderr


def test_what_was_made_for_the_day_goes_too_and_runs_that_read_it_are_done_again(installation):
    _, lake = installation
    samples = samples_of(lake)
    told = document("unland", "2026-01-06", "--yes")
    assert {"raw.requests", "es3.samples", "ml.frames", "marts.fct_exposures"} <= set(told["rows"])
    tables, notes = days_of(lake)
    assert SIXTH not in notes
    assert not any(SIXTH in days for days in tables.values())
    assert document("samples", "2026-01-07")["kinds"]
    small_log().land(lake)
    assert run_steps("land", "marts", "samples") == {"land": True, "marts": True, "samples": True}
    assert samples_of(lake) == samples
