"""dbt's own commands on a lake: how fresh the sources are, and the catalogue of what is built."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from dbt.cli.main import dbtRunner

from tests.support_warehouse import Log, day, moment
from uniscale.contracts.features import FEATURE_TABLES
from uniscale.contracts.marts import MART_TABLES
from uniscale.contracts.outcomes import PARTITIONS
from uniscale.contracts.policy import load_policy
from uniscale.warehouse.build import build_marts
from uniscale.warehouse.project import DBT_PROJECT, main, state_folder
from uniscale.warehouse.variables import dbt_variables


def small_log(at: datetime) -> Log:
    log = Log()
    log.request("r", "u", at, exposed="a", query="red shoe")
    log.act("k", "u", "a", "click", at + timedelta(minutes=1), request_id="r", domain="search")
    return log


def test_sources_that_came_in_today_are_fresh(lake, capsys):
    small_log(datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=2)).land(lake)

    assert main(["source", "freshness"]) == 0

    told = [line.split() for line in capsys.readouterr().err.splitlines() if "newest row" in line]
    assert {(line[0], line[4]) for line in told} == {
        ("pass", "actions"),
        ("pass", "candidates"),
        ("pass", "requests"),
    }


def test_sources_that_stopped_coming_are_named_with_their_newest_row(lake, capsys):
    small_log(moment("05 10:00")).land(lake)

    assert main(["source", "freshness"]) == 1

    told = capsys.readouterr().err
    for source, newest in (("requests", "05 10:00"), ("actions", "05 10:01"), ("candidates", "06 00:00")):
        assert f"source {source}: the newest row is of 2026-01-{newest} UTC" in told


@pytest.mark.parametrize("command", [["source", "freshness"], ["docs", "generate"]], ids=" ".join)
def test_without_a_lake_the_way_to_one_is_told(settings, capsys, command):
    assert main(command) == 2
    assert "land events first" in capsys.readouterr().err


def test_the_catalogue_lists_every_mart_and_feature_with_its_columns(settings, lake):
    small_log(moment("05 10:00")).land(lake)
    settings.window.train_days = 1
    build_marts(settings, lake, day(5))

    assert main(["docs", "generate", "--static"]) == 0

    target = state_folder(settings) / "target"
    catalogue = json.loads((target / "catalog.json").read_text(encoding="utf-8"))
    told = json.loads((target / "manifest.json").read_text(encoding="utf-8"))["nodes"]
    page = (target / "static_index.html").read_text(encoding="utf-8")
    for table in (*MART_TABLES, *FEATURE_TABLES):
        name = f"model.uniscale.{table.name}"
        assert list(catalogue["nodes"][name]["columns"]) == list(table.column_names)
        for column in table.columns:
            assert " ".join(told[name]["columns"][column.name]["description"].split()) == column.description
        assert table.grain in page


@pytest.fixture
def dbt(tmp_path, monkeypatch):
    """A ``dbt`` as somebody types it in the folder of the project, with no variable of ours."""
    monkeypatch.chdir(DBT_PROJECT)
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(tmp_path / "logs"))
    return lambda *words: dbtRunner().invoke(list(words))


def test_plain_dbt_lists_the_models_without_a_lake(settings, dbt):
    answer = dbt("ls", "--resource-type", "model", "--select", "marts")
    assert {name.rsplit(".", 1)[-1] for name in answer.result} == {table.name for table in MART_TABLES}
    assert not settings.home.exists()


def test_plain_dbt_says_what_is_missing_where_there_is_no_lake(settings, dbt, capfd):
    answer = dbt("build", "--select", "fct_exposures")
    assert not answer.success
    told = capfd.readouterr().out + str(answer.exception)
    assert "land events first" in told
    assert "Traceback" not in told
    assert not (settings.home / "lake").exists()


def test_plain_dbt_builds_the_newest_day_as_a_run_does_and_leaves_the_proof_to_the_next_run(
    settings, lake, dbt, monkeypatch, capfd
):
    for at in (moment("05 10:00"), moment("06 10:00")):
        log = Log()
        log.request(f"r{at.day}", "u", at, exposed="a", query="red shoe")
        log.act(f"k{at.day}", "u", "a", "click", at + timedelta(minutes=1), request_id=f"r{at.day}", domain="search")
        log.land(lake)
    monkeypatch.setenv("UNISCALE_WINDOW__TRAIN_DAYS", "1")
    settings.window.train_days = 1
    build_marts(settings, lake, day(5))
    rows = "from marts.fct_exposures order by all"
    with lake.read() as con:
        before = con.execute(rows).fetchall()
    assert before

    answer = dbt("build", "--select", "fct_exposures")

    assert answer.success, answer.exception
    assert "days of fct_exposures: 2026-01-06" in capfd.readouterr().out
    assert "unit_test" in {entry.node.resource_type for entry in answer.result.results}
    with lake.read() as con:
        assert con.execute(rows).fetchall() == before
        noted = con.execute(
            f"select ds from {PARTITIONS.qualified} where table_name = 'marts.fct_exposures' order by ds"
        ).fetchall()
    assert noted == [(day(5),)]
    assert build_marts(settings, lake, day(5))["days_built"]["requests"] == 1


def test_plain_dbt_counts_all_days_that_the_newest_feature_day_sums(settings, lake, dbt, monkeypatch):
    log = Log()
    for at in (moment("04 10:00"), moment("05 10:00"), moment("06 10:00"), moment("07 10:00")):
        log.request(f"r{at.day}", "u", at, exposed="a", query="red shoe")
        log.act(f"k{at.day}", "u", "a", "click", at + timedelta(minutes=1), request_id=f"r{at.day}", domain="search")
    log.land(lake)
    monkeypatch.setenv("UNISCALE_WINDOW__TRAIN_DAYS", "1")
    settings.window.train_days = 1
    newest = "from features.item_features where ds = date '2026-01-06'"

    answer = dbt("build", "--select", "+item_features", "--exclude-resource-type", "unit_test")

    assert answer.success, answer.exception
    with lake.read() as con:
        by_dbt = con.execute(newest).fetchall()
    build_marts(settings, lake, day(6))
    with lake.read() as con:
        assert con.execute(newest).fetchall() == by_dbt
        assert con.execute(f"select item_num_clicks {newest}").fetchall() == [(3,)]


def test_models_ask_for_all_that_a_run_tells_and_for_nothing_else(settings):
    project = yaml.safe_load((DBT_PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))
    told = set(dbt_variables(settings, load_policy(None), {}))
    assert set(project["vars"]["at_parse"]) == told
    sources = [path.read_text(encoding="utf-8") for path in DBT_PROJECT.rglob("*.sql")]
    asked = {name for text in sources for name in re.findall(r'\bvar\("(\w+)"\)', text)}
    assert not asked & told


def test_plain_dbt_builds_the_versions_of_items_of_all_days_that_no_run_has_built(settings, lake, dbt, capfd):
    log = small_log(moment("06 10:00"))
    log.item("a", moment("03 00:00"))
    log.item("a", moment("05 00:00"))
    log.land(lake)
    settings.window.train_days = 1

    for days in ("2026-01-03, 2026-01-04, 2026-01-05, 2026-01-06", "2026-01-06"):
        assert dbt("build", "--select", "item_versions").success
        assert f"days of item_versions: {days}\n" in capfd.readouterr().out
        with lake.read() as con:
            known = con.execute("select ds from marts.item_versions order by all").fetchall()
        assert known == [(day(3),), (day(5),)]
        build_marts(settings, lake, day(5))
