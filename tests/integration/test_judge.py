"""Judging a day on real frames, lake and registry: what is stored, and what a re-run or a kill leaves behind."""

import json
from datetime import timedelta

import duckdb
import pytest
from support_evaluation import write_test_day
from support_frames import DOMAINS
from support_judging import DS, NEXT
from typer.testing import CliRunner

from uniscale.cli.main import app
from uniscale.contracts.metrics import CATALOGUE
from uniscale.decision import judge
from uniscale.decision.champion import champion_changes, roll_back, set_champion
from uniscale.evaluation.outcomes import read_judged
from uniscale.registry.store import Registry
from uniscale.simulator.blueprint import WORLD_FILE
from uniscale.simulator.worlds import choose_world


def test_a_fresh_version_of_the_champions_recipe_serves_with_its_evidence(stage):
    stage.test_day(NEXT)
    old, new = stage.train(DS, "champion", 0.0), stage.train(DS, "challenger", 0.9)
    details = judge.evaluate_day(stage.settings, stage.lake, DS)
    assert details["requests"] == stage.rows("select count(distinct request_id) from ml.predictions")[0][0]
    roles = "select role, count(*) from ml.metrics where ds = date '2026-01-05' group by all order by all"
    assert stage.rows(roles) == [("challenger", 10), ("champion", 10), ("difference", 10)]
    gauc = dict(stage.rows("select role, value from ml.metrics where metric = 'gauc'"))
    assert gauc["difference"] == pytest.approx(gauc["challenger"] - gauc["champion"])
    decided = judge.promote_day(stage.settings, stage.lake, DS)
    assert decided["decision"] == "refreshed"
    assert stage.champion() == new.version
    ((decision, champion, challenger, snapshot, evidence),) = stage.rows(
        "select decision, champion_version, challenger_version, snapshot_id, evidence from ml.decisions"
    )
    assert (decision, champion, challenger, snapshot) == ("refreshed", old.version, new.version, 7)
    (artefact,) = (stage.settings.home / "mlartifacts").rglob("decisions/2026-01-05.json")
    assert json.loads(artefact.read_text()) == json.loads(evidence) == decided["evidence"]
    found = json.loads(evidence)
    assert found["ci_low"] > 0
    assert found["serves"] == new.version
    assert found["questions"]["refresh"]["margin"] == stage.settings.gate.margin


def test_a_fresh_version_serves_unless_it_is_certainly_worse_than_the_margin(stage):
    stage.test_day(NEXT)
    old, new = stage.train(DS, "champion", 0.5), stage.train(DS, "challenger", 0.5)
    assert stage.run(DS)["decision"] == "refreshed"
    assert stage.champion() == new.version
    stage.skills[new.version] = 0.0
    decided = stage.run(DS)
    assert decided["decision"] == "kept"
    assert "certainly worse than -0.0050" in decided["reason"]
    assert stage.champion() == old.version == decided["evidence"]["serves"]
    stage.settings.gate.margin = 1.0
    assert stage.run(DS)["decision"] == "refreshed"


def test_a_frozen_gate_judges_and_moves_nothing(stage):
    stage.test_day(NEXT)
    old, _ = stage.train(DS, "champion", 0.0), stage.train(DS, "challenger", 0.9)
    stage.settings.gate.frozen = True
    decided = stage.run(DS)
    assert decided["decision"] == "kept"
    assert decided["reason"].startswith("frozen (gate.frozen), else refreshed; ")
    assert stage.champion() == old.version
    assert decided["evidence"]["serves"] == old.version


def test_a_required_guardrail_that_could_not_be_measured_keeps_the_champion_and_says_what_to_do(stage):
    stage.test_day(NEXT)
    old, _ = stage.train(DS, "champion", 0.0), stage.train(DS, "challenger", 0.9)
    stage.settings.gate.guardrails["gmv"].min_requests = 5_000
    decided = stage.run(DS)
    assert decided["decision"] == "kept"
    assert "gmv_proxy could not be measured" in decided["reason"]
    assert "set gate.guardrails.gmv.required = false" in decided["reason"]
    assert stage.champion() == old.version
    stage.settings.gate.guardrails["gmv"].required = False
    decided = stage.run(DS)
    assert decided["decision"] == "refreshed"
    assert "no guardrail stops it, not measured: gmv_proxy" in decided["reason"]


