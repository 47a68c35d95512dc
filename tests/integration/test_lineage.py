"""The way from a sample back to the log, on to the models, and from a user to everything that names them."""

import json
import re
from datetime import date, datetime
from urllib.parse import urlencode

import pytest
from support_dashboard import dashboard
from support_servers import get
from typer.testing import CliRunner

from tests.support_lineage import ANNA, BERT, DS
from uniscale.cli.main import app
from uniscale.lineage.sample import sample_lineage
from uniscale.lineage.user import user_lineage

SIXTH = date(2026, 1, 6)


@pytest.fixture(scope="module")
def read_only(grown):
    """The installation, which these tests only read."""
    from tests.support_lineage import at_home

    with pytest.MonkeyPatch.context() as patch:
        yield at_home(patch, grown)


def by_item(found):
    return {entry["item_id"]: entry for entry in found["items"]}


def test_a_real_sample_leads_to_its_request_actions_labels_features_and_models(read_only):
    settings, lake = read_only
    found = sample_lineage(settings, lake, "r-a1")
    assert (found["request"]["user_id"], found["request"]["query_text"]) == (ANNA, "Red Shoe")
    assert [row["item_id"] for row in found["candidates"]] == ["s1", "s2", "h1", "s3"]
    assert found["sample"]["is_synthetic"] is False
    assert found["sample"]["label_as_of"] == datetime(2026, 1, 8)

    items = by_item(found)
    assert [action["action_id"] for action in items["s1"]["native_actions"]] == ["n1"]
    (click,) = items["s3"]["outside_actions"]
    assert (click["action_id"], click["target"], click["delay_hours"]) == ("o1", "unexposed", 1.0)
    (purchase,) = items["s2"]["outside_actions"]
    assert (purchase["action_id"], purchase["target"], purchase["delay_hours"]) == ("o2", "exposed_unclicked", 2.5)
    assert purchase["logged"]["unit_price"] == 20.0
    assert (items["s2"]["provenance"], items["s2"]["action_id"]) == ("attributed_exposed", "o2")

    assert (found["written"]["is_kept"], found["evidence_at"]) == (True, found["written"]["snapshot_id"])
    assert found["written"]["message"].startswith("samples of 2026-01-06")
    assert found["frame"]["snapshot_id"] > found["written"]["snapshot_id"]
    with lake.read() as con:
        query = "select build_key from ops.partitions where table_name = 'es3.samples' and ds = ?"
        assert found["build_key"] == con.execute(query, [SIXTH]).fetchone()[0]
    versions = {(row["table"], row["key"]): row["feature_at"] for row in found["features"]}
    assert versions["features.user_features", ANNA] == datetime(2026, 1, 6)
    assert ("features.item_features", "s3") in versions
    assert not any(key == "red shoe" for _, key in versions)  # nobody had asked it before
    assert [model["version"] for model in found["models"]["trained"]] == ["1"]
    assert [model["version"] for model in found["models"]["unknown"]] == ["3"]


def test_feature_versions_are_the_newest_before_the_request(read_only):
    settings, lake = read_only
    found = sample_lineage(settings, lake, "r-b2")
    versions = {(row["table"], row["key"]): row["feature_at"] for row in found["features"]}
    assert versions["features.query_features", "red shoe"] == datetime(2026, 1, 7)
    assert versions["features.user_features", BERT] == datetime(2026, 1, 7)


def test_of_user_and_category_the_versions_of_the_sampled_items_are_told(read_only):
    settings, lake = read_only
    found = sample_lineage(settings, lake, "r-a2")
    pairs = [row for row in found["features"] if row["table"] == "features.user_category_features"]
    assert [(row["key"], row["feature_at"]) for row in pairs] == [(f"{ANNA}, shoes", datetime(2026, 1, 7))]


def test_a_synthetic_sample_leads_to_the_outside_clicks_and_the_query_behind_it(read_only):
    settings, lake = read_only
    found = sample_lineage(settings, lake, "f-a1~sshoes", ds=DS)
    sample = found["sample"]
    assert (sample["is_synthetic"], sample["query_tier"], sample["query_text"]) == (True, 1, "red shoe")
    assert 0.1 <= sample["query_confidence"] < 1
    assert (found["request"]["domain"], found["query"]["category_id"]) == ("feed", "shoes")
    items = by_item(found)
    assert [action["action_id"] for action in items["s4"]["native_actions"]] == ["n3"]
    assert items["s4"]["is_clicked"] and not items["s2"]["native_actions"]


