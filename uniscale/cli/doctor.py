"""`uniscale doctor`: what is missing on this machine, and how to mend it."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Annotated

import typer
from rich.table import Table as RichTable

from uniscale.checkout import PROJECT_ROOT
from uniscale.cli.console import exit_codes, out, print_json
from uniscale.config import Settings, load_settings

_MIN_DISK_GIB = 5
_MIN_MEMORY_GIB = 6
_FOLDERS = ("dags", "dbt_project", "feature_repo", "ray_jobs", "monitoring")


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: What was checked.
        ok: Whether it will do.
        found: What is there.
        mend: What to do about it; empty when it will do.
    """

    what: str
    ok: bool
    found: str
    mend: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Check the machine and the installation; nothing is changed."""
    checks: tuple[Callable[[Settings], Finding], ...] = (_python, _checkout, _memory, _disk, _lake, _ports)
    return [*(check(settings) for check in checks), *_packages()]


def _python(settings: Settings) -> Finding:
    del settings
    found = ".".join(map(str, sys.version_info[:3]))
    ok = (3, 11) <= sys.version_info[:2] < (3, 13)
    return Finding(
        what="Python", ok=ok, found=found, mend="" if ok else "use Python 3.11 or 3.12: make setup PYTHON=python3.11"
    )


def _checkout(settings: Settings) -> Finding:
    del settings
    missing = [name for name in _FOLDERS if not (PROJECT_ROOT / name).is_dir()]
    mend = f"run from a checkout with an editable install; {', '.join(missing)} not found beside the package"
    return Finding(what="checkout", ok=not missing, found=str(PROJECT_ROOT), mend=mend if missing else "")


def _memory(settings: Settings) -> Finding:
    del settings
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    ok = gib >= _MIN_MEMORY_GIB
    mend = (
        ""
        if ok
        else f"a day at size xs wants {_MIN_MEMORY_GIB} GiB; set lake.memory_limit and training.num_workers lower"
    )
    return Finding(what="memory", ok=ok, found=f"{gib:.0f} GiB, {os.cpu_count()} cores", mend=mend)


def _disk(settings: Settings) -> Finding:
    place = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    gib = shutil.disk_usage(place).free / 2**30
    ok = gib >= _MIN_DISK_GIB and os.access(place, os.W_OK)
    mend = "" if ok else f"free {_MIN_DISK_GIB} GiB and make {place} writable, or set UNISCALE_HOME to another place"
    return Finding(what="disk", ok=ok, found=f"{gib:.0f} GiB free in {place}", mend=mend)


def _lake(settings: Settings) -> Finding:
    import duckdb

    from uniscale.lake import Lake
    from uniscale.lake.extensions import connect

    try:
        connect(settings.lake_catalog).close()
        lake = Lake(settings)
        found = f"snapshot {lake.snapshot_id()}" if lake.exists() else "DuckLake loads; no lake yet"
    except (RuntimeError, ValueError, duckdb.Error) as error:
        return Finding(what="lake", ok=False, found=settings.lake_catalog, mend=str(error))
    return Finding(what="lake", ok=True, found=found)


def _ports(settings: Settings) -> Finding:
    del settings
    taken = [port for port in (8080, 5000, 8000) if _is_taken(port)]
    found = f"taken: {', '.join(map(str, taken))}" if taken else "8080, 5000 and 8000 are free"
    # A taken port matters to `uniscale up` only, which can be given others.
    return Finding(what="ports of uniscale up", ok=True, found=found, mend="uniscale up --help" if taken else "")


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _packages() -> list[Finding]:
    from packaging.requirements import Requirement

    findings = []
    for text in requires("uniscale") or []:
        requirement = Requirement(text)
        if requirement.name == "uniscale" or 'extra == "dev"' in text or 'extra == "all"' in text:
            continue
        try:
            installed = version(requirement.name)
        except PackageNotFoundError:
            installed = ""
        ok = bool(installed) and requirement.specifier.contains(installed, prereleases=True)
        if not ok:
            mend = f"make setup (wants {requirement.name}{requirement.specifier})"
            findings.append(Finding(what=requirement.name, ok=False, found=installed or "not installed", mend=mend))
    if not findings:
        findings.append(Finding(what="packages", ok=True, found="all there, versions as declared"))
    return findings


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""

    @app.command("doctor")
    def doctor_command(
        as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    ) -> None:
        """Say what is missing on this machine and how to mend it; exit code 1 if something is."""
        with exit_codes():
            findings = examine(load_settings())
            if as_json:
                print_json([asdict(finding) for finding in findings])
            else:
                table = RichTable("", "Checked", "Found", "To do")
                for finding in findings:
                    mark = "[green]✓[/]" if finding.ok else "[red]✗[/]"
                    table.add_row(mark, finding.what, finding.found, finding.mend)
                out.print(table)
            if not all(finding.ok for finding in findings):
                raise typer.Exit(1)