def test_few_requests_are_thin_evidence_even_for_a_perfect_challenger(stage):
    stage.test_day(NEXT, num_requests=8)
    old, _ = stage.train(DS, "champion", 0.0), stage.train(DS, "challenger", 1.0)
    decided = stage.run(DS)
    assert decided["decision"] == "kept"
    assert "evidence too thin" in decided["reason"]
    assert stage.champion() == old.version


def test_a_re_run_compares_the_same_two_versions_and_writes_the_same_rows(stage):
    stage.test_day(NEXT)
    old, new = stage.train(DS, "champion", 0.0), stage.train(DS, "challenger", 0.9)
    stage.run(DS)
    tables = ("predictions", "metrics", "decisions")
    before = [stage.rows(f"from ml.{table} order by all") for table in tables]
    assert stage.champion() == new.version
    assert stage.run(DS)["champion_version"] == old.version
    assert [stage.rows(f"from ml.{table} order by all") for table in tables] == before
    assert stage.champion() == new.version


def test_an_older_day_moves_no_alias_once_a_later_day_has_decided(stage):
    stage.test_day(NEXT)
    stage.test_day(NEXT + timedelta(days=1))
    first, second = stage.train(DS, "champion", 0.0), stage.train(DS, "challenger", 0.25)
    stage.run(DS)
    third = stage.train(NEXT, "challenger", 1.0)
    assert stage.run(NEXT)["champion_version"] == second.version
    assert stage.champion() == third.version
    again = stage.run(DS)
    assert (again["decision"], again["champion_version"], again["challenger_version"]) == (
        "refreshed",
        first.version,
        second.version,
    )
    assert stage.champion() == third.version


def test_a_day_before_the_decided_ones_is_compared_with_the_champion_of_its_time(stage):
    stage.test_day(DS)
    stage.test_day(NEXT)
    first, _ = stage.train(DS, "champion", 0.0), stage.train(DS, "challenger", 0.9)
    stage.run(DS)
    before = DS - timedelta(days=1)
    stage.train(before, "challenger", 0.9)
    decided = stage.run(before)
    assert decided["champion_version"] == first.version
    assert decided["decision"] == "kept"
    assert "has seen the test days" in decided["reason"]  # the champion was trained a day later


