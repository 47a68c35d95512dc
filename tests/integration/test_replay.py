"""A past day built again from what it read equals what was kept; what was changed since is named."""

import json
from dataclasses import replace

import pytest
import yaml
from typer.testing import CliRunner

from tests.support_lineage import DS, at_home, small_log
from uniscale.cli.main import app
from uniscale.lineage import replay
from uniscale.lineage.compare import Partition
from uniscale.lineage.replay import find_run, restored
from uniscale.pipeline import ledger

TABLES = {
    "marts.fct_exposures",
    "marts.fct_attributions",
    "marts.query_item_stats",
    "features.user_features",
    "features.item_features",
    "features.query_features",
    "features.user_sequences",
    "es3.samples",
    "ml.frames/train",
    "ml.frames/eval",
}


def change(lake, sql):
    lake.commit(lambda con: con.execute(sql), "a change by hand")


def test_an_untouched_day_is_the_same_in_every_table_whatever_was_landed_or_built_since(installation):
    settings, lake = installation
    log = small_log()
    log.actions[0]["item_id"] = "s2"
    log.land(lake)
    change(lake, "delete from marts.fct_attributions; update ops.partitions set build_key = 'of a later run' "
                 "where table_name = 'marts.fct_attributions'")  # fmt: skip
    lake.maintain(keep_days=30)
    snapshot = lake.snapshot_id()
    done = CliRunner().invoke(app, ["replay", str(DS), "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["is_same"], told["steps"]) == (True, ["marts", "samples", "frames"])
    assert {partition["table"] for partition in told["partitions"]} >= TABLES
    rows, held = {}, {}
    for partition in told["partitions"]:
        rows[partition["table"]] = rows.get(partition["table"], 0) + partition["rows_held"]
        held[partition["table"]] = partition["held"]
    assert all(rows[table] > 0 for table in TABLES)
    assert {table for table, state in held.items() if state == "then"} == {"marts.fct_attributions"}
    assert lake.snapshot_id() == snapshot
    assert not (settings.home / "replay").exists()


def test_rows_changed_since_are_named_and_give_exit_code_1(installation, monkeypatch):
    _, lake = installation
    change(lake, "update marts.fct_exposures set is_clicked = true where request_id = 'r-b2' and item_id = 's2'")
    change(lake, "delete from features.item_features where item_id = 'h1' and ds = date '2026-01-07'")

    def only_marts(*arguments, **options):
        return replace(find_run(*arguments, **options), steps=("marts",))

    monkeypatch.setattr(replay, "find_run", only_marts)
    done = CliRunner().invoke(app, ["replay", str(DS), "--json"])
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    features, exposures = [partition for partition in told["partitions"] if not partition["is_same"]]
    assert (exposures["table"], exposures["ds"]) == ("marts.fct_exposures", "2026-01-07")
    assert (exposures["rows"] == exposures["rows_held"], exposures["held"]) == (True, "now")
    assert exposures["keys"] == [{"request_id": "r-b2", "item_id": "s2"}]
    assert (features["table"], features["rows"] - features["rows_held"]) == ("features.item_features", 1)
    assert features["keys"] == [{"item_id": "h1", "feature_at": "2026-01-08 00:00:00"}]


def test_ctrl_c_leaves_no_scratch_lake(installation, monkeypatch):
    settings, _ = installation
    seen = []

    def interrupted(step):
        seen.extend(path.name for path in (settings.home / "replay").iterdir())
        raise KeyboardInterrupt

    monkeypatch.setattr(replay, "day_step", interrupted)
    assert CliRunner().invoke(app, ["replay", str(DS)]).exit_code == 130
    assert "lake" in seen
    assert not (settings.home / "replay").exists()


@pytest.mark.parametrize("is_same", [True, False])
def test_the_command_shows_a_table_of_days(installation, monkeypatch, is_same):
    partition = Partition(table="es3.samples", ds=DS, rows=3, rows_held=4, is_same=is_same, held="then", keys=())
    monkeypatch.setattr(replay, "replay_run", lambda *_: [partition])
    done = CliRunner().invoke(app, ["replay", str(DS)])
    assert done.exit_code == (0 if is_same else 1)
    assert ("= 3" in done.output, "≠ 3" in done.output) == (is_same, not is_same)
    assert ("es3.samples of 2026-01-07 differs: 3 rows replayed, 4 held then" in done.output) is not is_same


def test_other_code_is_refused_unless_told(installation, monkeypatch):
    _, lake = installation
    monkeypatch.setattr(replay, "code_of", lambda _: "other")
    monkeypatch.setattr(replay, "code_version", lambda: "0000-othercode")
    with pytest.raises(ValueError, match=r"was done by code \S+, this is 0000-othercode; check the commit"):
        find_run(lake, DS)
    assert find_run(lake, DS, any_code=True).steps == ("marts", "samples", "frames")


def test_an_expired_snapshot_and_a_day_never_run_are_told(installation):
    _, lake = installation
    with pytest.raises(ValueError, match="was never finished, so there is nothing to replay; days that were run: 2026"):
        find_run(lake, DS.replace(day=9))
    lake.maintain(keep_days=0)
    with pytest.raises(ValueError, match=r"has expired .* it can be rebuilt: uniscale step .* 2026-01-07 --force"):
        find_run(lake, DS)


def test_settings_and_policy_are_those_of_the_run(grown, tmp_path, monkeypatch):
    settings, lake = at_home(monkeypatch, grown)
    run = find_run(lake, DS)
    changed = settings.model_copy(update={"window": settings.window.model_copy(update={"train_days": 5}), "seed": 99})
    changed.domains = ("search",)
    then = restored(changed, run, tmp_path)
    assert (then.window, then.seed, then.domains) == (settings.window, settings.seed, settings.domains)
    assert yaml.safe_load(then.policy.read_text())["attribution"]["click"]["window_hours"] == 24
    assert (then.home, then.lake_catalog) == (tmp_path, f"sqlite:{tmp_path / 'lake' / 'catalog.sqlite'}")


def test_a_step_that_went_on_from_another_run_is_not_replayed(installation):
    _, lake = installation
    assert find_run(lake, DS).steps == ("marts", "samples", "frames")
    ledger.run_step(lake, DS, "marts", {"window": "another"}, dict)
    assert find_run(lake, DS).steps == ("marts",)


def test_the_ledger_knows_what_a_step_was_made_from_as_long_as_its_snapshot_is_kept(lake):
    lake.commit(lambda con: con.execute("create schema raw"), "first")
    entry, _ = ledger.run_step(lake, DS, "marts", {"window": 7}, dict)
    with lake.read() as con:
        finish = ledger.finish_of(con, entry)
    assert (finish.inputs, finish.snapshot_id) == ({"window": 7}, lake.snapshot_id())
    lake.commit(lambda con: con.execute("create schema other"), "later")
    lake.maintain(keep_days=0)
    with lake.read() as con:
        assert ledger.finish_of(con, entry) is None
