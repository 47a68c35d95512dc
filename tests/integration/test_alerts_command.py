"""`uniscale alerts`: a day is looked at, what is wrong is listed, and exit codes say whether somebody must look."""

import json
from datetime import date

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support_evaluation import write_finished_day
from typer.testing import CliRunner

from uniscale.cli.main import app
from uniscale.pipeline.progress import tell

DS, NEXT = date(2026, 1, 7), date(2026, 1, 8)


def invoke(*words):
    return CliRunner().invoke(app, ["alerts", *words])


def told(*words):
    return json.loads(invoke(*words, "--json").stdout)


@pytest.fixture
def failed(settings, lake):
    """A day that is decided and whose page failed, and one that failed in training."""
    write_finished_day(lake, DS)
    tell(settings, DS, "page", "failed", message="no [bold] template")
    tell(settings, NEXT, "train", "failed", message="out of memory")
    return lake


def test_before_any_check_it_says_how_to_check(failed):
    assert "uniscale alerts check DS" in invoke().stderr
    assert told()["alerts"] == []
    assert invoke("pages").exit_code == 0


def test_a_ticket_does_not_page_and_a_page_does_until_the_day_is_done(settings, failed):
    assert invoke("check", str(DS)).exit_code == 0
    assert invoke("pages").exit_code == 0
    [alert] = told()["alerts"]
    assert (alert["rule"], alert["subject"], alert["severity"]) == ("watching_failed", "page", "ticket")
    assert "no [bold] template" in " ".join(invoke().stdout.split())

    assert invoke("check", str(NEXT)).exit_code == 0
    paged = invoke("pages")
    assert paged.exit_code == 1
    assert "somebody has to look now: 1 day missing: 2026-01-08 (the run of" in paged.stderr
    assert {alert["rule"] for alert in told()["alerts"]} == {"day_missing", "step_failed"}
    assert {alert["rule"] for alert in told("--closed")["alerts"]} >= {"watching_failed"}

    write_finished_day(failed, NEXT)
    tell(settings, NEXT, "train", "done", seconds=3.0)
    assert invoke("check", str(NEXT)).exit_code == 0
    assert invoke("pages").exit_code == 0


def test_rules_that_cannot_tell_are_said_with_the_reason(failed):
    invoke("check", str(DS))
    assert {"rule": "drift", "why": f"step monitor of {DS} is not done"} in told()["unknown"]
    assert f"could not tell, as step monitor of {DS} is not done: column_broke" in invoke().stderr


def test_the_metrics_file_is_what_the_command_prints(settings, failed):
    invoke("check", str(NEXT))
    text = (settings.home / "metrics" / "uniscale.prom").read_text()
    assert text == invoke("--metrics").stdout
    families = {family.name: family for family in text_string_to_metric_families(text)}
    counts = {sample.labels["rule"]: sample.value for sample in families["uniscale_alerts_open"].samples}
    assert counts["day_missing"] == 1
    assert sum(counts.values()) == 2


def test_a_chat_that_is_not_there_fails_the_check_and_neither_list_nor_metrics(settings, failed, monkeypatch):
    monkeypatch.setattr("uniscale.alerts.webhook._PAUSE_SECONDS", 0.01)
    monkeypatch.setenv("UNISCALE_ALERTS__WEBHOOK", "http://127.0.0.1:9/a-secret")
    done = invoke("check", str(NEXT))
    assert done.exit_code == 1
    assert "not told, tried again with the next check: the webhook at 127.0.0.1" in done.stderr
    assert "a-secret" not in done.stderr
    assert len(told()["alerts"]) == 2
    assert (settings.home / "metrics" / "uniscale.prom").is_file()


def test_rules_are_listed_with_their_runbooks(settings):
    assert "auc-fell.md" in invoke("rules").stdout
    assert [rule["number"] for rule in told("rules")] == sorted(rule["number"] for rule in told("rules"))


def test_no_worker_is_handed_the_address_of_the_chat(settings, monkeypatch):
    from uniscale.config import load_settings

    monkeypatch.setenv("UNISCALE_ALERTS__WEBHOOK", "https://chat.example/a-secret")
    assert load_settings().alerts.webhook is not None
    assert "a-secret" not in json.dumps(load_settings().for_workers())
    assert "a-secret" not in repr(load_settings())
    monkeypatch.setenv("UNISCALE_ALERTS__WEBHOOK", "")
    assert load_settings().alerts.webhook is None
