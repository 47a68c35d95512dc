"""The step `samples` on a real lake."""

import json
from datetime import date, timedelta

import pytest
import yaml
from support_es3 import DAY, World, at
from typer.testing import CliRunner

from uniscale.cli.main import app
from uniscale.contracts.days import midnight_after
from uniscale.contracts.policy import load_policy
from uniscale.contracts.samples import SAMPLES
from uniscale.contracts.sequences import SEQUENCES
from uniscale.es3 import build
from uniscale.es3.build import build_samples
from uniscale.pipeline.ledger import run_step

COUNTS = ("exposed", "unexposed", "attributed", "synthetic", "requests")


@pytest.fixture
def settings(settings):
    settings.window.train_days = 1
    return settings


def small_world(label_as_of=None):
    """Two searches, a feed request whose click an own past search explains, and one outside click and purchase."""
    w = World(label_as_of=label_as_of or midnight_after(DAY))
    for k in range(8):
        w.item(f"s{k}", "shoe", f"shoe {'red' if k % 2 else 'blue'} word{k}")
    unshown = ["s2", "s3", "s4", "s5"]
    w.request("r1", "u", at(8), ["s0", "s1"], unshown, query="red shoe", clicked=["s1"], carted=["s1", "s2"])
    w.request("r2", "v", at(9), ["s0"], ["s1", "s2"], query="blue shoe", bought={"s0": 20})
    w.request("f1", "u", at(12), ["s6", "s7"], ["s4"], domain="feed", clicked=["s7"], carted=["s7"])
    w.attribution("outside-click", "click", "r1", "s0")
    w.attribution("outside-buy", "purchase", "r1", "s4", target="unexposed", value=10)
    return w


def stored(lake):
    with lake.read() as con:
        return con.execute(f"select * from {SAMPLES.qualified} order by ds, sample_id").fetchall()


def test_counts_and_multipliers_can_be_checked_by_eye(settings, lake):
    small_world().write(lake)
    made = build_samples(settings, lake, DAY)
    assert [made[name] for name in COUNTS] == [3, 6, 2, 2, 3]
    assert made["positives"] == {"click": 5, "cart": 3, "purchase": 2}
    assert made["multipliers"] == {
        "exposed only": {"requests": 1, "samples": 1, "positives": 1},
        "+ unexposed rows (A)": {"requests": 1, "samples": 3, "positives": 1},
        "+ attribution (B)": {"requests": 1, "samples": 3, "positives": 2},
        "+ searchification (C)": {"requests": 1.5, "samples": 3.667, "positives": 2.5},
    }
    assert (made["searchified"], made["outside_clicks"]) == ({"tier 1": 1}, {"synthetic": 1})
    assert made["shape"] == {
        "real": {"rows": 1.5, "positive_rate": 0.6667, "weighed_rate": 0.6667},
        "tier 1": {"rows": 2.0, "positive_rate": 0.5, "weighed_rate": 0.5},
    }
    assert made["queries"]["searches"] == 2


def test_the_lists_of_a_record_are_equally_long(settings, lake):
    small_world().write(lake)
    build_samples(settings, lake, DAY)
    lists = [column.name for column in SAMPLES.columns if column.type.endswith("[]")]
    lengths = ", ".join(f"len({name})" for name in lists)
    with lake.read() as con:
        rows = con.execute(f"select {lengths} from {SAMPLES.qualified}").fetchall()
    assert len(rows) == 3
    assert all(len(set(row)) == 1 and row[0] > 0 for row in rows)


def test_building_again_changes_nothing(settings, lake):
    small_world().write(lake)
    first = build_samples(settings, lake, DAY)
    rows, snapshot = stored(lake), lake.snapshot_id()
    second = build_samples(settings, lake, DAY)
    assert (first["days_built"], second["days_built"], lake.snapshot_id()) == (1, 0, snapshot)
    assert [first[name] for name in (*COUNTS, "multipliers")] == [second[name] for name in (*COUNTS, "multipliers")]
    settings.seed += 1
    assert build_samples(settings, lake, DAY)["days_built"] == 1
    settings.seed -= 1
    build_samples(settings, lake, DAY)
    assert stored(lake) == rows


@pytest.mark.parametrize(("days", "built"), [(-3, 1), (-40, 0)])
def test_a_day_is_built_again_when_a_search_that_it_reads_showed_something_else(settings, lake, days, built):
    for item in ("s0", "s1"):
        w = small_world()
        w.request("past", "u", at(8, days=days), [item], query="red shoe")
        w.write(lake)
        told = build_samples(settings, lake, DAY)
    assert told["days_built"] == built


