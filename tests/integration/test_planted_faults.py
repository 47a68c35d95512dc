"""Faults planted in the log of one day are found in the profiles of what was landed; benchmarks have the rest."""

import shutil
from datetime import timedelta

import pytest

from benchmarks.monitoring.plants import PLANTS
from monitoring.drift.findings import find
from monitoring.profiling.logged import logged
from monitoring.profiling.scan import profiles
from tests.support_market import START, TINY, write_tiny
from uniscale.config.thresholds import load_thresholds
from uniscale.contracts.marts import ITEM_VERSIONS
from uniscale.lake import Lake
from uniscale.simulator.sizes import SIZES
from uniscale.sources.event_files import event_files
from uniscale.sources.ingest import ingest_files

DAYS = [START + timedelta(days=number) for number in range(7)]
BY_NAME = {plant.name: plant for plant in PLANTS}


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SIZES, "tiny", TINY)
        return write_tiny(tmp_path_factory.mktemp("shop"), days=len(DAYS)) / "events"


def found(settings, lake, events):
    ingest_files(settings, lake, event_files(events))
    lake.commit(lambda con: Lake.create(con, ITEM_VERSIONS), "no marts")
    by_day = {day: {} for day in DAYS}
    with lake.read() as con:
        for rows in logged(con, DAYS):
            for one in profiles(con, rows):
                by_day[one["ds"]][one["population"], one["column_name"]] = one
    rows = find(DAYS[-1], by_day, settings.domains, load_thresholds().drift)
    return {(row["population"], row["column_name"], row["what"]) for row in rows}


def test_a_day_without_a_fault_is_quiet(settings, lake, log):
    assert found(settings, lake, log) == set()


@pytest.mark.parametrize("name", ["counted twice", "new domain"])
def test_a_planted_fault_is_named_by_its_population_and_column(settings, lake, log, tmp_path, name):
    plant = BY_NAME[name]
    shutil.copytree(log, tmp_path / "events")
    plant.in_log(tmp_path / "events", DAYS[-1])
    assert (plant.population, plant.column, plant.what) in found(settings, lake, tmp_path / "events")