@pytest.mark.parametrize("killed_at", ["set_alias", "log_decision"])
def test_a_promotion_killed_between_decision_and_alias_is_finished_by_its_re_run(stage, monkeypatch, killed_at):
    stage.test_day(NEXT)
    old, new = stage.train(DS, "champion", 0.0), stage.train(DS, "challenger", 0.9)
    judge.evaluate_day(stage.settings, stage.lake, DS)

    def die(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(Registry, killed_at, die)
        with pytest.raises(KeyboardInterrupt):
            judge.promote_day(stage.settings, stage.lake, DS)
    assert stage.champion() == (old if killed_at == "set_alias" else new).version
    assert judge.promote_day(stage.settings, stage.lake, DS)["champion_version"] == old.version
    assert stage.champion() == new.version
    assert stage.rows("select decision, champion_version from ml.decisions") == [("refreshed", old.version)]
    assert stage.rows("select version, replaced, how from ml.champions") == [(new.version, old.version, "refreshed")]
    assert list((stage.settings.home / "mlartifacts").rglob("decisions/2026-01-05.json"))


def test_a_decision_that_turns_on_a_re_run_takes_the_alias_back(stage):
    stage.test_day(NEXT)
    old, new = stage.train(DS, "champion", 0.3), stage.train(DS, "challenger", 0.9)
    stage.run(DS)
    assert stage.champion() == new.version
    stage.skills[new.version] = 0.0
    assert stage.run(DS)["decision"] == "kept"
    assert stage.champion() == old.version


def test_a_champion_set_by_hand_stays_when_a_kept_day_runs_again(stage):
    stage.test_day(NEXT)
    stage.train(DS, "champion", 0.9)
    by_hand = stage.train(DS, "champion", 0.9)
    stage.registry.set_alias("champion", "1")
    stage.train(DS, "challenger", 0.0)
    stage.run(DS)
    stage.registry.set_alias("champion", by_hand)
    stage.run(DS)
    assert stage.champion() == by_hand.version


def test_one_version_in_both_roles_is_measured_once_and_kept(stage):
    stage.test_day(NEXT)
    version = stage.train(DS, "champion", 0.5)
    stage.registry.set_alias("challenger", version)
    decided = stage.run(DS)
    assert decided["decision"] == "kept"
    assert "same version" in decided["reason"]
    assert stage.rows("select distinct role from ml.metrics") == [("champion",)]


def test_a_test_day_without_requests_measures_nothing_and_promotes_nothing(stage):
    stage.test_day(NEXT)
    empty = NEXT + timedelta(days=1)
    stage.frames[empty] = stage.frames[NEXT].slice(0, 0)
    stage.train(NEXT, "champion", 0.0)
    stage.train(NEXT, "challenger", 1.0)
    decided = stage.run(NEXT)
    assert decided["decision"] == "kept"
    assert "0 requests carry gauc" in decided["reason"]
    assert stage.rows("select count(*), count(value) from ml.metrics") == [(30, 0)]
    assert stage.rows("select count(*) from ml.predictions") == [(0,)]


def test_frames_built_again_after_the_evaluation_are_refused_with_the_remedy(stage):
    stage.test_day(NEXT)
    stage.train(DS, "champion", 0.0)
    stage.train(DS, "challenger", 0.9)
    judge.evaluate_day(stage.settings, stage.lake, DS)
    write_test_day(stage.lake, NEXT, 61, seed=99)
    stored = "select * from lake.ml.predictions where role = 'champion'"
    with stage.lake.read() as con, pytest.raises(ValueError, match=r"no prediction for all candidates.*step evaluate"):
        read_judged(con, stored, [NEXT], stage.settings.target_domain)


def test_what_is_missing_is_refused_with_the_command_that_makes_it(stage):
    stage.test_day(NEXT)
    with pytest.raises(ValueError, match="no version was trained for 2026-01-05; run: uniscale step train 2026-01-05"):
        judge.evaluate_day(stage.settings, stage.lake, DS)
    stage.train(DS, "challenger", 0.5)
    with pytest.raises(ValueError, match="no version holds the alias champion"):
        judge.evaluate_day(stage.settings, stage.lake, DS)
    with pytest.raises(ValueError, match="was not evaluated; run: uniscale step evaluate 2026-01-05"):
        judge.promote_day(stage.settings, stage.lake, DS)
    stage.settings.gate.metric = "calibration"
    with pytest.raises(ValueError, match="'calibration' cannot decide"):
        judge.evaluate_day(stage.settings, stage.lake, DS)


def test_the_truth_is_measured_along_with_the_rest_where_it_is_known(stage, tmp_path):
    stage.test_day(NEXT)
    stage.train(DS, "champion", 0.0)
    stage.train(DS, "challenger", 0.9)
    stage.settings.source.truth_dir = tmp_path / "truth"
    assert judge.evaluate_day(stage.settings, stage.lake, DS)["world"] is None
    assert stage.rows("select count(*) from ml.metrics where metric like 'true_%'") == [(0,)]
    write_truth(stage.frames[NEXT], tmp_path / "truth" / "candidates" / f"ds={NEXT}")
    assert judge.evaluate_day(stage.settings, stage.lake, DS)["world"] == "no world.toml next to truth/"
    choose_world("long_lists", ["bots=0.01"]).write(tmp_path / WORLD_FILE)
    assert judge.evaluate_day(stage.settings, stage.lake, DS)["world"] == "long_lists, bots=0.01"
    found = {
        (role, metric): value
        for role, metric, value in stage.rows("select role, metric, value from ml.metrics where metric like 'true_%'")
    }
    assert {metric for _, metric in found} == {metric.name for metric in CATALOGUE.values() if metric.is_truth}
    assert found["challenger", "true_gauc"] > found["champion", "true_gauc"]
    assert found["challenger", "true_auc"] < 1  # a label of 0.9 or 0.1 cannot be known for certain
    assert judge.promote_day(stage.settings, stage.lake, DS)["decision"] == "refreshed"


def test_a_truth_of_other_logs_is_refused(stage, tmp_path):
    stage.test_day(NEXT)
    stage.train(DS, "champion", 0.0)
    stage.train(DS, "challenger", 0.9)
    stage.settings.source.truth_dir = tmp_path / "truth"
    write_truth(stage.frames[NEXT].slice(1), tmp_path / "truth" / "candidates" / f"ds={NEXT}")
    with pytest.raises(ValueError, match="candidates have no truth in"):
        judge.evaluate_day(stage.settings, stage.lake, DS)


def write_truth(frames, folder):
    """A truth in which a clicked candidate has the click probability 0.9 and any other 0.1."""
    folder.mkdir(parents=True)
    with duckdb.connect() as con:
        con.register("frames", frames)
        con.execute(
            f"""
            copy (
                select sample_id as request_id, unnest(item_ids) as item_id,
                    unnest(list_transform(is_clicked, lambda c: if(c, 0.9, 0.1)))::float as click_probability
                from frames
            ) to '{folder / "part-0.parquet"}'
            """
        )


def test_the_target_domain_alone_is_judged(stage):
    assert DOMAINS[0] == stage.settings.target_domain
    stage.test_day(NEXT)
    stage.train(DS, "champion", 0.0)
    stage.train(DS, "challenger", 0.9)
    stage.settings.target_domain = "feed"
    assert judge.evaluate_day(stage.settings, stage.lake, DS)["requests"] == 0


def test_every_change_of_the_champion_is_on_record_and_the_one_before_can_be_brought_back(stage):
    stage.test_day(NEXT)
    old, new = stage.train(DS, "champion", 0.0), stage.train(DS, "challenger", 0.9)
    stage.run(DS)
    back = roll_back(stage.lake, stage.registry, "clicks fell by half")
    assert (back.version, stage.champion()) == (old.version, old.version)

    stage.run(DS)  # it would promote again, had nobody decided otherwise since

    assert stage.champion() == old.version
    assert [(change.version, change.replaced, change.how, change.ds) for change in champion_changes(stage.lake)] == [
        (old.version, new.version, "rolled_back", None),
        (new.version, old.version, "refreshed", DS),
    ]
    assert champion_changes(stage.lake)[0].reason == "clicks fell by half"
    with pytest.raises(ValueError, match=f"version {old.version} is the champion already"):
        set_champion(stage.lake, stage.registry, old.version, "again")
    set_champion(stage.lake, stage.registry, "challenger", "it was the tracker")
    assert stage.champion() == new.version


def test_a_first_champion_has_none_to_go_back_to(stage):
    only = stage.train(DS, "champion", 0.5)
    with pytest.raises(ValueError, match=f"champion version {only.version} replaced none that is on record"):
        roll_back(stage.lake, stage.registry, "why not")


def test_the_commands_change_the_champion_and_list_the_changes(stage):
    first = stage.train(DS, "champion", 0.5)
    second = stage.train(DS, "challenger", 0.5)
    runner = CliRunner()
    assert runner.invoke(app, ["champion", "set", "challenger", "--reason", " "]).exit_code == 2
    assert runner.invoke(app, ["champion", "set", "challenger", "--reason", "sale day"]).exit_code == 0
    assert stage.champion() == second.version
    assert runner.invoke(app, ["champion", "rollback", "--reason", "sale is over"]).exit_code == 0
    assert stage.champion() == first.version
    told = json.loads(runner.invoke(app, ["champion", "list", "--json"]).stdout)
    assert told["serving"] == first.version
    assert [change["reason"] for change in told["changes"]] == ["sale is over", "sale day"]
    assert "rolled back" in runner.invoke(app, ["champion", "list"]).stdout