def test_a_forced_build_makes_every_day_and_every_sequence_again(settings, lake):
    small_world().write(lake)
    build_samples(settings, lake, DAY)
    rows = stored(lake)
    spoilt = (SAMPLES, SEQUENCES)
    lake.commit(lambda con: [con.execute(f"delete from lake.{table.qualified}") for table in spoilt], "spoil")
    assert build_samples(settings, lake, DAY)["days_built"] == 0
    assert build_samples(settings, lake, DAY, force=True)["days_built"] == 1
    assert stored(lake) == rows
    assert lake.has(SEQUENCES, DAY)


def test_a_killed_build_leaves_the_day_as_it_was(settings, lake, monkeypatch):
    small_world().write(lake)
    build_samples(settings, lake, DAY)
    rows = stored(lake)
    w = small_world()
    w.request("r3", "v", at(10), ["s0"], query="new")
    w.write(lake)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(build, "mark_tables", killed)
        with pytest.raises(KeyboardInterrupt):
            build_samples(settings, lake, DAY)
    assert stored(lake) == rows
    assert build_samples(settings, lake, DAY)["requests"] == 4


def test_an_empty_day_gives_zero_rows(settings, lake):
    made = build_samples(settings, lake, DAY)
    assert [made[name] for name in COUNTS] == [0] * 5
    assert set(made["positives"].values()) == {0}
    assert (made["multipliers"], made["outside_clicks"], stored(lake)) == ({}, {}, [])


def test_a_shop_without_other_domains_has_no_synthetic_rows(settings, lake):
    w = World()
    w.request("r1", "u", at(8), ["a", "b"], query="hotel", clicked=["a"])
    w.write(lake)
    made = build_samples(settings, lake, DAY)
    assert (made["exposed"], made["unexposed"], made["synthetic"]) == (2, 0, 0)


def test_marts_of_another_label_time_are_refused(settings, lake):
    small_world(label_as_of=midnight_after(DAY, 3)).write(lake)
    with pytest.raises(ValueError, match=r"needs them as known at 2026-01-08 .*; run: uniscale step marts 2026-01-07"):
        build_samples(settings, lake, DAY)
    assert stored(lake) == []


def test_attributions_of_another_policy_are_refused(settings, lake):
    w = small_world()
    w.rows["marts.fct_attributions"][0]["policy_version"] = "old"
    w.write(lake)
    with pytest.raises(ValueError, match=r"follows policy 'old'"):
        build_samples(settings, lake, DAY)


def test_only_training_days_are_built(settings, lake):
    small_world().write(lake)
    build_samples(settings, lake, DAY)
    assert {row[0] for row in stored(lake)} == {date(2026, 1, 7)}
    assert build_samples(settings, lake, DAY - timedelta(days=1))["requests"] == 0
    assert len(stored(lake)) == 3


def wanting_world():
    """Feed requests of users who have searched before."""
    w = World()
    for item, title in (("hit", "red shoe"), ("miss", "old boot")):
        w.item(item, "shoe", title, recorded_at=at(0, days=-9))
    for k in range(60):
        w.request(f"p{k}", f"u{k}", at(8, days=-3), ["hit", "miss"], query="red shoe", clicked=["hit"])
        w.request(f"f{k}", f"u{k}", at(12), ["hit", "miss"], domain="feed", clicked=["hit"])
    return w


def test_a_policy_without_tiers_makes_no_synthetic_requests(settings, lake, tmp_path):
    wanting_world().write(lake)
    document = load_policy().model_dump(mode="json")
    document["searchification"]["tiers"] = []
    settings.policy = tmp_path / "policy.yaml"
    settings.policy.write_text(yaml.safe_dump(document))
    made = build_samples(settings, lake, DAY)
    assert (made["synthetic"], made["outside_clicks"]) == (0, {"no_query": 60})


def test_the_growth_of_labels_is_told_by_a_command(settings, lake, tmp_path, monkeypatch):
    monkeypatch.setenv("UNISCALE_HOME", str(settings.home))
    refused = CliRunner().invoke(app, ["maturity", str(DAY)])
    assert refused.exit_code == 2
    assert "have not been built; run: uniscale build 2026-01-07" in refused.stderr
    small_world().write(lake)
    run_step(lake, DAY, "samples", {}, lambda: build_samples(settings, lake, DAY))
    told = json.loads(CliRunner().invoke(app, ["maturity", str(DAY), "--json"]).stdout)
    assert (told["young_days"], set(told["growth"])) == ("keep", {"click", "purchase"})
    assert len(told["growth"]["click"]["known"]) == load_policy().attribution.window_days + 1
    shown = CliRunner().invoke(app, ["maturity", str(DAY)])
    assert shown.exit_code == 0
    assert "not seen" in shown.stdout
