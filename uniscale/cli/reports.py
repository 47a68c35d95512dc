"""`uniscale report`: the card of a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.panel import Panel
from rich.table import Table

from uniscale.config import Settings, load_settings
from uniscale.console import exit_codes, out, parse_day, print_json
from uniscale.contracts.metrics import HEADLINES
from uniscale.lake import Lake
from uniscale.pipeline.results import SamplesBuilt, read_result
from uniscale.pipeline.steps import DAY_STEPS


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""

    @app.command("maturity")
    def maturity_command(
        ds: Annotated[str, typer.Argument(help="Day of the run, YYYY-MM-DD.")],
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    ) -> None:
        """Show how the attributed labels of a day grow with its age, as the run of a day saw it."""
        with exit_codes():
            day = parse_day(ds)
            samples = read_result(Lake(load_settings()), day, "samples")
            if samples is None:
                raise ValueError(f"the samples of {day} have not been built; run: uniscale build {day}")
            if as_json:
                growth = {action: asdict(found) for action, found in samples.growth.items()}
                print_json({"ds": day.isoformat(), "young_days": samples.young_days, "growth": growth})
            else:
                _show_growth(day, samples)

    @app.command("report")
    def report_command(
        ds: Annotated[str, typer.Argument(help="Day of the run, YYYY-MM-DD.")],
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    ) -> None:
        """Show what the run of a day found and decided."""
        from uniscale.pipeline.summary import day_summary

        with exit_codes():
            settings = load_settings()
            day = parse_day(ds)
            if as_json:
                print_json(day_summary(Lake(settings), day))
            else:
                show_day(settings, day)


def _show_growth(day: date, samples: SamplesBuilt) -> None:
    growth = samples.growth
    seen = max(found.observed_to for found in growth.values())
    title = f"share of attributed labels known, by days after the day ended; run of {day}, {samples.young_days}"
    table = Table("age", *growth, title=title, title_justify="left")
    for age in range(max(len(found.known) for found in growth.values())):
        shares = [f"{found.known[age]:.3f}" if age <= seen else "not seen" for found in growth.values()]
        table.add_row(str(age), *shares)
    table.add_section()
    table.add_row("labels", *(f"{found.labels:,}" for found in growth.values()))
    out.print(table)


def show_day(settings: Settings, ds: date) -> None:
    """Print the card of a day.

    Raises:
        ValueError: The day has not been judged yet.
    """
    from uniscale.pipeline.summary import day_summary

    print_card(day_summary(Lake(settings), ds), settings.home / "reports" / ds.isoformat() / "index.html")


def print_card(summary: Mapping[str, Any], page: Path) -> None:
    """Show a day's summary in the terminal.

    Args:
        summary: As `uniscale.pipeline.summary.day_summary` gives it.
        page: Where the day's HTML page is, if it was made.
    """
    colour = "yellow" if summary["decision"] == "kept" else "green"
    decision = f"[bold {colour}]{summary['decision']}[/]: {summary['reason']}"
    title = f"run of {summary['ds']} · lake snapshot {summary['snapshot_id']}"
    out.print(Panel(decision, title=title, title_align="left", border_style=colour), soft_wrap=False)
    out.print(_models(summary))
    out.print(_samples(summary["samples"]))
    out.print(_stages(summary["stages"]))
    for warning in summary["warnings"]:
        out.print(f"[yellow]note:[/] {warning}")
    said = page if page.is_file() else f"not made yet; run: uniscale step page {summary['ds']}"
    out.print(f"[bold]page:[/] {said}", highlight=False)


def _models(summary: Mapping[str, Any]) -> Table:
    requests = summary["num_requests"]
    table = Table(title=f"{requests:,} evaluation requests, 95 % intervals", title_justify="left")
    table.add_column("metric", no_wrap=True)
    for role in ("champion", "challenger"):
        model = summary["models"][role]
        title = role if model is None else f"{role}\n{model['name']} v{model['version']}"
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("difference", justify="right", no_wrap=True)
    for metric in HEADLINES:
        models = [summary["models"][role] for role in ("champion", "challenger")]
        cells = [_cell(None if model is None else model[metric.name]) for model in models]
        table.add_row(metric.title, *cells, _cell(summary["difference"].get(metric.name), sign="+"))
    sizes = [summary["models"][role] for role in ("champion", "challenger")]
    table.add_row("params", *("-" if model is None else f"{model['params']:,}" for model in sizes), "")
    return table


def _cell(estimate: Mapping[str, float | None] | None, sign: str = "") -> str:
    if estimate is None or estimate["value"] is None:
        return "-"
    text = format(estimate["value"], f"{sign}.4f")
    if estimate["ci_low"] is None or estimate["ci_high"] is None:
        return text
    return f"{text}\n[dim]{estimate['ci_low']:{sign}.4f} to {estimate['ci_high']:{sign}.4f}[/]"


def _samples(samples: Mapping[str, int]) -> Table:
    table = Table(title="training rows by provenance", title_justify="left")
    for kind in samples:
        table.add_column(kind, justify="right")
    table.add_row(*(f"{count:,}" for count in samples.values()))
    return table


def _stages(stages: Mapping[str, float]) -> Table:
    titles = {step.name: step.title for step in DAY_STEPS}
    table = Table(title="stages", title_justify="left")
    table.add_column("step")
    table.add_column("what")
    table.add_column("seconds", justify="right")
    for name, seconds in stages.items():
        table.add_row(name, titles[name], f"{seconds:.1f}")
    table.add_row("[bold]all[/]", "", f"[bold]{sum(stages.values()):.1f}[/]")
    return table
