"""Rules, findings and stored checks of alerts, made by hand."""

from datetime import date, timedelta

from uniscale.alerts.check import store
from uniscale.alerts.look import Look
from uniscale.alerts.stored import read_alerts
from uniscale.config.alert_rules import Rule
from uniscale.config.thresholds import load_thresholds

FIRST = date(2026, 1, 5)
RULE = Rule(
    number=7,
    name="drift",
    severity="ticket",
    signal="warning_finding",
    reason="Something moved beyond its own variation.",
    runbook="a-domain-drifts.md",
)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def rows(ds, *subjects, rule=RULE, value=1.0, unknown=False):
    """Rows of ``monitor.checks`` of one rule: it fires on the subjects, is quiet without, or cannot tell."""
    same = {"ds": ds, "rule": rule.name, "severity": rule.severity}
    if not subjects:
        state = "unknown" if unknown else "quiet"
        return [{**same, "subject": "", "state": state, "value": None, "detail": "nothing"}]
    return [{**same, "subject": one, "state": "firing", "value": value, "detail": f"{one} moved"} for one in subjects]


def check(lake, number, *subjects, **kwargs):
    store(lake, day(number), rows(day(number), *subjects, **kwargs))


def alerts(lake, rules=(RULE,)):
    with lake.read() as con:
        return read_alerts(con, rules)


def spans(lake):
    """Subject, and the days on which each alert opened and closed, as numbers; None while it is open."""
    return sorted(
        (one.subject, (one.opened_ds - FIRST).days, None if one.closed_ds is None else (one.closed_ds - FIRST).days)
        for one in alerts(lake)
    )


def look(settings, con, ds):
    return Look(settings=settings, con=con, ds=ds, limits=load_thresholds())
