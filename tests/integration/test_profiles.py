"""Profiles of a day on a real lake: every population and column, the same rows every time."""

import shutil
from datetime import date

import duckdb
import pyarrow as pa
import pytest

from monitoring.cross_domain.contrasts import contrasts
from monitoring.drift.store import find_drift, read_profiles
from monitoring.profiling.scan import Rows, cell_of, profiles
from monitoring.profiling.store import profile_day
from tests.support_lineage import DS, at_home
from uniscale.config.thresholds import load_thresholds
from uniscale.contracts.frames import ITEM_NUMERIC, QUERY_NUMERIC, USER_NUMERIC
from uniscale.contracts.monitor import FINDINGS, PROFILES


@pytest.fixture
def installation(grown, tmp_path, monkeypatch):
    shutil.copytree(grown, tmp_path / "home")
    return at_home(monkeypatch, tmp_path / "home")


def stored(lake, table):
    with lake.read() as con:
        return con.execute(f"from lake.{table.qualified} order by all").fetchall()


def test_a_day_run_again_writes_the_same_profiles_and_days_before_keep_theirs(installation):
    settings, lake = installation
    assert profile_day(settings, lake, DS) > 0
    first = stored(lake, PROFILES)
    profile_day(settings, lake, DS)
    assert stored(lake, PROFILES) == first
    assert {row[0] for row in first} == {date(2026, 1, 6), DS}


def test_every_input_of_a_ranker_is_profiled_and_a_column_without_any_value_too(installation):
    settings, lake = installation
    profile_day(settings, lake, DS)
    with lake.read() as con:
        day = read_profiles(con, DS, DS)[DS]
    for name in (*USER_NUMERIC, *QUERY_NUMERIC, *ITEM_NUMERIC):
        assert ("training/search/native/0", name) in day
        assert ("test/search/native/0", name) in day
    queries = day["requests/feed", "query_text"]
    assert queries["num_nulls"] == queries["num_rows"] > 0
    assert queries["quantiles"] is None
    clicks = day["exposures/search/shown", "is_clicked"]
    assert (clicks["mean"], clicks["num_rows"], clicks["num_requests"]) == (0.0, 2, 2)
    assert day["actions/feed", "action"]["num_rows"] == 1
    assert {row["column_name"] for row in contrasts(DS, day, "search")} >= {"text_match", "price", "is_clicked"}


def test_findings_of_a_day_are_replaced_as_a_whole(installation):
    settings, lake = installation
    profile_day(settings, lake, DS)
    limits = load_thresholds().drift.model_copy(update={"min_days": 1, "min_requests": 1})
    lake.commit(
        lambda con: con.execute(f"delete from lake.{PROFILES.qualified} where ds = ? and stage = 'actions'", [DS]),
        "lost",
    )
    lost = ("actions/feed", "missing_population")
    assert lost in {(row["population"], row["what"]) for row in find_drift(lake, DS, settings.domains, limits)}
    profile_day(settings, lake, DS)
    kept = find_drift(lake, DS, settings.domains, limits)
    assert lost not in {(row["population"], row["what"]) for row in kept}
    assert len(stored(lake, FINDINGS)) == len(kept)


def test_a_profile_does_not_depend_on_the_order_of_rows_and_names_no_rare_value():
    values = [0.1, 0.2, 0.3, None, float("nan"), 1e9] * 20
    names = ["red"] * 60 + ["blue"] * 57 + ["anna-7731"] * 3
    found = []
    for step in (1, -1):
        with duckdb.connect() as con:
            con.register("t", pa.table({"v": values[::step], "c": names[::step], "f": [True, False, None] * 40}))
            cell = cell_of("date '2026-01-07'", domain="'search'")
            sql = f"select {cell}, c as group_id, 0.1 as weight, null::timestamp as label_as_of, v, c, f from t"
            found.append(
                profiles(con, Rows(stage="test", sql=sql, columns={"v": "number", "c": "category", "f": "flag"}))
            )
    assert found[0] == found[1]
    number, category, flag = found[0]
    assert (number["num_rows"], number["num_nulls"], number["quantiles"][6]) == (120, 40, 0.25)
    assert (category["top_values"], category["top_counts"], category["num_distinct"]) == (["red", "blue"], [60, 57], 3)
    assert (flag["mean"], flag["num_nulls"]) == (0.5, 40)
