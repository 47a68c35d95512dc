"""Alerts as metrics, in the text format that Prometheus scrapes through the textfile collector of its node exporter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, time
from pathlib import Path

import duckdb
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from uniscale.alerts.stored import newest_check, read_alerts, unknown_rules
from uniscale.config import Settings
from uniscale.config.alert_rules import Rule
from uniscale.whole_files import write_whole


def metrics_file(settings: Settings) -> Path:
    """Where the metrics of an installation are."""
    return settings.home / "metrics" / "uniscale.prom"


def write_metrics(settings: Settings, con: duckdb.DuckDBPyConnection, rules: Sequence[Rule]) -> None:
    """Write the metrics file whole; others may read it at any moment."""
    write_whole(metrics_file(settings), metrics(con, rules))


def metrics(con: duckdb.DuckDBPyConnection, rules: Sequence[Rule]) -> str:
    """The metrics as text: open alerts by rule, each open alert, rules that cannot tell, and the newest checked day."""
    registry = CollectorRegistry()
    by_rule = Gauge("uniscale_alerts_open", "Open alerts of a rule.", ["number", "rule", "severity"], registry=registry)
    each = Gauge(
        "uniscale_alert_days", "Days on which an open alert fired.", ["rule", "severity", "subject"], registry=registry
    )
    unknown = Gauge("uniscale_alert_rule_unknown", "1 if the rule could not tell.", ["rule"], registry=registry)
    checked = Gauge("uniscale_alerts_checked_day", "Newest checked day, Unix time of its midnight.", registry=registry)
    alerts = [one for one in read_alerts(con, rules) if one.closed_ds is None]
    counts, cannot_tell = Counter(one.rule for one in alerts), dict(unknown_rules(con))
    for rule in rules:
        by_rule.labels(str(rule.number), rule.name, rule.severity).set(counts[rule.name])
        unknown.labels(rule.name).set(rule.name in cannot_tell)
    for one in alerts:
        each.labels(one.rule, one.severity, one.subject).set(one.num_days)
    newest = newest_check(con)
    checked.set(0 if newest is None else datetime.combine(newest, time(), UTC).timestamp())
    return str(generate_latest(registry).decode())
