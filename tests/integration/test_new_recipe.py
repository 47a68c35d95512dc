"""A new recipe against the champion's over several days: what is pooled, what decides, and what a re-run decides."""

import json
from datetime import timedelta

import pytest
from support_judging import DS, NEXT, Stage

from uniscale.contracts.outcomes import COMPARISONS
from uniscale.decision.comparisons import recipe_rows

OLD, NEW = {"name": "old", "model": "dlrm"}, {"name": "new", "model": "hhsft"}


def day(n):
    return DS + timedelta(days=n)


class Shop:
    """A champion of the first day, and days on which its recipe and another are trained."""

    def __init__(self, stage: Stage, skills=(0.3, 0.9)):
        self.stage = stage
        stage.settings.gate.guardrails["gmv"].required = False
        self.skills = skills
        self.first = stage.train(DS, "champion", skills[0], OLD)
        self.tried, self.fresh = {}, {}

    def run(self, n):
        stage = self.stage
        stage.test_day(day(n + 1))
        self.tried[n] = stage.train(day(n), "challenger", self.skills[1], NEW)
        if n:
            self.fresh[n] = stage.train(day(n), "refresh", self.skills[0], OLD)
        return stage.run(day(n))


@pytest.fixture
def shop(stage):
    return Shop(stage)


def run_until_promoted(shop, most=12):
    for n in range(most):
        decided = shop.run(n)
        if decided["decision"] == "promoted":
            return n, decided
    raise AssertionError(f"not promoted in {most} days: {decided['reason']}")


def test_a_better_recipe_is_promoted_once_the_days_together_are_certain(shop):
    first = shop.run(0)
    assert first["decision"] == "kept"
    assert "new recipe new against old: gauc" in first["reason"]
    assert "over 1 day; an interval takes at least 3; at this rate a gain of 0.005 is seen after" in first["reason"]
    second = shop.run(1)
    assert second["decision"] == "refreshed"
    assert shop.stage.champion() == shop.fresh[1].version
    for n in range(2, 12):
        decided = shop.run(n)
        if decided["decision"] == "promoted":
            break
    assert shop.stage.champion() == shop.tried[n].version
    asked = decided["evidence"]["questions"]["new_recipe"]
    assert asked["num_days"] == n + 1 >= 3
    assert asked["ci_low"] > 0
    assert asked["rule"] == "superiority over all days, valid at every look"
    assert {guardrail["name"] for guardrail in asked["guardrails"]} >= {"gmv", "tail_query", "new_user", "new_item"}
    assert f"over {n + 1} days (95 % interval" in decided["reason"]


def test_the_daily_pair_is_of_versions_trained_on_the_same_days(shop):
    shop.run(0)
    shop.run(1)
    pairs = "select distinct ds, baseline_role, candidate_role, is_same_days from ml.comparisons order by all"
    assert shop.stage.rows(pairs) == [
        (day(0), "champion", "challenger", True),
        (day(1), "champion", "challenger", False),
        (day(1), "champion", "refresh", False),
        (day(1), "refresh", "challenger", True),
    ]
    with shop.stage.lake.read() as con:
        slices = con.execute(f"select distinct slice from {COMPARISONS.qualified} order by 1").fetchall()
    assert [name for (name,) in slices] == ["all", "head_query", "new_item", "new_user", "tail_query", "torso_query"]


def test_a_day_judged_again_decides_the_same_whatever_was_judged_since(shop):
    last, _ = run_until_promoted(shop)
    query = "select ds, decision, reason, json_extract(evidence, '$.questions')::varchar from ml.decisions order by ds"
    before, champion = shop.stage.rows(query), shop.stage.champion()
    for n in (1, last, 0):
        shop.stage.run(day(n))
    assert shop.stage.rows(query) == before
    assert shop.stage.champion() == champion


def test_after_a_promotion_the_days_start_from_nothing_for_the_same_recipes(shop):
    last, _ = run_until_promoted(shop)
    shop.stage.registry.set_alias("champion", shop.fresh[last].version)  # a person goes back
    decided = shop.run(last + 1)
    assert decided["decision"] == "refreshed"
    assert decided["evidence"]["questions"]["new_recipe"]["num_days"] == 1


def test_after_a_promotion_the_new_recipe_is_refreshed(shop):
    last, _ = run_until_promoted(shop)
    shop.stage.test_day(day(last + 2))
    fresh = shop.stage.train(day(last + 1), "challenger", 0.9, NEW)
    decided = shop.stage.run(day(last + 1))
    assert decided["decision"] == "refreshed"
    assert list(decided["evidence"]["questions"]) == ["refresh"]
    assert shop.stage.champion() == fresh.version


def test_a_certain_recipe_waits_while_its_version_of_the_day_is_worse_than_the_one_that_serves(stage):
    shop = Shop(stage, skills=(0.05, 0.25))
    stage.settings.gate.frozen = True
    n = 0
    while not shop.run(n)["reason"].startswith("frozen (gate.frozen), else promoted; "):
        n += 1
    stage.settings.gate.frozen = False
    best = stage.train(day(n + 1), "champion", 1.0, OLD, days=[DS])  # of the same recipe, by a lucky seed
    decided = shop.run(n + 1)
    assert "certainly better; no guardrail stops it" in decided["reason"]
    assert "but this version against the champion: gauc" in decided["reason"]
    assert decided["decision"] == "kept"
    assert stage.champion() == best.version


def test_a_day_without_the_champions_recipe_does_not_count_and_says_how_to_make_it(shop):
    shop.run(0)
    shop.stage.test_day(day(2))
    shop.stage.train(day(1), "challenger", 0.9, NEW)
    decided = shop.stage.run(day(1))
    assert decided["decision"] == "kept"
    assert "2026-01-06 does not count: old was not trained on its days" in decided["reason"]
    assert "uniscale step train 2026-01-06 --force" in decided["reason"]


def test_days_that_share_test_requests_count_once(shop):
    for n in range(4):
        shop.run(n)
    pair = (shop.first.recipe_key, shop.tried[0].recipe_key)
    with shop.stage.lake.read() as con:
        days = {
            eval_days: [row["ds"] for row in recipe_rows(con, day(3), *pair, eval_days)["all", "gauc"]]
            for eval_days in (1, 2, 4)
        }
    assert days == {1: [day(n) for n in range(4)], 2: [day(0), day(2)], 4: [day(0)]}


def test_a_recipe_that_differs_in_its_name_and_seed_alone_is_the_same(stage):
    stage.test_day(NEXT)
    stage.settings.gate.guardrails["gmv"].required = False
    stage.train(DS, "champion", 0.5, {**OLD, "seed_offset": 3, "later_field": None})
    stage.train(DS, "challenger", 0.5, {**OLD, "name": "twin"})
    stage.settings.gate.margin = 1.0
    decided = stage.run(DS)
    assert decided["decision"] == "refreshed"
    assert list(json.loads(stage.rows("select evidence from ml.decisions")[0][0])["questions"]) == ["refresh"]
