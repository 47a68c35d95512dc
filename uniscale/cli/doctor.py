"""`uniscale doctor`: what is missing on this machine, and what to do about it."""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, requires, version
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table as RichTable

from uniscale.checkout import PROJECT_ROOT
from uniscale.cli.finding import Finding
from uniscale.cli.state_checks import check_databases, check_lake
from uniscale.config import Settings, load_settings
from uniscale.console import exit_codes, out, print_json

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_EXTRA = re.compile(r"""extra == ["']([^"']+)["']""")
_MIN_DISK_GIB = 5
_MIN_MEMORY_GIB = 6
_FOLDERS = ("dags", "dbt_project", "feature_repo", "ray_jobs", "monitoring")


def examine(settings: Settings) -> list[Finding]:
    """Check the machine and the installation; nothing is changed."""
    checks: tuple[Callable[[Settings], Finding], ...] = (_python, _checkout, _memory, _disk, _ports)
    return [*(check(settings) for check in checks), *check_lake(settings), *check_databases(settings), *_packages()]


def _python(settings: Settings) -> Finding:
    del settings
    found = ".".join(map(str, sys.version_info[:3]))
    ok = (3, 11) <= sys.version_info[:2] < (3, 13)
    return Finding(
        what="Python", ok=ok, found=found, remedy="" if ok else "use Python 3.11 or 3.12: make setup PYTHON=python3.11"
    )


def _checkout(settings: Settings) -> Finding:
    del settings
    missing = [name for name in _FOLDERS if not (PROJECT_ROOT / name).is_dir()]
    remedy = f"run from a checkout with an editable install; {', '.join(missing)} not found next to the package"
    return Finding(what="checkout", ok=not missing, found=str(PROJECT_ROOT), remedy=remedy if missing else "")


def _memory(settings: Settings) -> Finding:
    del settings
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    ok = gib >= _MIN_MEMORY_GIB
    remedy = (
        ""
        if ok
        else f"a day at size xs wants {_MIN_MEMORY_GIB} GiB; set lake.memory_limit and training.num_workers lower"
    )
    return Finding(what="memory", ok=ok, found=f"{gib:.0f} GiB, {os.cpu_count()} cores", remedy=remedy)


def _disk(settings: Settings) -> Finding:
    place = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    gib = shutil.disk_usage(place).free / 2**30
    ok = gib >= _MIN_DISK_GIB and os.access(place, os.W_OK)
    remedy = "" if ok else f"free {_MIN_DISK_GIB} GiB and make {place} writable, or set UNISCALE_HOME to another place"
    return Finding(what="disk", ok=ok, found=f"{gib:.0f} GiB free in {place}", remedy=remedy)


def _ports(settings: Settings) -> Finding:
    del settings
    taken = [port for port in (8080, 5000, 8000) if _is_taken(port)]
    found = f"taken: {', '.join(map(str, taken))}" if taken else "8080, 5000 and 8000 are free"
    # A taken port matters to `uniscale up` only, which can be given others.
    return Finding(what="ports of uniscale up", ok=True, found=found, remedy="uniscale up --help" if taken else "")


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _packages() -> list[Finding]:
    """The libraries that `make setup` installs must be there; those of other extras may be."""
    from packaging.requirements import Requirement

    wanted = [Requirement(text) for text in requires("uniscale") or []]
    always = {extra for one in wanted if one.name == "uniscale" and _is_of(one, "all") for extra in one.extras}
    findings = []
    for one in wanted:
        extras = set(_EXTRA.findall(str(one.marker or "")))
        if one.name == "uniscale" or "dev" in extras:
            continue
        installed = _installed(one.name)
        if installed and one.specifier.contains(installed, prereleases=True):
            continue
        is_optional = bool(extras) and not extras & always
        remedy = f"make setup (wants {one.name}{one.specifier})"
        if is_optional:
            remedy = f"pip install -e '.[{min(extras)}]'" + (" if you want it" if not installed else "")
        found = installed or ("not installed, optional" if is_optional else "not installed")
        findings.append(Finding(what=one.name, ok=is_optional and not installed, found=found, remedy=remedy))
    if all(finding.ok for finding in findings):
        findings.insert(0, Finding(what="packages", ok=True, found="all there, versions as declared"))
    return findings


def _is_of(requirement: Requirement, extra: str) -> bool:
    return extra in _EXTRA.findall(str(requirement.marker or ""))


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""

    @app.command("doctor")
    def doctor_command(
        as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    ) -> None:
        """Say what is missing on this machine and what to do about it; exit code 1 if something is."""
        with exit_codes():
            findings = examine(load_settings())
            if as_json:
                print_json([asdict(finding) for finding in findings])
            else:
                table = RichTable("", "Checked")
                table.add_column("Found", overflow="fold")
                table.add_column("To do", overflow="fold")
                for finding in findings:
                    mark = "[green]✓[/]" if finding.ok else "[red]✗[/]"
                    table.add_row(mark, escape(finding.what), escape(finding.found), escape(finding.remedy))
                out.print(table)
            if not all(finding.ok for finding in findings):
                raise typer.Exit(1)
