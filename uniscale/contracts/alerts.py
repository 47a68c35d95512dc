"""Alerts as tables: what each rule found on a day, the alerts that follow from it, and who was told of them."""

from __future__ import annotations

from uniscale.contracts.schema import Column, Table

SEVERITIES = ("page", "ticket", "note")
"""Somebody is to look now; somebody is to look this week; it is written down."""

STATES = ("firing", "quiet", "unknown")
"""What a rule found: it holds for a subject; for none; it could not be told, as what it reads was not made."""

EVENTS = ("opened", "closed")
"""What a channel is told of an alert."""

_RULE = Column(name="rule", type="VARCHAR", description="Rule, as monitoring/alerts.yaml names it.")
_SUBJECT = Column(
    name="subject",
    type="VARCHAR",
    description="What the rule fired on: a population and column, a step, a table, a day; empty where there is one.",
)
_SEVERITY = Column(name="severity", type="VARCHAR", description="Who has to look.", allowed=SEVERITIES)

CHECKS = Table(
    schema="monitor",
    name="checks",
    grain="One row per checked day, rule and subject it fired on; of a rule that did not fire, one without a subject.",
    key=("ds", "rule", "subject"),
    partition=None,
    columns=(
        Column(name="ds", type="DATE", description="Day of the run that was checked."),
        _RULE,
        _SUBJECT,
        Column(name="state", type="VARCHAR", description="What the rule found.", allowed=STATES),
        _SEVERITY,
        Column(name="value", type="DOUBLE", description="The number that it is about.", nullable=True),
        Column(name="detail", type="VARCHAR", description="What it is, or why it is unknown, in a sentence."),
    ),
)

ALERTS = Table(
    schema="monitor",
    name="alerts",
    grain="One row per rule, subject and unbroken run of checked days on which it fired; follows from monitor.checks.",
    key=("rule", "subject", "opened_ds"),
    partition=None,
    columns=(
        _RULE,
        _SUBJECT,
        _SEVERITY,
        Column(name="opened_ds", type="DATE", description="First day on which it fired."),
        Column(name="last_ds", type="DATE", description="Last day on which it fired."),
        Column(
            name="closed_ds",
            type="DATE",
            description="First checked day after it on which it did not; NULL while the alert is open.",
            nullable=True,
        ),
        Column(name="num_days", type="BIGINT", description="Days on which it fired.", minimum=1),
        Column(name="first_value", type="DOUBLE", description="Its number on the first day.", nullable=True),
        Column(name="last_value", type="DOUBLE", description="Its number on the last day.", nullable=True),
        Column(name="detail", type="VARCHAR", description="What it was on the last day, in a sentence."),
    ),
)

TOLD = Table(
    schema="monitor",
    name="told",
    grain="One row per channel, alert and event that the channel has taken; one may have been taken twice.",
    key=("channel", "rule", "subject", "told_at"),
    partition=None,
    columns=(
        Column(name="channel", type="VARCHAR", description="Where it was told."),
        _RULE,
        _SUBJECT,
        Column(name="event", type="VARCHAR", description="What was told.", allowed=EVENTS),
        Column(name="opened_ds", type="DATE", description="First day on which the alert fired, as far as known then."),
        Column(name="told_at", type="TIMESTAMP", description="UTC time at which the channel had taken it."),
    ),
)

ALERT_TABLES: tuple[Table, ...] = (CHECKS, ALERTS, TOLD)
