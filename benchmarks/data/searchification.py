"""Are synthetic queries like real ones, and do they leak? ``python -m benchmarks.data.searchification``.

On a simulated shop: real searches whose query is hidden, each tier tried on all of them; and the leak (AUC within the
request of every input and of all together) when all synthetic queries come from one tier. On the Home Depot judgements
(query, product, relevance 1 to 3; pass ``--home-depot``): how relevant the query is that lies nearest to a product's
title; without the file the month's record keeps what it has of them. Writes a record and a plot.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.rankers.weights import write_policy
from benchmarks.record import RECORDS
from benchmarks.shop import Shop
from uniscale.checkout import PROJECT_ROOT
from uniscale.es3.embed import NgramEmbedder
from uniscale.es3.nearest import QueryIndex
from uniscale.features.leak.guard import TOGETHER, beyond, compared, excess
from uniscale.lake import Lake
from uniscale.pipeline.ledger import finished
from uniscale.pipeline.steps import steps_until

PLOT = PROJECT_ROOT / "docs" / "img" / "searchification.png"
TIERS = {"tier 1": "own past query", "tier 2": "co-occurring query", "tier 3": "nearest query"}
LEAKS = ("text_match", "query_category_share", "log_item_num_exposures", TOGETHER)
MIXES = (0.0, 1.0, 3.0, 10.0)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="s", help="Size of the simulated shop.")
    parser.add_argument("--home-depot", type=Path, help="train.csv.zip of the Home Depot relevance judgements.")
    arguments = parser.parse_args()
    record: dict[str, Any] = {
        "date": date.today().isoformat(),
        "command": "python -m benchmarks.data.searchification " + " ".join(sys.argv[1:]),
        "size": arguments.size,
    }
    with tempfile.TemporaryDirectory(prefix="uniscale-bench-") as scratch:
        shop = Shop(Path(scratch) / "shop", size=arguments.size, train_days=7)
        shop.simulate()
        shop.build(steps_until("marts"))
        record["mix"] = {mix: _details(shop, scratch, {"user_mix": mix})["queries"]["alone"] for mix in MIXES}
        record["leak"] = {
            tier: _details(shop, scratch, {"tiers": [int(tier[-1])], "max_leak": 1.0}, "frames")["leak"]
            for tier in TIERS
        }
        record["packaged"] = _details(shop, scratch, {})
        record["excess"] = _excess(_details(shop, scratch, {}, "frames"))
    if arguments.home_depot:
        record["home_depot"] = {"date": record["date"], **judge_nearest(arguments.home_depot)}
    elif (kept := _stem(record).with_suffix(".json")).is_file():
        record |= {key: value for key, value in json.loads(kept.read_text()).items() if key == "home_depot"}
    write(record)


def _details(shop: Shop, scratch: str, changes: Mapping[str, Any], step: str = "samples") -> dict[str, Any]:
    """Details of the step samples, or of the one after it, under a changed policy."""
    shop.settings.policy = write_policy(Path(scratch), {f"searchification.{key}": v for key, v in changes.items()})
    shop.build(("samples",) if step == "samples" else ("samples", step))
    entry = finished(Lake(shop.settings), shop.ds, step)
    assert entry is not None
    details: dict[str, Any] = json.loads(entry["details"])
    return details


def _excess(frames: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs of synthetic requests that order them better than real ones by more than the margin and two errors."""
    leak, margin = frames["leak"], frames["max_leak"]
    passed = {f"{tier}: {name}": excess(leak, tier, name)[0] for tier, name in beyond(leak, margin, 2)}
    return {"compared": len(compared(leak)), "margin": margin, "beyond": passed}


