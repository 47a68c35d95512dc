"""Alerts reach a chat over HTTP, the log and Prometheus: once while they are open, and once more when they are over."""

import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from tests.support_alerts import FIRST, RULE, check, rows
from uniscale.alerts import webhook
from uniscale.alerts.check import store
from uniscale.alerts.log import Log
from uniscale.alerts.prometheus import metrics
from uniscale.alerts.telling import tell_news
from uniscale.alerts.webhook import Webhook
from uniscale.contracts.alerts import TOLD
from uniscale.lineage.content import whole_content

PAGE = RULE.model_copy(update={"name": "values_missing", "number": 9, "severity": "page"})
NOTE = RULE.model_copy(update={"name": "domain_apart", "number": 10, "severity": "note"})
RULES = (RULE, PAGE, NOTE)


@pytest.fixture
def chat(settings, monkeypatch):
    """A chat on loopback: what it was posted, and how it answers."""
    monkeypatch.setattr(webhook, "_PAUSE_SECONDS", 0.01)

    class Chat(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.seen.append((self.path, self.headers["Content-Type"], json.loads(body)))
            self.send_response(server.answers.pop(0) if server.answers else 200)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Chat)
    server.seen, server.answers = [], []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    settings.alerts.webhook = SecretStr(f"http://127.0.0.1:{server.server_port}/services/T0/B0/secret")
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def texts(chat):
    return [body["text"] for _, _, body in chat.seen]


def test_a_chat_hears_of_an_alert_once_while_it_is_open_and_once_when_it_is_over(settings, lake, chat):
    channels = [Webhook(settings)]
    for number, subjects in enumerate([("price",), ("price",), ("price", "stock"), (), ()]):
        for _ in range(2):
            check(lake, number, *subjects)
            assert tell_news(lake, RULES, channels) == {}
    assert texts(chat) == [
        "Alerts of 2026-01-05: 1 opened\nopened: 7 drift: price",
        "Alerts of 2026-01-07: 1 opened\nopened: 7 drift: stock",
        "Alerts of 2026-01-08: 2 over\nover: 7 drift: price\nover: 7 drift: stock",
    ]
    path, kind, body = chat.seen[0]
    assert (path, kind) == ("/services/T0/B0/secret", "application/json; charset=utf-8")
    [head, one] = body["blocks"]
    assert head == {"type": "section", "text": {"type": "mrkdwn", "text": "*Alerts of 2026-01-05: 1 opened*"}}
    assert "price moved" in one["text"]["text"]
    assert "docs/runbooks/a-domain-drifts.md" in one["text"]["text"]


def test_a_chat_that_did_not_take_it_is_told_with_the_next_check_and_others_are_told_now(settings, lake, chat, caplog):
    check(lake, 0, "price")
    chat.answers = [500, 503, 500]
    with caplog.at_level(logging.WARNING):
        failed = tell_news(lake, RULES, [Webhook(settings), Log()])
    assert failed == {"webhook": "the webhook at 127.0.0.1 did not take the message: HTTP 500"}
    assert "secret" not in caplog.text
    assert "alert opened [ticket] 7 drift: price" in caplog.text
    assert len(chat.seen) == 3
    caplog.clear()
    assert tell_news(lake, RULES, [Webhook(settings), Log()]) == {}
    assert len(chat.seen) == 4
    assert "alert opened" not in caplog.text


def test_a_short_fault_is_tried_again_at_once_and_a_refusal_is_not(settings, lake, chat):
    check(lake, 0, "price")
    chat.answers = [404]
    assert tell_news(lake, RULES, [Webhook(settings)]) != {}
    chat.answers = [302]
    assert tell_news(lake, RULES, [Webhook(settings)]) != {}
    assert len(chat.seen) == 2
    chat.answers = [429, 503, 200]
    assert tell_news(lake, RULES, [Webhook(settings)]) == {}
    assert len(chat.seen) == 5


def test_a_chat_that_is_not_there_fails_with_its_host_alone(settings, lake):
    settings.alerts.webhook = SecretStr("http://127.0.0.1:9/secret")
    check(lake, 0, "price")
    [(name, told)] = tell_news(lake, RULES, [Webhook(settings)]).items()
    assert name == "webhook"
    assert "127.0.0.1" in told
    assert "secret" not in told


def test_what_a_day_run_again_does_not_show_any_more_is_told_as_over(settings, lake, chat):
    check(lake, 0, "price")
    tell_news(lake, RULES, [Webhook(settings)])
    check(lake, 0)
    tell_news(lake, RULES, [Webhook(settings)])
    assert texts(chat)[1] == "Alerts of 2026-01-05: 1 over\nover: drift: price"


def test_a_past_day_run_again_tells_nothing(settings, lake, chat):
    for number in (0, 1, 2):
        check(lake, number)
    check(lake, 1, "price")
    tell_news(lake, RULES, [Webhook(settings)])
    assert chat.seen == []


def test_notes_go_to_the_log_only(settings, lake, chat, caplog):
    check(lake, 0, "feed", rule=NOTE)
    with caplog.at_level(logging.WARNING):
        tell_news(lake, RULES, [Webhook(settings), Log()])
    assert chat.seen == []
    assert "alert opened [note] 10 domain apart: feed" in caplog.text


def test_many_alerts_are_one_message_that_says_how_many_more_there_are(settings, lake, chat):
    check(lake, 0, *[f"column <{number:02}> & more" for number in range(60)])
    tell_news(lake, RULES, [Webhook(settings)])
    [(_, _, body)] = chat.seen
    assert len(body["blocks"]) == 22
    assert body["blocks"][-1]["text"]["text"] == "and 40 more: `uniscale alerts`"
    assert "column &lt;00&gt; &amp; more" in body["blocks"][1]["text"]["text"]


def test_a_runbook_is_linked_where_the_documentation_is_served(settings, lake, chat):
    settings.alerts.docs_url = "https://docs.example/uniscale/"
    check(lake, 0, "price")
    tell_news(lake, RULES, [Webhook(settings)])
    assert "<https://docs.example/uniscale/runbooks/a-domain-drifts/>" in chat.seen[0][2]["blocks"][1]["text"]["text"]


def test_a_process_killed_before_it_noted_what_was_told_tells_it_again(settings, lake, chat):
    check(lake, 0, "price")
    tell_news(lake, RULES, [Webhook(settings)])
    lake.commit(lambda con: con.execute(f"delete from lake.{TOLD.qualified}"), "the note is lost")
    tell_news(lake, RULES, [Webhook(settings)])
    assert len(chat.seen) == 2


def test_what_people_were_told_is_no_content_of_a_lake(settings, lake):
    check(lake, 0, "price")
    tell_news(lake, RULES, [Log()])
    with lake.read() as con:
        assert whole_content(con) == {}


def test_prometheus_reads_the_open_alerts(lake):
    found = [*rows(FIRST, 'a"b\\c\nd', "price"), *rows(FIRST, unknown=True, rule=PAGE), *rows(FIRST, rule=NOTE)]
    store(lake, FIRST, found)
    with lake.read() as con:
        text = metrics(con, RULES)
    read = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert read["uniscale_alerts_open", "7", "drift", "ticket"] == 2
    assert read["uniscale_alerts_open", "9", "page", "values_missing"] == 0
    assert read["uniscale_alert_days", 'a"b\\c\nd', "drift", "ticket"] == 1
    assert read["uniscale_alert_rule_unknown", "values_missing"] == 1
    assert read["uniscale_alert_rule_unknown", "drift"] == 0
    assert read[("uniscale_alerts_checked_day",)] == 1767571200
