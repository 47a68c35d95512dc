"""dbt's own commands on a lake: how fresh the sources are, and the catalogue of what is built."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.support_warehouse import Log, day, moment
from uniscale.contracts.features import FEATURE_TABLES
from uniscale.contracts.marts import MART_TABLES
from uniscale.warehouse.build import build_marts
from uniscale.warehouse.project import main, state_folder


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