def judge_nearest(file: Path) -> dict[str, Any]:
    """The query nearest to each product's title, against people's judgements.

    Returns:
        ``products``; ``judged`` (share of products whose nearest query was judged for that very product); mean
        ``relevance`` of those, and of ``all`` judgements; ``by_similarity`` (cosine from, relevance, pairs); and
        ``pairs_in_order`` (of two queries judged differently for one product, how often the more relevant is nearer).
    """
    import pandas as pd

    with zipfile.ZipFile(file) as archive, archive.open(archive.namelist()[0]) as text:
        rows = pd.read_csv(text, encoding="latin-1")
    queries, titles = rows["search_term"].str.lower(), rows["product_title"].str.lower()
    query_names, query_of_row = np.unique(queries, return_inverse=True)
    title_names, title_of_row = np.unique(titles, return_inverse=True)
    relevance = rows["relevance"].to_numpy()
    embedder = NgramEmbedder()
    embedder.fit([*title_names[:: max(len(title_names) // 20_000, 1)], *query_names])
    asked, sold = embedder.embed(query_names), embedder.embed(title_names)
    cosine = np.einsum("ij,ij->i", asked[query_of_row], sold[title_of_row])
    nearest, similarity = QueryIndex(asked, "Flat").nearest(sold)
    judged = {(t, q): r for t, q, r in zip(title_of_row, query_of_row, relevance, strict=True)}
    hits = [(s, judged[t, q]) for t, (q, s) in enumerate(zip(nearest, similarity, strict=True)) if (t, q) in judged]
    bands = []
    for low in (0.2, 0.3, 0.4, 0.5, 0.6, 0.7):
        band = [r for s, r in hits if low <= s < low + 0.1]
        bands.append({"from": low, "relevance": float(np.mean(band)) if band else None, "pairs": len(band)})
    return {
        "products": len(title_names),
        "queries": len(query_names),
        "judged": len(hits) / len(title_names),
        "relevance": float(np.mean([r for _, r in hits])),
        "irrelevant": float(np.mean([r < 2 for _, r in hits])),
        "all": float(relevance.mean()),
        "all_irrelevant": float((relevance < 2).mean()),
        "by_similarity": bands,
        "pairs_in_order": _pairs_in_order(title_of_row, cosine, relevance),
    }


def _pairs_in_order(titles: np.ndarray, cosine: np.ndarray, relevance: np.ndarray) -> float:
    of_title = defaultdict(list)
    for title, near, relevant in zip(titles, cosine, relevance, strict=True):
        of_title[title].append((near, relevant))
    wins = total = 0.0
    for judged in of_title.values():
        for place, (near, relevant) in enumerate(judged):
            for other_near, other_relevant in judged[:place]:
                if relevant != other_relevant:
                    total += 1
                    product = (near - other_near) * (relevant - other_relevant)
                    wins += 1.0 if product > 0 else 0.5 if product == 0 else 0.0
    return wins / total


def _stem(record: Mapping[str, Any]) -> Path:
    return RECORDS / f"searchification_{record['date'][:7]}"


def write(record: dict[str, Any]) -> None:
    """Store the record as JSON, as tables that a person reads, and as a plot."""
    RECORDS.mkdir(exist_ok=True)
    stem = _stem(record)
    stem.with_suffix(".json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    packaged = record["packaged"]
    queries = packaged["queries"]
    lines = [
        f"# Synthetic queries, {record['date']}",
        "",
        f"`{record['command']}`. Shop of size {record['size']}, seven training days. {queries['searches']:,} real "
        f"searches of the last day with their query hidden; cosine of two unrelated searches {queries['chance']:.2f}.",
        "",
        "Leak: all synthetic queries from this tier, AUC within the request for the click, of real lists in brackets.",
        "",
        "| query from | requests made | found for | exact | same intent | similarity | text match | category share "
        "| exposures | all inputs |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for tier, title in TIERS.items():
        alone, leak = queries["alone"][tier], record["leak"][tier]
        made = packaged["searchified"].get(tier, 0)
        lines.append(
            f"| {tier[-1]} {title} | {made:,} | {_share(alone['coverage'])} | {_share(alone['exact'])} "
            f"| {_share(alone['same_intent'])} | {alone['similarity']} "
            f"| {' | '.join(_against_real(leak, tier, name) for name in LEAKS)} |"
        )
    over = record["excess"]
    lines += [
        "",
        f"Of {over['compared']} inputs under the packaged policy, {len(over['beyond'])} order synthetic requests "
        f"better than real lists by more than {over['margin']} and two standard errors.",
    ]
    lines += ["", *_shape_lines(packaged), "", *_fate_lines(packaged)]
    lines += ["", "| user_mix | exact, tier 2 | same intent | similarity |", "|---|---|---|---|"]
    for mix, alone in record["mix"].items():
        found = alone["tier 2"]
        lines.append(f"| {mix} | {_share(found['exact'])} | {_share(found['same_intent'])} | {found['similarity']} |")
    if "home_depot" in record:
        lines += ["", *_home_depot_lines(record["home_depot"])]
    text = "\n".join(lines) + "\n"
    stem.with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)
    plot(record)


def _shape_lines(packaged: Mapping[str, Any]) -> list[str]:
    lines = ["| requests | rows each | positive | positive by weight |", "|---|---|---|---|"]
    return lines + [
        f"| {kind} | {one['rows']} | {_share(one['positive_rate'])} | {_share(one['weighed_rate'])} |"
        for kind, one in packaged["shape"].items()
    ]


def _fate_lines(packaged: Mapping[str, Any]) -> list[str]:
    fates = packaged["outside_clicks"]
    lines = ["| outside clicks | number | share |", "|---|---|---|"]
    return lines + [f"| {fate} | {n:,} | {_share(n / sum(fates.values()))} |" for fate, n in fates.items()]


def _home_depot_lines(found: Mapping[str, Any]) -> list[str]:
    lines = [
        f"Home Depot, {found.get('date', 'earlier this month')}: {found['products']:,} products, {found['queries']:,} "
        "queries. The nearest query was judged for "
        f"{_share(found['judged'])} of the products: mean relevance {found['relevance']:.2f} of 3 (all judged pairs "
        f"{found['all']:.2f}), below 2 for {_share(found['irrelevant'])} (all {_share(found['all_irrelevant'])}). "
        f"Of two queries judged differently for one product, the nearer one is the more relevant in "
        f"{_share(found['pairs_in_order'])}.",
        "",
        "| cosine | relevance | judged |",
        "|---|---|---|",
    ]
    for band in found["by_similarity"]:
        shown = "" if band["relevance"] is None else f"{band['relevance']:.2f}"
        lines.append(f"| {band['from']:.1f} to {band['from'] + 0.1:.1f} | {shown} | {band['pairs']:,} |")
    return lines


def _share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f} %"


def _against_real(leak: Mapping[str, Any], tier: str, name: str) -> str:
    if tier not in leak or leak[tier]["inputs"][name]["se"] is None:
        return ""
    made, real = (leak[of]["inputs"][name] for of in (tier, "native"))
    return f"{made['auc']:.3f} ± {made['se']:.3f} ({real['auc']:.3f})"


def plot(record: Mapping[str, Any]) -> None:
    """Coverage and likeness by tier; leak by tier; relevance by similarity."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.4), layout="constrained")
    quality, leak, relevance = figure.subplots(1, 3, width_ratios=[1.5, 1, 1])
    alone = record["packaged"]["queries"]["alone"]
    kinds = {"coverage": "found for", "same_intent": "same intent", "exact": "exact", "similarity": "similarity"}
    for place, (kind, title) in enumerate(kinds.items()):
        values = [alone[tier][kind] or 0 for tier in TIERS]
        bars = quality.bar(np.arange(3) + 0.2 * (place - 1.5), values, width=0.19, label=title)
        quality.bar_label(bars, [f"{value:.2f}" for value in values], fontsize=7)
    quality.axhline(record["packaged"]["queries"]["chance"], color="#1f2933", linestyle=":", linewidth=1)
    quality.set_xticks(range(3), [f"{tier[-1]} {title}" for tier, title in TIERS.items()], fontsize=8)
    quality.set_title("against hidden real queries", fontsize=10)
    quality.set_ylim(0, 1.25)
    quality.legend(fontsize=7, ncols=4, frameon=False, loc="upper center")
    for place, tier in enumerate(TIERS):
        found = record["leak"][tier]
        for shift, (name, colour) in zip(
            (-0.15, 0.15), (("text_match", "#c2410c"), (TOGETHER, "#2f855a")), strict=True
        ):
            for of, marker in ((tier, "o"), ("native", "_")):
                one = found.get(of, {}).get("inputs", {}).get(name)
                if one is not None and one["se"] is not None:
                    label = name.replace("_", " ") if (place, of) == (0, tier) else None
                    leak.errorbar(
                        place + shift, one["auc"], yerr=2 * one["se"], fmt=marker, color=colour, capsize=3, label=label
                    )
    leak.axhline(0.5, color="#1f2933", linestyle=":", linewidth=1)
    leak.set_xticks(range(3), [tier[-1] for tier in TIERS])
    leak.set_xlabel("tier (dash: real lists)")
    leak.set_title("AUC within the request", fontsize=10)
    leak.legend(fontsize=8, frameon=False)
    if "home_depot" in record:
        found = record["home_depot"]
        bands = [band for band in found["by_similarity"] if band["pairs"] >= 30]
        relevance.plot(
            [band["from"] + 0.05 for band in bands], [band["relevance"] for band in bands], "o-", color="#2f855a"
        )
        relevance.axhline(found["all"], color="#1f2933", linestyle=":", label="all judged pairs")
        relevance.set_xlabel("cosine of title and nearest query")
        relevance.legend(fontsize=8, frameon=False)
    relevance.set_title("Home Depot: relevance, 1 to 3", fontsize=10)
    for axes in (quality, leak, relevance):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(PLOT, dpi=110)


if __name__ == "__main__":
    main()
