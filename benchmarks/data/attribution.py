"""Does attribution find the search that caused an outside action? ``python -m benchmarks.data.attribution``.

A simulated shop knows which search, if any, led to each click or purchase made elsewhere. One thing of the policy is
changed at a time, both actions alike: the window, the tie, what a label counts (its lift). Counted are outside actions
of the middle days, so that the longest window lies in the log and late events are known. Writes a record and a plot.

Precision: of the attributed actions, those attributed to their causing search. Baseless: of the same, those that no
search caused, each label as much as it counts. Recall: of the actions that a search caused, those attributed to it.
Reach: of the same, those whose causing search had the item as a candidate within the window: no rule of this kind can
have more recall.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import duckdb

from benchmarks.data.compiled import attribute, policy_with
from benchmarks.record import RECORDS
from benchmarks.shop import Shop
from uniscale.checkout import PROJECT_ROOT
from uniscale.contracts.policy import load_policy
from uniscale.es3.lift import measure_lift
from uniscale.es3.plan import plan_run
from uniscale.es3.statements import run_files
from uniscale.lake import Lake
from uniscale.pipeline.steps import steps_until
from uniscale.simulator.worlds import DEFAULT, PRESETS

PLOT = PROJECT_ROOT / "docs" / "img" / "attribution.png"
WINDOWS = (1, 6, 24, 72, 168)
BEFORE, COUNTED, AFTER = 8, 8, 2
ACTIONS = ("click", "purchase")
BY_LIFT = "packaged, by lift"

_POPULATION = """
    create or replace temp table population as
    select a.action_id, a.action, t.causing_request_id,
        date_diff('microsecond', cause.requested_at, a.acted_at) / 3.6e9 as cause_hours,
        held.item_id is not null as is_held
    from lake.raw.actions a
    join read_parquet(?) t using (action_id)
    left join lake.raw.requests r on a.request_id = r.request_id
    left join lake.raw.requests cause on cause.request_id = t.causing_request_id
    left join lake.raw.candidates held on held.request_id = t.causing_request_id and held.item_id = a.item_id
    where a.action in ('click', 'purchase') and coalesce(r.domain, '') != 'search'
        and (r.domain is not null or a.request_id is null)
        and cast(a.acted_at as date) between ? and ?
"""
_JUDGED = """
    select p.action, coalesce(m.target, 'none') as target, count(*) as actions,
        count(p.causing_request_id) as caused,
        coalesce(sum(w.weight), 0) as attributed,
        coalesce(sum(w.weight) filter (where m.request_id = p.causing_request_id), 0) as correct,
        coalesce(sum(w.weight) filter (where m.request_id is not null and p.causing_request_id is null), 0) as baseless,
        count(*) filter (where p.is_held and p.cause_hours between 0 and ?) as reachable
    from population p
    left join attributions m using (action_id)
    left join weights w using (action_id)
    group by all order by all
