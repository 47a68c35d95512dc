"""How often a day promotes a recipe that is no better, and how soon it finds one that is.

``python -m benchmarks.decision.simulation`` runs histories of days through the evaluation and the rule of the platform
(`benchmarks.decision.days`), next to the rule that it replaced: promote on the first day whose own interval lies above
0. Then many more histories of Gaussian days through the interval alone, where what the rule supposes is wrong.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import sqrt
from statistics import mean, median
from typing import Any

import numpy as np

from benchmarks.decision.days import Shop, gauc_per_skill, measure_day
from benchmarks.decision.retraining import over_seeds
from benchmarks.decision.wrong import CASES, false_promotions
from benchmarks.record import begin, store
from uniscale.config.settings import GateSettings
from uniscale.decision.gate import judge_recipe
from uniscale.decision.readings import over_days

DAYS = 60
LOOK = 10
"""Day on whose page the stated days are read."""


def shops(gate: GateSettings) -> dict[str, Shop]:
    """What is simulated: two equal recipes whose retraining moves little or as declared, and a true effect."""
    return {
        "equal, retraining moves nothing": Shop(requests=400, retraining=0.0, effect=0.0),
        "equal, retraining as declared": Shop(requests=400, retraining=gate.retrain_deviation, effect=0.0),
        "better, retraining moves half as much": Shop(
            requests=400, retraining=gate.retrain_deviation / 2, effect=gate.effect
        ),
        "better, retraining as declared": Shop(requests=400, retraining=gate.retrain_deviation, effect=gate.effect),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--histories", type=int, default=200)
    arguments = parser.parse_args()
    gate = GateSettings()
    rng = np.random.default_rng(17)
    slope = gauc_per_skill(rng)
    record = begin("benchmarks.decision.simulation")
    record["gate"] = gate.model_dump(exclude={"guardrails"})
    record["histories"] = arguments.histories
    record["retraining"] = over_seeds()
    record["shops"] = {}
    for name, shop in shops(gate).items():
        print(f"{name}: {arguments.histories} histories of {DAYS} days", file=sys.stderr)
        found = [history(rng, shop, slope, gate) for _ in range(arguments.histories)]
        record["shops"][name] = {**asdict(shop), **summary(found)}
    record["gaussian"] = {name: false_promotions(case, gate, DAYS) for name, case in CASES.items()}
    store("decision", record, page(record))


def history(rng: np.random.Generator, shop: Shop, slope: float, gate: GateSettings) -> dict[str, Any]:
    """The day on which each rule promotes, None if it does not, and what the page says on day `LOOK`."""
    rows: list[dict[str, Any]] = []
    found: dict[str, Any] = {"by_day": None, "pooled": None, "stated": None, "covered": True}
    for day in range(1, DAYS + 1):
        rows.append(measure_day(rng, shop, day - 1, slope))
        if found["by_day"] is None and rows[-1]["ci_low"] > 0:
            found["by_day"] = day
        reading = over_days(rows, "gauc", "all", gate)
        answer = judge_recipe(reading, (), gate)
        if found["pooled"] is None and answer.passes:
            found["pooled"] = day
        if reading.low is not None and not reading.low <= shop.effect <= reading.high:
            found["covered"] = False
        if day == LOOK:
            found["stated"] = answer.evidence["days_to_see_effect"]
    return {**found, "mean_standard_error": mean(row["standard_error"] for row in rows)}


def summary(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Shares of the histories, and days."""
    total = len(found)

    def share(rule: str, last: int) -> float:
        return sum(one[rule] is not None and one[rule] <= last for one in found) / total

    stated = sorted(one["stated"] for one in found if one["stated"] is not None)
    days = [one["pooled"] for one in found if one["pooled"] is not None]
    in_time = [one["pooled"] is not None and one["pooled"] <= one["stated"] for one in found if one["stated"]]
    return {
        "test_noise": mean(one["mean_standard_error"] for one in found),
        **{f"{rule}_{last}": share(rule, last) for rule in ("by_day", "pooled") for last in (30, DAYS)},
        "covered": sum(one["covered"] for one in found) / total,
        "stated_days": median(stated) if stated else None,
        "found_in_stated_days": mean(in_time) if in_time else None,
        "median_day": median(days) if days else None,
    }


def page(record: Mapping[str, Any]) -> str:
    """The record as a person reads it."""
    total, gate, seeds = record["histories"], record["gate"], record["retraining"]
    nominal = (1 - gate["confidence"]) / 2
    lines = [
        f"# Who serves: how often the rules are wrong, {record['date']}",
        "",
        f"`{record['command'].strip()}`; {record['hardware']}. {total} histories of {DAYS} days each, through the",
        "bootstrap, the pooled interval and the rule of the platform. A day has 400 requests, half on weekends. *By",
        "day*: the rule before, which promoted on the first day whose own 95 % interval lay above 0. *Pooled*:",
        f"superiority over all days, valid at every look; nominal false promotions {100 * nominal:g} %. In brackets:",
        "standard error.",
        "",
        f"Retraining: in {seeds['record']}, GAUC of one recipe over seeds has the deviation {seeds['deviation']:.4f},",
        f"pooled over {seeds['recipes']} recipes; of a difference of two it is {seeds['of_difference']:.4f}, and",
        f"{gate['retrain_deviation']:g} is declared.",
        "",
        "| recipes | true effect | retraining | test noise | by day, 30 days | by day, 60 | pooled, 30 | pooled, 60 "
        "| interval held on all days |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, shop in record["shops"].items():
        shares = [_share(shop[f"{rule}_{last}"], total) for rule in ("by_day", "pooled") for last in (30, DAYS)]
        lines.append(
            f"| {name} | {shop['effect']:+.3f} | {shop['retraining']:.3f} | {shop['test_noise']:.4f} | "
            f"{' | '.join(shares)} | {_share(shop['covered'], total)} |"
        )
    lines += [
        "",
        f"What the page of day {LOOK} says of a gain of {gate['effect']:g}, to hold in at least 80 of 100 histories:",
        "",
        "| recipes | stated days, median | found by then | found on day, median |",
        "|---|---|---|---|",
    ]
    for name, shop in record["shops"].items():
        if shop["effect"]:
            lines.append(
                f"| {name} | {shop['stated_days']:g} | {_share(shop['found_in_stated_days'], total)} | "
                f"{shop['median_day']:g} |"
            )
    lines += [
        "",
        "Promotions of recipes that are no better in 60 days (test noise 0.004), also where the rule supposes wrongly:",
        f"it takes days for independent, and what is declared of retraining for that of {gate['prior_days']:g} days.",
        "",
        "| days | histories | pooled | by day |",
        "|---|---|---|---|",
    ]
    for name, found in record["gaussian"].items():
        shares = " | ".join(_share(found[rule], found["histories"]) for rule in ("pooled", "by_day"))
        lines.append(f"| {name} | {found['histories']:,} | {shares} |")
    return "\n".join(lines) + "\n"


def _share(share: float, count: int) -> str:
    return f"{100 * share:.1f} % ({100 * sqrt(share * (1 - share) / count):.1f})"


if __name__ == "__main__":
    main()
