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
from uniscale.contracts.features import FRESH_HOURS, USER_FRESH_ACTIONS
from uniscale.lake import Lake
from uniscale.pipeline.bar import writing_bar
from uniscale.pipeline.locks import one_at_a_time

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
        from uniscale.sources.landing import land_until
        from uniscale.warehouse.nightly import build_features

        day, settings = parse_day(ds), load_settings()
        lake = Lake(settings)
        with one_at_a_time(settings, "step"):
            landed = land_until(settings, lake, day)
            built = build_features(settings, lake, day)
        if as_json:
            print_json({"ds": day, **landed, **built})
            return
        days = built["days_built"]
        err.print(
            f"{landed['landed_days']} days landed, {days['features']} days of features and {days['fresh_actions']} of "
            "fresh actions built",
            highlight=False,
        )


def materialize_command(ds: Ds, as_json: AsJson = False) -> None:
    """Serve the features of a day as of the midnight that ends it; older values than those served are left aside."""
    with exit_codes():
        from uniscale.features.online.materialize import materialize
        from uniscale.warehouse.nightly import check_features

        day, settings = parse_day(ds), load_settings()
        lake = Lake(settings)
        with one_at_a_time(settings, "step"):
            check_features(lake, day)
            with writing_bar() as advance:
                served = materialize(settings, lake, day, advance=advance)
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
        from uniscale.config.thresholds import load_thresholds
        from uniscale.serving.skew import measure_skew
        from uniscale.warehouse.nightly import check_features

        day, settings = parse_day(ds), load_settings()
        lake = Lake(settings)
        with one_at_a_time(settings, "step"):
            check_features(lake, day, (USER_FRESH_ACTIONS,))
            found = measure_skew(settings, lake, day, kind.value)
        least = load_thresholds().skew.match
        if as_json:
            print_json({**found, "least_match": least})
        else:
            _show(found)
        faults = _faults(found, least)
        if faults:
            raise RuntimeError("; ".join(faults))


def _faults(found: Mapping[str, Any], least: float) -> list[str]:
    """What was not as promised; requests just after midnight, before the new values are there, are not held against."""
    if not found["requests"]:
        return []
    faults = []
    if found["exact_in_time"] < least * found["in_time"]:
        faults.append(
            f"only {found['exact_in_time']} of {found['in_time']} {found['kind']} requests of {found['ds']} were "
            f"served what the lake holds, {least:.1%} must be. See which features differ: were actions not pushed, or "
            "logs landed again?"
        )
    if found["overdue"]:
        faults.append(
            f"{found['overdue']} of {found['requests']} were served daily values older than {FRESH_HOURS} hours: "
            "materialize earlier"
        )
    return faults


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
