"""The marts of small logs, built by dbt on a lake of their own."""

from datetime import timedelta

import pytest
import yaml

from tests.support_warehouse import Log, day, moment, rows
from uniscale.config import load_settings
from uniscale.contracts.all_tables import BUILT_BY_DBT
from uniscale.contracts.features import FEATURE_TABLES
from uniscale.contracts.marts import MART_TABLES
from uniscale.contracts.policy import DEFAULT_POLICY
from uniscale.lake import Lake
from uniscale.warehouse import build
from uniscale.warehouse.build import build_marts
from uniscale.warehouse.project import DbtFailedError, run_dbt, state_folder

ALL = tuple(table.qualified for table in BUILT_BY_DBT)

ALL_DAYS = {
    "item_versions": 6,
    "outside": 11,
    "requests": 3,
    "query_stats": 2,
    "carried": 1,
    "counts": 33,
    "features": 3,
    "fresh_actions": 3,
}
"""What the run of the fifth builds when nothing is there."""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Settings and lake of an installation that the tests of this module take forward from day to day."""
    with pytest.MonkeyPatch.context() as patch:
        yield new_world(patch, tmp_path_factory.mktemp("warehouse"))


def new_world(patch, home):
    patch.chdir(home)
    patch.setenv("UNISCALE_HOME", str(home / "home"))
    settings = load_settings()
    settings.window.train_days = 2
    settings.window.eval_days = 1
    lake = Lake(settings)
    lake_log().land(lake)
    return settings, lake


def lake_log() -> Log:
    log = Log()
    log.user("u", moment("01 00:00"), age="30", city="B")
    for item_id in "abc":
        log.item(item_id, moment("01 00:00"), category_id=f"category_{item_id}", price=9.0)
    log.request("r5", "u", moment("05 10:00"), exposed="ab", unexposed="c", query="  Red   SHOE ")
    log.act("native", "u", "a", "click", moment("05 10:01"), request_id="r5", domain="search")
    log.act("soon", "u", "c", "click", moment("05 12:00"))
    log.act("late", "u", "b", "click", moment("05 13:00"), late=timedelta(days=2))
    log.request("r7", "u", moment("07 10:00"), exposed="a", query="blue shoe")
    return log


def everything(lake):
    with lake.read() as con:
        return {table: con.execute(f"from {table} order by all").fetchall() for table in ALL}


def test_labels_and_attributions_of_a_young_day(world):
    settings, lake = world

    told = build_marts(settings, lake, day(5))

    assert rows(lake, "select item_id, is_exposed, is_clicked from marts.fct_exposures order by all") == [
        ("a", True, True),
        ("b", True, False),
        ("c", False, False),
    ]
    assert rows(lake, "select action_id, item_id, target, is_final from marts.fct_attributions") == [
        ("soon", "c", "unexposed", False)
    ]
    queries = "select distinct query_text, normalised_query from marts.fct_exposures"
    assert rows(lake, queries) == [("  Red   SHOE ", "red shoe")]
    assert told["exposures"] == 3
    assert told["attributed"] == {"click to unexposed": 1}
    assert told["days_built"] == ALL_DAYS
    nodes = {node["name"]: node for node in told["nodes"]}
    assert set(nodes) >= {table.name for table in MART_TABLES}
    assert nodes["fct_exposures"]["rows"] == rows(lake, "select count(*) from marts.fct_exposures")[0][0]
    assert {node["status"] for node in told["nodes"] if node["kind"] == "test"} == {"pass"}
    assert {node["rows"] for node in told["nodes"] if node["kind"] == "test"} == {0}


def test_a_second_run_builds_nothing_and_says_the_same(world):
    settings, lake = world
    before = everything(lake)
    snapshot = lake.snapshot_id()

    told = build_marts(settings, lake, day(5))

    assert told["days_built"] == dict.fromkeys(ALL_DAYS, 0)
    assert told["exposures"] == 3
    assert lake.snapshot_id() == snapshot
    assert everything(lake) == before


def test_tables_of_an_older_contract_are_made_again_and_built_again(world, caplog):
    settings, lake = world
    before = everything(lake)

    def take_back(con):
        con.execute("alter table lake.marts.fct_exposures drop column normalised_query")
        con.execute("alter table lake.features.user_features drop column user_num_clicks_7d")
        con.execute("alter table lake.features.query_features add column from_before varchar")

    lake.commit(take_back, "as an older contract had it")
    again = build_marts(settings, lake, day(5))

    assert {group for group, days in again["days_built"].items() if days} == {"requests", "features"}
    names = "marts.fct_exposures, features.user_features, features.query_features"
    assert f"{names} had other columns; made again" in caplog.text
    assert everything(lake) == before
    for table in (*MART_TABLES, *FEATURE_TABLES):
        with lake.read() as con:
            described = con.execute(f"describe lake.{table.qualified}").fetchall()
        assert [row[0] for row in described] == list(table.column_names)


def test_a_forced_build_makes_every_day_again(world):
    settings, lake = world
    before = everything(lake)
    spoil = "delete from lake.marts.fct_exposures where ds = date '2026-01-05'"
    lake.commit(lambda con: con.execute(spoil), "spoil")

    told = build_marts(settings, lake, day(5), force=True)

    assert told["days_built"] == ALL_DAYS
    assert everything(lake) == before


def test_a_build_that_failed_half_way_is_finished_by_the_same_call_with_the_same_rows(world, monkeypatch):
    settings, lake = world
    before = everything(lake)
    monkeypatch.setattr("uniscale.lake.keys.code_of", lambda _: "other")

    def killed(settings, lake, arguments, variables):
        run_dbt(settings, lake, ["build", "--select", "fct_exposures", *arguments[-2:]], variables)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(build, "run_dbt", killed)
        with pytest.raises(KeyboardInterrupt):
            build_marts(settings, lake, day(5))
    told = build_marts(settings, lake, day(5))

    assert told["days_built"] == ALL_DAYS
    assert everything(lake) == before


def test_a_young_day_is_restated_by_later_runs_though_they_no_longer_train_on_it(world):
    settings, lake = world
    of_day_5 = "select action_id, is_final from marts.fct_attributions where ds = date '2026-01-05' order by all"
    assert rows(lake, of_day_5) == [("soon", False)]

    build_marts(settings, lake, day(7))

    assert settings.window.train_days == 2
    assert rows(lake, of_day_5) == [("late", False), ("soon", False)]


def test_a_day_ends_with_final_labels_and_is_then_left_alone(world):
    settings, lake = world

    built = {ds: build_marts(settings, lake, day(ds))["days_built"]["requests"] for ds in (13, 14)}

    assert rows(lake, "select distinct is_final from marts.fct_exposures where ds = date '2026-01-05'") == [(True,)]
    # The run of 13 states days 5 to 14. That of 14 leaves day 5, which is final, and day 14, whose labels were stated
    # at the same moment as a test day; it states days 6 to 13 and day 15.
    assert built == {13: 10, 14: 9}
    build_marts(settings, lake, day(7))


def test_an_empty_day_gives_no_row_and_removes_the_rows_it_had(world):
    settings, lake = world
    log = lake_log()
    log.requests.pop()
    log.candidates.pop()
    log.land(lake)

    build_marts(settings, lake, day(7))

    assert rows(lake, "select count(*) from marts.fct_exposures where ds = date '2026-01-07'") == [(0,)]
    assert rows(lake, "select count(*) from marts.fct_exposures where ds = date '2026-01-06'") == [(0,)]
    assert rows(lake, "select count(*) from marts.fct_exposures where request_id is null") == [(0,)]
    lake_log().land(lake)


def test_later_days_do_not_change_a_final_day(world, monkeypatch):
    settings, lake = world
    settings.window.train_days = 11
    build_marts(settings, lake, day(15))
    final = rows(lake, "from marts.fct_attributions where ds = date '2026-01-05' order by all")
    log = lake_log()
    log.request("r16", "u", moment("16 10:00"), exposed="abc", query="red shoe")
    log.act("much later", "u", "c", "purchase", moment("16 11:00"))
    log.land(lake)

    monkeypatch.setattr("uniscale.lake.keys.code_of", lambda _: "other")
    told = build_marts(settings, lake, day(15))

    assert told["days_built"]["requests"] == 12
    assert {row[-1] for row in final} == {True}
    assert rows(lake, "from marts.fct_attributions where ds = date '2026-01-05' order by all") == final
    assert rows(lake, "select request_id, target from marts.fct_attributions where action_id = 'much later'") == [
        ("r16", "exposed_unclicked")
    ]


def test_query_statistics_use_earlier_days_only(world):
    _, lake = world

    found = rows(
        lake, "select ds, query_text, category_id, num_clicks from marts.query_item_stats order by all limit 1"
    )

    assert found == [(day(6), "red shoe", "category_a", 1)]
    assert rows(lake, "select min(confidence) > 0.54, max(confidence) < 0.56 from marts.query_item_stats") == [
        (True, True)
    ]


def test_values_changed_under_the_same_version_are_warned_of(world, tmp_path, caplog):
    settings, lake = world
    content = yaml.safe_load(DEFAULT_POLICY.read_text(encoding="utf-8"))
    content["weights"]["native"] = 0.5
    settings.policy = tmp_path / "policy.yaml"
    settings.policy.write_text(yaml.safe_dump(content), encoding="utf-8")

    build_marts(settings, lake, day(16))

    assert f"policy version {content['version']} stood for other values in runs of 2026-01-05 to" in caplog.text
    settings.policy = None


def test_a_policy_with_apostrophes_is_data_and_not_sql(world, tmp_path):
    settings, lake = world
    content = yaml.safe_load(DEFAULT_POLICY.read_text(encoding="utf-8"))
    content["version"] = "O'Neil's"
    content["attribution"]["click"].update(match="cluster", cluster_attribute="product's family")
    settings.policy = tmp_path / "policy.yaml"
    settings.policy.write_text(yaml.safe_dump(content), encoding="utf-8")

    build_marts(settings, lake, day(16))

    assert rows(lake, "select distinct policy_version from marts.fct_attributions where ds = date '2026-01-16'") == [
        ("O'Neil's",)
    ]
    settings.policy = None


def test_a_failing_test_is_named_with_its_message_and_finds_the_illegal_column_and_the_twins(settings, lake):
    settings.window.train_days = 1
    log = lake_log()
    log.candidates.append(dict(next(row for row in log.candidates if row["item_id"] == "b")))
    log.land(lake)

    with pytest.raises(DbtFailedError, match=r"sound_rows_of_fct_exposures.*Got 1 result"):
        build_marts(settings, lake, day(5))

    spoil = "update lake.marts.fct_exposures set position = 0 where item_id = 'a'"
    lake.commit(lambda con: con.execute(spoil), "spoilt")

    told = {"request_days": [{"ds": day(5)}]}
    with pytest.raises(DbtFailedError, match=r"sound_rows_of_fct_exposures: Got 2 results"):
        run_dbt(settings, lake, ["test", "--select", "sound_rows_of_fct_exposures"], told)

    (query,) = state_folder(settings).glob("target/compiled/**/sound_rows_of_fct_exposures.sql")
    faults = {("r5", "a", "illegal position"), ("r5", "b", "not the only row of its key")}
    assert set(rows(lake, query.read_text(encoding="utf-8"))) == faults


def test_the_unit_tests_of_attribution_pass(world):
    settings, lake = world

    results = run_dbt(settings, lake, ["test", "--select", "test_type:unit"])

    assert len(results) >= 24
    assert {result.status for result in results} == {"pass"}


def test_features_may_be_made_to_count_what_became_known_later_and_labels_stay(world):
    settings, lake = world
    lake_log().land(lake)
    clicks = "select user_num_clicks_1d, item_num_outside_clicks from features.user_features, features.item_features i "
    clicks += "where user_features.ds = date '2026-01-05' and i.ds = user_features.ds and i.item_id = 'b'"
    history = "select history_items from features.user_sequences where ds = date '2026-01-05'"
    fresh = "select fresh_action_ids from features.user_fresh_actions where ds = date '2026-01-05' order by feature_at"

    build_marts(settings, lake, day(5))
    honest = rows(lake, clicks), rows(lake, history), rows(lake, fresh)[-1]
    labels = rows(lake, "from marts.fct_exposures order by all")
    settings.features.leaky = True
    told = build_marts(settings, lake, day(5))
    leaked = rows(lake, clicks), rows(lake, history), rows(lake, fresh)[-1]

    assert honest == ([(2, 0)], [(["a", "c"],)], (["native", "soon"],))
    assert leaked == ([(3, 1)], [(["a", "c", "b"],)], (["native", "soon", "late"],))
    assert told["days_built"]["requests"] == told["days_built"]["query_stats"] == 0
    assert rows(lake, "from marts.fct_exposures order by all") == labels
    settings.features.leaky = False


def carried_users(lake):
    return rows(lake, "select ds, user_id from carried.users_seen order by all")


@pytest.fixture(scope="module")
def carried(tmp_path_factory):
    """Like ``world``, for the tests of what is carried."""
    with pytest.MonkeyPatch.context() as patch:
        yield new_world(patch, tmp_path_factory.mktemp("carried"))


def test_what_is_carried_is_made_from_the_day_before_and_the_new_day_alone(carried):
    settings, lake = carried
    build_marts(settings, lake, day(8))
    assert carried_users(lake) == [(day(5), "u")]
    by_hand = "insert into lake.carried.users_seen values (date '2026-01-05', 'by hand', date '2026-01-02')"
    lake.commit(lambda con: con.execute(by_hand), "to see what is read")

    build_marts(settings, lake, day(9))
    assert carried_users(lake) == [(day(5), "by hand"), (day(5), "u"), (day(6), "by hand"), (day(6), "u")]

    build_marts(settings, lake, day(9), force=True)
    assert carried_users(lake) == [(day(5), "by hand"), (day(5), "u"), (day(6), "u")]


def test_what_is_carried_comes_from_the_whole_log_when_an_old_day_was_landed_again_and_two_days_are_kept(carried):
    settings, lake = carried
    log = lake_log()
    log.act("found later", "v", "a", "click", moment("03 12:00"))
    log.land(lake)

    build_marts(settings, lake, day(10))

    assert carried_users(lake) == [(day(6), "u"), (day(7), "u"), (day(7), "v")]
    first_day = "select user_id, history_items from features.user_sequences where ds = date '2026-01-08' order by all"
    assert rows(lake, first_day) == [("u", ["a", "c", "b"]), ("v", ["a"])]
    noted = "select distinct ds from ops.partitions where table_name like 'carried.%' order by all"
    assert rows(lake, noted) == [(day(6),), (day(7),)]


def test_an_empty_lake_builds_empty_marts(settings, lake):
    settings.window.train_days = 2

    told = build_marts(settings, lake, day(5))

    assert told["exposures"] == 0
    assert told["attributed"] == {}
    assert all(found == [] for found in everything(lake).values())
