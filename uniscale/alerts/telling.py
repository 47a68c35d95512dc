"""Telling channels what they do not know yet: alerts that are open, and alerts that they heard of and that are over.

A channel is told at least once: what it has taken is noted afterwards, so a process that is killed in between tells it
again. An alert that a channel has heard of is not told again while it is open, however often days are checked.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Protocol

import duckdb

from uniscale.alerts.check import insert
from uniscale.alerts.stored import Alert, newest_check, read_alerts
from uniscale.config.alert_rules import Rule
from uniscale.contracts.alerts import TOLD
from uniscale.lake import Lake
from uniscale.lake.lake import table_has

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class News:
    """What a channel does not know yet.

    Attributes:
        ds: The newest checked day.
        opened: Alerts that are open.
        closed: Alerts that are over; of one that a day run again does not find any more, what was told of it is left.
    """

    ds: date
    opened: tuple[Alert, ...]
    closed: tuple[Alert, ...]


class Channel(Protocol):
    """Somewhere to tell alerts.

    Attributes:
        name: As ``monitor.told`` names it.
        severities: Severities that it is told of.
    """

    name: str
    severities: tuple[str, ...]

    def tell(self, news: News) -> None:
        """Tell it.

        Raises:
            OSError: It did not take it; it is told again with the next check.
        """


def tell_news(lake: Lake, rules: Sequence[Rule], channels: Sequence[Channel]) -> dict[str, str]:
    """Tell every channel what it does not know yet, and note what it has taken.

    Returns:
        By name of a channel that did not take it, why; the others have been told.
    """
    failed = {}
    for channel in channels:
        with lake.read() as con:
            news = news_for(con, rules, channel)
        if news is None:
            continue
        try:
            channel.tell(news)
        except OSError as error:
            _log.error("%s was not told of %d alerts: %s", channel.name, len(news.opened) + len(news.closed), error)
            failed[channel.name] = str(error)
        else:
            _note(lake, channel.name, news)
    return failed


def news_for(con: duckdb.DuckDBPyConnection, rules: Sequence[Rule], channel: Channel) -> News | None:
    """What a channel does not know yet; None if it knows all."""
    newest = newest_check(con)
    if newest is None:
        return None
    heard = _heard(con, channel.name)
    alerts = read_alerts(con, rules)
    is_open = {(one.rule, one.subject): one for one in alerts if one.closed_ds is None}
    latest = {(one.rule, one.subject): one for one in sorted(alerts, key=lambda one: one.opened_ds)}
    opened = [one for key, one in is_open.items() if key not in heard and one.severity in channel.severities]
    closed = [latest.get(key) or _vanished(*key, since, newest) for key, since in heard.items() if key not in is_open]
    return News(ds=newest, opened=tuple(opened), closed=tuple(closed)) if opened or closed else None


def _heard(con: duckdb.DuckDBPyConnection, channel: str) -> dict[tuple[str, str], date]:
    """Alerts that a channel heard of and has not heard the end of, and the day they opened."""
    if not table_has(con, TOLD):
        return {}
    rows = con.execute(
        f"select rule, subject, arg_max(opened_ds, told_at) from lake.{TOLD.qualified} where channel = ? "
        "group by rule, subject having arg_max(event, told_at) = 'opened' order by rule, subject",
        [channel],
    ).fetchall()
    return {(rule, subject): opened for rule, subject, opened in rows}


def _vanished(rule: str, subject: str, opened_ds: date, ds: date) -> Alert:
    """The end of an alert that was told and that the day, run again, does not find any more."""
    return Alert(
        rule=rule,
        subject=subject,
        severity="note",
        opened_ds=opened_ds,
        last_ds=opened_ds,
        closed_ds=ds,
        num_days=1,
        first_value=None,
        last_value=None,
        detail="the day was run again and does not show it any more",
        number=None,
        reason="",
        runbook="",
    )


def _note(lake: Lake, channel: str, news: News) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    rows = [
        {
            "channel": channel,
            "rule": one.rule,
            "subject": one.subject,
            "event": event,
            "opened_ds": one.opened_ds,
            "told_at": now,
        }
        for event, alerts in (("opened", news.opened), ("closed", news.closed))
        for one in alerts
    ]

    def work(con: duckdb.DuckDBPyConnection) -> None:
        Lake.create(con, TOLD)
        insert(con, TOLD, rows)

    lake.commit(work, f"{channel} was told of {len(rows)} alerts")
