"""Every rule watches something that there is, and its runbook says what to do, in commands that there are."""

import re

import pytest

from uniscale.alerts.signals import SIGNALS
from uniscale.checkout import PROJECT_ROOT
from uniscale.config.alert_rules import RUNBOOKS, Rules, load_rules
from uniscale.contracts.alerts import SEVERITIES
from uniscale.contracts.monitor import MEASURES

RULES = load_rules()
PAGES = sorted(path for path in RUNBOOKS.glob("*.md") if path.name != "index.md")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_watches_a_signal_and_names_parts_that_it_has(rule):
    signal = SIGNALS[rule.signal]
    assert bool(rule.of) == bool(signal.parts)
    assert set(rule.of) <= signal.parts


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_runbook_of_a_rule_is_there(rule):
    assert (RUNBOOKS / rule.runbook).is_file()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_runbook_names_its_alerts_says_what_is_seen_and_how_it_is_known_to_be_over(page):
    text = page.read_text(encoding="utf-8")
    (alerts,) = (line for line in text.split("\n\n") if line.startswith("**Alert"))
    named = set(re.findall(r"`(\w+)`(?!\])", alerts))
    assert named == {rule.name for rule in RULES if rule.runbook == page.name}
    assert "**You see**" in text
    assert "\n## How you know that it is over\n" in text


def test_every_signal_is_watched_and_every_finding_of_monitoring_belongs_to_a_rule():
    assert {rule.signal for rule in RULES} == set(SIGNALS)
    assert {measure for rule in RULES if rule.signal.endswith("finding") for measure in rule.of} == set(MEASURES)
    assert {rule.severity for rule in RULES} == set(SEVERITIES)


@pytest.mark.parametrize("what", ["number", "name"])
def test_two_rules_cannot_share_number_or_name(what):
    rules = [rule.model_dump() for rule in RULES[:2]]
    rules[1][what] = rules[0][what]
    with pytest.raises(ValueError, match=f"two rules have the {what}"):
        Rules.model_validate({"rules": rules})


def test_runbooks_are_in_the_navigation_of_the_documentation():
    nav = (PROJECT_ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert [page.name for page in PAGES if f"runbooks/{page.name}" not in nav] == []
