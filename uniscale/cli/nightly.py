"""`uniscale features build`, `materialize` and `skew`: the features of the day that has just ended, and how it went.

The DAG `daily_features` calls these every night; a person may call them by hand, in order.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.table import Table

from uniscale.config import load_settings
from uniscale.console import err, exit_codes, out, parse_day, print_json
from uniscale.lake import Lake
from uniscale.pipeline import night

_COUNTED = ("late", "overdue", "degraded", "corrupt")

Ds = Annotated[str, typer.Argument(help="The day that has ended, YYYY-MM-DD.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


class Kind(StrEnum):
    """Whose served input is compared."""

    live = "live"
    shadow = "shadow"


def register(app: typer.Typer) -> None:
    """Add the commands to the group `features`."""
    (group,) = (group.typer_instance for group in app.registered_groups if group.name == "features")
    assert group is not None
    group.command("build")(build_command)
    group.command("materialize")(materialize_command)
    group.command("skew")(skew_command)


def build_command(ds: Ds, as_json: AsJson = False) -> None:
    """Land the logs of a day and build its features; what is up to date is not built again."""
    with exit_codes():
        day, settings = parse_day(ds), load_settings()
        built = night.build(settings, Lake(settings), day)
        if as_json:
            print_json({"ds": day, **built})
            return
        days = built["days_built"]
        err.print(
            f"{built['landed_days']} days landed, {days['features']} days of features and {days['fresh_actions']} of "
            "fresh actions built",
            highlight=False,
        )


def materialize_command(ds: Ds, as_json: AsJson = False) -> None:
    """Serve the features of a day as of the midnight that ends it; older values than those served are left aside."""
    with exit_codes():
        day, settings = parse_day(ds), load_settings()
        served = night.materialize(settings, Lake(settings), day)
        if as_json:
            print_json(served)
            return
        written = sum(view["written"] for view in served["views"].values())
        deleted = sum(view["deleted"] for view in served["views"].values())
        told = served.get("skipped") or f"{written:,} rows written, {deleted:,} deleted in {served['seconds']:.1f} s"
        err.print(f"served: the values of {served['as_of']:%Y-%m-%d %H:%M} UTC; {told}", highlight=False)


def skew_command(
    ds: Ds,
    kind: Annotated[Kind, typer.Option(help="Real requests, or those served again by the retraining.")] = Kind.live,
    as_json: AsJson = False,
) -> None:
    """Compare what was served on a day with the lake; exit code 1 if it fell short of its promise.

    Of the requests served from the last midnight's values, the share `skew.match` of monitoring/thresholds.yaml must
    match wholly; and none may be served from values older than the feature tables promise.
    """
    with exit_codes():
        day, settings = parse_day(ds), load_settings()
        found = night.skew(settings, Lake(settings), day, kind.value)
        if as_json:
            print_json(found)
        else:
            _show(found)
        if found["faults"]:
            raise RuntimeError("; ".join(found["faults"]))


def _show(found: Mapping[str, Any]) -> None:
    if not found["requests"]:
        out.print(f"no {found['kind']} request was served on {found['ds']}", highlight=False)
        return
    counts = ", ".join(f"{found[name]:,} {name}" for name in ("compared", "exact", *_COUNTED))
    out.print(f"{found['kind']} requests of {found['ds']}: {found['requests']:,} served, {counts}", highlight=False)
    table = Table("feature", "values that match")
    for name, share in sorted(found["features"].items(), key=lambda item: (item[1], item[0])):
        table.add_row(name, f"{share:.3%}")
    out.print(table)
