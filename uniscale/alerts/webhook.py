"""Alerts to a chat: Slack's JSON, which Mattermost, Rocket.Chat and Zulip take as well, posted to a webhook.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from uniscale.alerts.stored import Alert
from uniscale.alerts.telling import News
from uniscale.config import Settings

_TRIES = 3
_PAUSE_SECONDS = 1.0
"""Before the second try; twice as long before the third."""
_SHOWN = 20
"""Alerts that a message lists; Slack takes 50 blocks."""
_LONGEST = 600
"""Characters of an alert's text; Slack takes 3,000 in a block."""
_MARKS = {"page": ":red_circle:", "ticket": ":large_orange_circle:", "note": ":white_circle:"}


class Webhook:
    """The chat that the settings name."""

    name = "webhook"
    severities: tuple[str, ...] = ("page", "ticket")

    def __init__(self, settings: Settings) -> None:
        assert settings.alerts.webhook is not None
        self._address = settings.alerts.webhook.get_secret_value()
        self._timeout = settings.alerts.timeout_seconds
        self._docs_url = settings.alerts.docs_url

    def tell(self, news: News) -> None:
        """Post one message with all news.

        Raises:
            OSError: It was not taken after a few tries, or was refused; the message does not name the address, which
                is a secret, but its host.
        """
        body = json.dumps(message(news, self._docs_url)).encode()
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(_PAUSE_SECONDS * 2 ** (attempt - 1))
            try:
                self._post(body)
                return
            except HTTPError as error:
                fault = f"HTTP {error.code}"
                error.close()
                if error.code < 500 and error.code != 429:
                    break
            except OSError as error:
                fault = str(getattr(error, "reason", error))
        raise OSError(f"the webhook at {urlsplit(self._address).hostname} did not take the message: {fault}")

    def _post(self, body: bytes) -> None:
        headers = {"Content-Type": "application/json; charset=utf-8"}
        request = Request(self._address, data=body, headers=headers, method="POST")
        with build_opener(_NoRedirect).open(request, timeout=self._timeout):
            pass


class _NoRedirect(HTTPRedirectHandler):
    """A redirected post becomes a get, which a chat answers with a page and does not take."""

    def redirect_request(self, *_: Any) -> None:
        """Follow none."""


def message(news: News, docs_url: str | None) -> dict[str, Any]:
    """The news as Slack's JSON: ``text`` for notifications and simple clients, ``blocks`` for all others.

    Args:
        news: What is told.
        docs_url: Where runbooks are served; None names their files.
    """
    counts = [f"{len(news.opened)} opened"] if news.opened else []
    counts += [f"{len(news.closed)} over"] if news.closed else []
    head = f"Alerts of {news.ds}: {', '.join(counts)}"
    lines = [_opened(one, docs_url) for one in news.opened] + [_closed(one) for one in news.closed]
    left = len(lines) - _SHOWN
    if left > 0:
        lines = [*lines[:_SHOWN], f"and {left} more: `uniscale alerts`"]
    blocks = [_section(f"*{head}*"), *(_section(line) for line in lines)]
    return {"text": "\n".join([head, *_titles(news.opened, "opened"), *_titles(news.closed, "over")]), "blocks": blocks}


def _titles(alerts: Sequence[Alert], what: str) -> list[str]:
    return [f"{what}: {_safe(one.title)}" for one in alerts[:_SHOWN]]


def _opened(alert: Alert, docs_url: str | None) -> str:
    text = f"{_MARKS[alert.severity]} *{_safe(alert.title)}* ({alert.severity})\n{_safe(alert.detail)}"
    return f"{text}\nRunbook: {_runbook(alert.runbook, docs_url)}" if alert.runbook else text


def _closed(alert: Alert) -> str:
    return f":white_check_mark: *{_safe(alert.title)}* is over; it was open since {alert.opened_ds}"


def _runbook(file: str, docs_url: str | None) -> str:
    if docs_url is None:
        return f"`docs/runbooks/{file}`"
    return f"<{docs_url.rstrip('/')}/runbooks/{file.removesuffix('.md')}/>"


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _safe(text: str) -> str:
    """Text in which Slack finds no link, mention or end of a tag."""
    text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
