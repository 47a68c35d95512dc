"""Time and memory of the data half by candidate rows: ``python -m benchmarks.data.es3_scale --rows 1e6 5e6 20e6``.

A shop of about so many candidate rows over four days (three to train on) is simulated and landed. Then, each in a fresh
process: the steps ``marts`` and ``samples`` as a user runs them; one hand-written DuckDB script that gives the same
records (`es3_by_hand.sql`); and, at the smallest size, the same in pandas. That the counts are equal is checked. Writes
a record (JSON and Markdown) and a plot after every measurement.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.data.es3_scale_report import markdown, write
from benchmarks.data.es3_shops import ScaledShop, cpu_seconds, parse_rows
from benchmarks.record import begin
from uniscale.contracts.events import CANDIDATES
from uniscale.contracts.features import FEATURE_TABLES
from uniscale.contracts.outcomes import STEPS
from uniscale.contracts.samples import SAMPLES
from uniscale.lake import Lake


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", type=parse_rows, default=[1_000_000, 5_000_000, 20_000_000])
    parser.add_argument("--pandas-up-to", type=parse_rows, default=1_000_000, help="Most rows that pandas is given.")
    arguments = parser.parse_args()
    record = begin("benchmarks.data.es3_scale")
    for rows in sorted(arguments.rows):
        with tempfile.TemporaryDirectory(prefix="uniscale-bench-") as scratch:
            shop = ScaledShop(Path(scratch) / "shop", rows)
            record["sizes"][str(rows)] = found = prepare(shop)
            found["build"] = build(shop)
            write(record)
            found["by_hand"] = shop.run(
                "benchmarks.data.es3_by_hand", shop.ds.isoformat(), str(Path(scratch) / "by_hand")
            )
            write(record)
            if rows <= arguments.pandas_up_to:
                found["pandas"] = shop.run(
                    "benchmarks.data.es3_pandas", shop.ds.isoformat(), str(Path(scratch) / "pandas")
                )
                write(record)
    print(markdown(record))


def prepare(shop: ScaledShop) -> dict[str, Any]:
    """Simulate and land."""
    shop.simulate()
    shop.build(("land",))
    with Lake(shop.settings).read() as con:
        row = con.execute(f"select count(*) from {CANDIDATES.qualified}").fetchone()
    assert row is not None
    return {"candidate_rows": row[0], "memory_limit": shop.settings.lake.memory_limit, "load": os.getloadavg()[0]}


def build(shop: ScaledShop) -> dict[str, Any]:
    """The steps marts and samples; seconds and peak memory as the ledger has them, and what the seconds went into."""
    before = cpu_seconds()
    shop.build(("marts", "samples"))
    cpu = cpu_seconds() - before
    with Lake(shop.settings).read() as con:
        rows = con.execute(
            f"select step, seconds, peak_mib, details from {STEPS.qualified} where ds = ?", [shop.ds]
        ).fetchall()
        sampled = con.execute(f"select sum(len(item_ids)) from {SAMPLES.qualified}").fetchone()
    assert sampled is not None
    steps = {step: {"seconds": seconds, "peak_mib": peak} for step, seconds, peak, _ in rows}
    details = {step: json.loads(text) for step, *_, text in rows}
    models: dict[str, float] = details["marts"]["models"]
    features = sum(models[table.name] for table in FEATURE_TABLES)
    total = steps["marts"]["seconds"] + steps["samples"]["seconds"]
    return {
        "seconds": total,
        "cpu_seconds": cpu,
        "peak_mib": max(steps["marts"]["peak_mib"], steps["samples"]["peak_mib"]),
        "sample_rows": int(sampled[0]),
        "same_work_seconds": total - features,
        "parts": {
            "marts: exposures, attribution, query statistics": sum(models.values()) - features,
            "marts: features": features,
            "marts: dbt, data tests, lake": steps["marts"]["seconds"] - sum(models.values()),
            "samples: sequences, days": sampled[0] / details["samples"]["rows_per_second"],
            "samples: held-out queries, counts": steps["samples"]["seconds"]
            - sampled[0] / details["samples"]["rows_per_second"],
        },
        "models": models,
        "searchified": details["samples"]["searchified"],
    }


if __name__ == "__main__":
    main()