"""
_NAMES = ("action", "target", "actions", "caused", "attributed", "correct", "baseless", "reachable")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="xs", choices=["xs", "s", "m"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[7, 8, 9])
    parser.add_argument("--world", choices=list(PRESETS), default=DEFAULT.name)
    arguments = parser.parse_args()
    counts: list[dict[str, Any]] = []
    for seed in arguments.seeds:
        with tempfile.TemporaryDirectory(prefix="uniscale-bench-") as scratch:
            counts += measure(Path(scratch), arguments.size, seed, arguments.world)
    record = {
        "date": date.today().isoformat(),
        "command": " ".join(["python -m benchmarks.data.attribution", *sys.argv[1:]]),
        "size": arguments.size,
        "world": arguments.world,
        "seeds": arguments.seeds,
        "counts": counts,
    }
    write(record)
    if arguments.world == DEFAULT.name:
        plot(counts)


def variants() -> list[tuple[str, dict[str, Any]]]:
    """Name and changed values of each policy; the packaged one first."""
    windows = [(f"window {hours} h", {"window_hours": hours}) for hours in WINDOWS]
    return [("packaged", {}), (BY_LIFT, {}), ("tie earliest", {"tie": "earliest"}), *windows]


def measure(folder: Path, size: str, seed: int, world: str) -> list[dict[str, Any]]:
    """Counts of one shop by policy, action and target."""
    shop = Shop(folder / "shop", size=size, train_days=BEFORE + COUNTED + AFTER)
    shop.simulate(seed, world=world)
    shop.build(steps_until("marts"))
    lake = Lake(shop.settings)
    start = shop.ds - timedelta(days=BEFORE + COUNTED + AFTER - 1)
    found = []
    with lake.read() as con:
        truth = str(folder / "shop" / "shop" / "truth" / "actions" / "*" / "*.parquet")
        first = start + timedelta(days=BEFORE)
        con.execute(_POPULATION, [truth, first, first + timedelta(days=COUNTED - 1)])
        for name, changes in variants():
            policy = policy_with(**changes)
            attribute(con, shop.settings, policy, start, shop.ds)
            weigh(con, shop, by_lift=name == BY_LIFT)
            for action in ACTIONS:
                hours = getattr(policy.attribution, action).window_hours
                found += [
                    {"seed": seed, "policy": name, "window_hours": hours, **row}
                    for row in rows(con, hours)
                    if row["action"] == action
                ]
    return found


def weigh(con: duckdb.DuckDBPyConnection, shop: Shop, *, by_lift: bool) -> None:
    """Make the temporary table ``weights``: what each attributed label counts."""
    run = plan_run(shop.settings, shop.ds)
    word = "lift" if by_lift else "rule"
    attribution = run.policy.attribution.model_copy(update={"weight": word})
    run = replace(run, policy=run.policy.model_copy(update={"attribution": attribution}))
    run_files(con, ("0_macros",), {})
    con.execute("create or replace temp table weights (action_id varchar, weight double)")
    for day in run.days:
        measure_lift(con, run, day)
        con.execute("insert into weights select action_id, weight from weighed('attributions') where ds = ?", [day.ds])


def rows(con: duckdb.DuckDBPyConnection, hours: int) -> list[dict[str, Any]]:
    return [dict(zip(_NAMES, row, strict=True)) for row in con.execute(_JUDGED, [hours]).fetchall()]


def shares(counts: Sequence[Mapping[str, Any]], policy: str, action: str) -> dict[str, list[float]]:
    """Precision, recall and reach of each seed."""
    mine = [row for row in counts if (row["policy"], row["action"]) == (policy, action)]
    found: dict[str, list[float]] = {"precision": [], "baseless": [], "recall": [], "reach": []}
    for seed in sorted({row["seed"] for row in mine}):
        total = {name: sum(row[name] for row in mine if row["seed"] == seed) for name in _NAMES[2:]}
        found["precision"].append(total["correct"] / total["attributed"])
        found["baseless"].append(total["baseless"] / total["attributed"])
        found["recall"].append(total["correct"] / total["caused"])
        found["reach"].append(total["reachable"] / total["caused"])
    return found


def cell(values: Sequence[float]) -> str:
    """Mean and standard error in per cent."""
    error = stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return f"{mean(values):.1%} ± {error:.1%}".replace("%", " %")


def write(record: dict[str, Any]) -> None:
    """Store the record as JSON, and as tables that a person reads."""
    counts = record["counts"]
    window = load_policy().attribution
    lines = [
        f"# Attribution against the truth of a simulated shop, {record['date']}",
        "",
        f"`{record['command']}`. Size {record['size']}, world {record['world']}; mean and standard error over "
        f"{len(record['seeds'])} seeds; outside actions of {COUNTED} days. Packaged windows: click "
        f"{window.click.window_hours} h, purchase {window.purchase.window_hours} h.",
        "",
        "| action | policy | actions | caused by a search | attributed | precision | baseless | recall | reach |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for action in ACTIONS:
        for name, _ in variants():
            mine = [row for row in counts if (row["policy"], row["action"]) == (name, action)]
            total = {key: sum(row[key] for row in mine) for key in _NAMES[2:]}
            found = shares(counts, name, action)
            lines.append(
                f"| {action} | {name} | {total['actions']:,} | {total['caused']:,} | {total['attributed']:,.0f} "
                f"| {' | '.join(cell(values) for values in found.values())} |"
            )
    lines += [
        "",
        "By target, packaged policy:",
        "",
        "| action | target | attributed | precision |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {action} | {target} | {total:,} | {cell(values)} |" for action, target, total, values in targets(counts)
    ]
    RECORDS.mkdir(exist_ok=True)
    world = "" if record["world"] == DEFAULT.name else f"_{record['world']}"
    stem = RECORDS / f"attribution_{record['size']}{world}_{record['date'][:7]}"
    stem.with_suffix(".json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    stem.with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


def targets(counts: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, int, list[float]]]:
    """Action, target, attributed actions, and precision of each seed; packaged policy."""
    mine = [row for row in counts if row["policy"] == "packaged" and row["attributed"]]
    keys = sorted({(row["action"], row["target"]) for row in mine})
    grouped = {key: [row for row in mine if (row["action"], row["target"]) == key] for key in keys}
    return [
        (*key, sum(row["attributed"] for row in found), [row["correct"] / row["attributed"] for row in found])
        for key, found in grouped.items()
    ]


def plot(counts: Sequence[Mapping[str, Any]]) -> None:
    """Precision, recall and reach by window, and precision by target."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.6), layout="constrained")
    panels = figure.subplots(1, 3)
    for axes, action in zip(panels, ACTIONS, strict=False):
        by_window = [shares(counts, f"window {hours} h", action) for hours in WINDOWS]
        for measure_name, colour in (("precision", "#b02a2a"), ("recall", "#1f5fa8"), ("reach", "#888888")):
            centre = [mean(found[measure_name]) for found in by_window]
            style = ":" if measure_name == "reach" else "o-"
            axes.plot(WINDOWS, centre, style, color=colour, markersize=4, label=measure_name)
        axes.set(title=f"{action}, by window", xlabel="window, hours", xscale="log", ylim=(0, 1.02))
        axes.set_xticks(WINDOWS, [str(hours) for hours in WINDOWS])
        axes.minorticks_off()
    panels[0].legend(fontsize=8)
    found = targets(counts)
    names = [
        f"{action}\n{target}".replace("exposed_unclicked", "exposed,\nunclicked") for action, target, _, _ in found
    ]
    panels[2].bar(names, [mean(values) for *_, values in found], color="#b02a2a")
    panels[2].set(title="precision by target, packaged policy", ylim=(0, 1.02))
    panels[2].tick_params(axis="x", labelsize=7)
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(PLOT, dpi=110)


if __name__ == "__main__":
    main()