def test_the_evidence_is_read_as_it_was_when_the_sample_was_written(installation):
    settings, lake = installation
    lake.commit(lambda con: con.execute("delete from raw.actions where action_id = 'n1'"), "an action is lost")
    assert by_item(sample_lineage(settings, lake, "r-a1"))["s1"]["native_actions"] != []
    lake.maintain(keep_days=0)
    found = sample_lineage(settings, lake, "r-a1")
    assert (found["written"]["is_kept"], found["evidence_at"]) == (False, None)
    assert by_item(found)["s1"]["native_actions"] == []


def test_an_unknown_sample_or_item_is_answered_with_close_ones(read_only):
    settings, lake = read_only
    with pytest.raises(ValueError, match=r"no sample 'r-a7'; it holds samples of 2026-01-06..2026-01-07, the closest "):
        sample_lineage(settings, lake, "r-a7")
    with pytest.raises(ValueError, match="a feed request of 2026-01-07 has this identifier"):
        sample_lineage(settings, lake, "f-a1")
    with pytest.raises(ValueError, match="sample r-b2 has no item 's9'; it has s1, s2"):
        sample_lineage(settings, lake, "r-b2", item="s9")


def test_a_user_leads_to_days_per_table_and_to_models(read_only):
    settings, lake = read_only
    found = user_lineage(settings, lake, ANNA)
    assert found["tables"]["es3.samples"] == {SIXTH: 1, DS: 2}
    assert found["tables"]["ml.frames"] == {SIXTH: 1, DS: 2, date(2026, 1, 8): 1}
    assert found["tables"]["raw.candidates"][SIXTH] == 4
    assert found["tables"]["raw.quarantine"] == {None: 3}
    assert found["tables"]["ml.predictions"] == {DS: 1}
    (model,) = found["models"]["trained"]
    assert (model["version"], model["is_champion"], model["days"]) == ("1", True, [SIXTH, DS])
    with pytest.raises(ValueError, match="no table of the lake has a row of user 'ann'"):
        user_lineage(settings, lake, "ann")


def test_the_command_tells_it_to_people_and_to_programs(read_only):
    runner = CliRunner()
    told = runner.invoke(app, ["lineage", "r-a1"])
    assert told.exit_code == 0, told.output
    words = " ".join(told.stdout.replace("│", " ").split())
    for part in ("request r-a1 of user anna-7731", "click o1 in feed, 1.0 h later, to the unexposed row", "version 1"):
        assert part in words
    assert (
        json.loads(runner.invoke(app, ["lineage", "r-a1", "--item", "s1", "--json"]).stdout)["items"][0]["item_id"]
        == "s1"
    )
    assert "h1: native, clicked and carted, weight 1" in runner.invoke(app, ["lineage", "r-b1"]).stdout
    assert "es3.samples" in runner.invoke(app, ["lineage", "--user", ANNA]).stdout
    assert "reads marts.query_item_stats: the day" in runner.invoke(app, ["lineage", "--table", "es3.samples"]).stdout
    found = json.loads(runner.invoke(app, ["lineage", "--table", "marts.item_versions", "--json"]).stdout)
    assert found["made_by"][0]["reads"] == [{"table": "raw.items", "days": "from the first day of the log to the day"}]
    assert {"requests", "samples"} <= set(found["read_by"])
    tables = json.loads(runner.invoke(app, ["lineage", "--user", ANNA, "--json"]).stdout)["tables"]
    assert tables["raw.quarantine"] == {"unknown": 3}
    for words in (["lineage"], ["lineage", "r-a1", "--user", ANNA], ["lineage", "r-a7"]):
        assert runner.invoke(app, words).exit_code == 2


def test_the_dashboard_shows_a_sample_a_user_and_a_model(read_only):
    settings, _ = read_only
    with dashboard(settings) as base:
        sample, user, model = (
            re.sub(r"<[^>]+>", " ", get(f"{base}/lineage?{urlencode({'kind': kind, 'id': name})}"))
            for kind, name in (("sample", "r-a1"), ("user", ANNA), ("model", "1"))
        )
        assert "r-a1" in get(f"{base}/lineage?{urlencode({'kind': 'sample', 'id': 'r-a9'})}")  # close ones are named
    assert "click o1 in feed, 1.0 h later" in sample and "Red Shoe" in sample
    assert "raw.candidates" in user and "version 1" in user
    assert "its run in MLflow" in model and "2 days, 2026-01-06 to 2026-01-07" in model
