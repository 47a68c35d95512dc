"""`uniscale lineage`: where a sample comes from, where a user is, and what a table is made from."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from uniscale.config import load_settings
from uniscale.console import exit_codes, out, parse_day, print_json
from uniscale.contracts.tasks import LABELS
from uniscale.lake import Lake


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""

    @app.command("lineage")
    def lineage_command(
        sample: Annotated[str | None, typer.Argument(help="sample_id, as in es3.samples.")] = None,
        ds: Annotated[str | None, typer.Option("--ds", help="Day of the sample, YYYY-MM-DD; saves time.")] = None,
        item: Annotated[str | None, typer.Option("--item", help="Tell of this item only.")] = None,
        user: Annotated[str | None, typer.Option("--user", help="Tell where this user is, instead.")] = None,
        table: Annotated[str | None, typer.Option("--table", help="Tell what this table comes from, instead.")] = None,
        *,
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    ) -> None:
        """From a sample to the events, labels, features and snapshot behind it and the models trained on it.

        With --user where a user is, with --table what a table is made from and what is made from it.
        """
        with exit_codes():
            if sum(named is not None for named in (sample, user, table)) != 1 or (sample is None and (ds or item)):
                raise ValueError(
                    "name a sample (uniscale lineage SAMPLE_ID), a user (--user U) or a table (--table SCHEMA.NAME)"
                )
            if table is not None:
                from uniscale.lineage.table import table_lineage

                found = table_lineage(table)
                print_json(found) if as_json else out.print(_table_tree(found), soft_wrap=False)
                return
            settings = load_settings()
            lake = Lake(settings)
            if user is not None:
                from uniscale.lineage.user import user_lineage

                found = user_lineage(settings, lake, user)
                print_json(_keys_as_text(found)) if as_json else _show_user(found)
                return
            from uniscale.lineage.sample import sample_lineage

            assert sample is not None
            day = None if ds is None else parse_day(ds)
            found = sample_lineage(settings, lake, sample, ds=day, item=item)
            print_json(found) if as_json else out.print(_tree(found), soft_wrap=False)


def _table_tree(found: dict[str, Any]) -> Tree:
    tree = Tree(f"[bold]{found['table']}[/]: {found['grain']}")
    for made in found["made_by"]:
        branch = tree.add(f"{made['product']}, built by step {made['step']}")
        for read in made["reads"]:
            branch.add(f"reads {read['table']}: {read['days']}")
        branch.add(f"depends on {', '.join(made['settings']) or 'no setting'}")
    if not found["made_by"]:
        tree.add("no step builds it from other tables")
    tree.add(f"read by {', '.join(found['read_by']) or 'no other table'}")
    return tree


def _keys_as_text(found: dict[str, Any]) -> dict[str, Any]:
    """JSON has no dates as keys; rejected rows without a day count under ``unknown``."""
    tables = {
        table: {"unknown" if day is None else str(day): rows for day, rows in days.items()}
        for table, days in found["tables"].items()
    }
    return {**found, "tables": tables}


def _show_user(found: dict[str, Any]) -> None:
    if found["forgotten_at"] is not None:
        out.print(f"user {escape(found['user'])} was forgotten at {found['forgotten_at']:%Y-%m-%d %H:%M} UTC")
    if found["tables"]:
        table = Table("table", "rows", "days", title=f"user {escape(found['user'])}", title_justify="left")
        for name, days in found["tables"].items():
            known = sorted(day for day in days if day is not None)
            table.add_row(name, f"{sum(days.values()):,}", _days(known) if known else "-")
        out.print(table)
    for line in _model_lines(found["models"]):
        out.print(line, highlight=False)


def _model_lines(models: dict[str, Any]) -> list[str]:
    lines = [
        f"version {model['version']}{' [bold](champion)[/]' if model['is_champion'] else ''}: {model['name']}, "
        f"trained for {model['ds']}; of these days it read {_days(model['days'])}"
        for model in models["trained"]
    ]
    lines += [
        f"version {model['version']}: {model['name']}, trained for {model['ds']}, does not say on which days"
        for model in models["unknown"]
    ]
    return lines or ["no registered model was trained on them"]


def _days(days: list[date]) -> str:
    return str(days[0]) if len(days) == 1 else f"{len(days)} days, {days[0]}..{days[-1]}"


def _tree(found: dict[str, Any]) -> Tree:
    sample = found["sample"]
    kind = "synthetic" if sample["is_synthetic"] else "real"
    tree = Tree(f"[bold]{escape(sample['sample_id'])}[/] {kind} {escape(sample['domain'])} request of {sample['ds']}")
    tree.add(
        f"policy {escape(sample['policy_version'])}, labels as known before {sample['label_as_of']}"
        + ("" if sample["is_final"] else ", not final yet")
    )
    tree.add(f"written in {_snapshot(found['written'])}")
    tree.add(f"build key {found['build_key'] or 'none: the day is not up to date'}")
    _add_request(tree, found)
    _add_query(tree, found)
    _add_items(tree, found["items"])
    _add_features(tree, found)
    branch = tree.add("models whose training days hold it")
    for line in _model_lines(found["models"]):
        branch.add(line)
    return tree


def _snapshot(written: dict[str, Any]) -> str:
    if not written["is_kept"]:
        return f"snapshot {written['snapshot_id']}, which has expired (what follows is as it is now)"
    message = escape(written["message"] or "files rewritten")
    return f"snapshot {written['snapshot_id']} ({message}, {written['committed_at']:%Y-%m-%d %H:%M:%S} UTC)"


def _add_request(tree: Tree, found: dict[str, Any]) -> None:
    request, shown = found["request"], sum(row["is_exposed"] for row in found["candidates"])
    if request is None:
        tree.add(f"request {escape(found['sample']['request_id'])} is not in the log any more")
        return
    query = "" if request["query_text"] is None else f", query {escape(repr(request['query_text']))}"
    branch = tree.add(
        f"request {escape(request['request_id'])} of user {escape(request['user_id'])} at {request['requested_at']}"
        f" in {escape(request['domain'])}{query}"
    )
    branch.add(f"{len(found['candidates'])} candidates, {shown} shown")


def _add_query(tree: Tree, found: dict[str, Any]) -> None:
    if found["query"] is None:
        return
    sample, told = found["sample"], found["query"]["statistic"]
    branch = tree.add(
        f"query {escape(repr(sample['query_text']))} of tier {sample['query_tier']} for category "
        f"{escape(found['query']['category_id'])}: support {sample['query_support']}, "
        f"confidence {sample['query_confidence']:.3f}"
    )
    if told is not None:
        branch.add(f"{told['num_clicks']} of the query's {told['num_query_clicks']} earlier clicks are in the category")


def _add_items(tree: Tree, items: list[dict[str, Any]]) -> None:
    branch = tree.add(f"{len(items)} items")
    plain: dict[str, int] = {}
    for entry in items:
        acted = entry["native_actions"] or entry["outside_actions"]
        labels = [label.removeprefix("is_") for label in LABELS if entry[label]]
        if not acted and not labels and len(items) > 1:
            plain[entry["provenance"]] = plain.get(entry["provenance"], 0) + 1
            continue
        node = branch.add(
            f"{escape(entry['item_id'])}: {entry['provenance']}, {' and '.join(labels) or 'no label'}, "
            f"weight {entry['label_weight']:g}"
        )
        for action in entry["native_actions"]:
            node.add(f"{action['action']} {escape(action['action_id'])} in the request, at {action['acted_at']}")
        for action in entry["outside_actions"]:
            node.add(
                f"{action['action']} {escape(action['action_id'])} in {escape(action['action_domain'])}, "
                f"{action['delay_hours']:.1f} h later, to the {action['target']} row, weight {action['label_weight']:g}"
            )
    for provenance, number in sorted(plain.items()):
        branch.add(f"[dim]{number} {provenance} without a label[/]")


def _add_features(tree: Tree, found: dict[str, Any]) -> None:
    frame = found["frame"]
    told = "no training frame yet; the versions a frame would read" if frame is None else f"frame {_snapshot(frame)}"
    branch = tree.add(f"features: {told}")
    by_version: dict[tuple[str, str], int] = {}
    for row in found["features"]:
        place = (row["table"], str(row["feature_at"]))
        by_version[place] = by_version.get(place, 0) + 1
    for (table, feature_at), number in sorted(by_version.items()):
        branch.add(f"{table}: {number} of {feature_at}")
    if not by_version:
        branch.add("no version was known at the time of the request")
