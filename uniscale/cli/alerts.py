"""`uniscale alerts`: what is wrong now, what was, and looking at a day by every rule."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from uniscale.config import Settings, load_settings
from uniscale.config.alert_rules import Rule, load_rules
from uniscale.console import err, exit_codes, out, parse_day, print_json
from uniscale.lake import Lake
from uniscale.pipeline.locks import one_at_a_time

if TYPE_CHECKING:
    from uniscale.alerts.stored import Alert
    from uniscale.alerts.telling import Channel

_COLOURS = {"page": "bold red", "ticket": "yellow", "note": "dim"}
_SHOWN = 50
"""Closed alerts that the table shows; ``--json`` has all."""
_IN_RUNBOOKS = "docs/runbooks/"

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

_group = typer.Typer(help="What is wrong now, since when, and which runbook says what to do; or look at a day.")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(_group, name="alerts")


@_group.callback(invoke_without_command=True)
def list_command(
    context: typer.Context,
    closed: Annotated[bool, typer.Option("--closed", help="Those that are over as well.")] = False,
    metrics: Annotated[bool, typer.Option("--metrics", help="Print Prometheus metrics instead.")] = False,
    as_json: Json = False,
) -> None:
    """List the alerts that are open: severity, rule and subject, since when, what was found, and the runbook.

    Rules and severities are in monitoring/alerts.yaml: page, somebody looks now; ticket, this week; note, it is
    written down.
    """
    if context.invoked_subcommand is not None:
        return
    with exit_codes():
        from uniscale.alerts.stored import newest_check, read_alerts, unknown_rules

        rules = load_rules()
        with Lake(load_settings()).read() as con:
            if metrics:
                from uniscale.alerts.prometheus import metrics as as_text

                typer.echo(as_text(con, rules), nl=False)
                return
            newest, unknown = newest_check(con), unknown_rules(con)
            alerts = read_alerts(con, rules)
        shown = [one for one in alerts if closed or one.closed_ds is None]
        if as_json:
            told = [{"rule": rule, "why": why} for rule, why in unknown]
            print_json({"checked": newest, "alerts": [asdict(one) for one in shown], "unknown": told})
        elif newest is None:
            err.print("no day has been checked; run: uniscale alerts check DS")
        else:
            _show(shown[:_SHOWN])
            err.print(f"{len(shown)} alerts; the newest checked day is {newest}", highlight=False)
            for why in sorted({why for _, why in unknown}):
                names = ", ".join(rule for rule, reason in unknown if reason == why)
                err.print(f"could not tell, as {why}: {names}", highlight=False, markup=False)


@_group.command("check")
def check_command(
    ds: Annotated[str, typer.Argument(help="Day of the run, YYYY-MM-DD.")], as_json: Json = False
) -> None:
    """Look at a day by every rule, and tell log, webhook and metrics what is new or over.

    An alert is open while its rule fires on the newest checked day, and is told once. Doing it again tells nothing
    twice. A webhook that does not answer is told with the next check; the exit code is 1 then.
    """
    with exit_codes():
        from uniscale.alerts.check import check_day
        from uniscale.alerts.prometheus import write_metrics
        from uniscale.alerts.stored import read_alerts
        from uniscale.alerts.telling import tell_news

        day, settings, rules = parse_day(ds), load_settings(), load_rules()
        lake = Lake(settings)
        with one_at_a_time(settings, "check of alerts"):
            found = check_day(settings, lake, day, rules)
            with lake.read() as con:
                write_metrics(settings, con, rules)
            failed = tell_news(lake, rules, _channels(settings))
        with lake.read() as con:
            is_open = [one for one in read_alerts(con, rules) if one.closed_ds is None]
        if as_json:
            print_json({"ds": day, "found": found, "open": len(is_open), "untold": failed})
        else:
            fired = sum(row["state"] == "firing" for row in found)
            err.print(f"{len(rules)} rules looked at {day} and fired {fired} times; open: {len(is_open)}")
        if failed:
            raise RuntimeError(f"not told, tried again with the next check: {'; '.join(failed.values())}")


@_group.command("pages")
def pages_command() -> None:
    """Fail with exit code 1 while an alert is open that pages, and say which: for schedulers and scripts."""
    with exit_codes():
        from uniscale.alerts.stored import read_alerts

        with Lake(load_settings()).read() as con:
            is_open = [one for one in read_alerts(con, load_rules()) if one.closed_ds is None]
        paging = [f"{one.title} ({one.detail})" for one in is_open if one.severity == "page"]
        if paging:
            raise RuntimeError(f"somebody has to look now: {'; '.join(paging)}")


@_group.command("rules")
def rules_command(as_json: Json = False) -> None:
    """List the rules: number, severity, what each watches, why, and its runbook."""
    with exit_codes():
        rules = load_rules()
        if as_json:
            print_json([rule.model_dump() for rule in rules])
            return
        table = Table("", "rule", "severity", "why", box=SIMPLE, pad_edge=False)
        table.add_column(_IN_RUNBOOKS, no_wrap=True)
        for rule in rules:
            table.add_row(str(rule.number), rule.name, _coloured(rule.severity), _why(rule), rule.runbook)
        out.print(table)


def show_open(settings: Settings) -> None:
    """Say what is open on the newest checked day, if anything is, and where to read more."""
    from uniscale.alerts.stored import read_alerts

    with Lake(settings).read() as con:
        is_open = [one for one in read_alerts(con, load_rules()) if one.closed_ds is None and one.severity != "note"]
    for one in is_open:
        err.print(f"{_coloured(one.severity)} {escape(one.title)}", highlight=False)
    if is_open:
        err.print("what was found, and which runbook says what to do: uniscale alerts", highlight=False)


def _channels(settings: Settings) -> list[Channel]:
    from uniscale.alerts.log import Log
    from uniscale.alerts.webhook import Webhook

    return [Log(), *([Webhook(settings)] if settings.alerts.webhook else [])]


def _show(alerts: list[Alert]) -> None:
    if not alerts:
        return
    table = Table("severity", "alert", "open", "what", box=SIMPLE, pad_edge=False)
    table.add_column(_IN_RUNBOOKS, no_wrap=True)
    for one in alerts:
        until = "" if one.closed_ds is None else f" until {one.closed_ds}"
        days = f"{one.opened_ds}{until} ({one.num_days} d)"
        table.add_row(_coloured(one.severity), escape(one.title), days, escape(one.detail), one.runbook)
    out.print(table, soft_wrap=False)


def _coloured(severity: str) -> str:
    return f"[{_COLOURS[severity]}]{severity}[/]"


def _why(rule: Rule) -> str:
    return escape(" ".join(rule.reason.split()))
