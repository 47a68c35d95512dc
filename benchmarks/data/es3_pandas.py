"""The same samples in pandas, in a process of its own: ``python -m benchmarks.data.es3_pandas DAY OUT``.

As `es3_by_hand.sql`, all days at once, on the lake of the settings. Unexposed rows are drawn by a random generator.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.data.es3_by_hand import values
from benchmarks.data.es3_pandas_labels import attribute, growth, native_clicks, native_labels, read, real_rows
from benchmarks.data.es3_pandas_queries import synthetic_rows
from benchmarks.data.es3_same import compare
from benchmarks.data.es3_shops import peak_mib
from uniscale.config.settings import load_settings
from uniscale.lake import Lake

ITEM_LISTS = {
    "item_id": "item_ids",
    "action_id": "action_ids",
    **{
        name: name
        for name in (
            *("is_exposed", "provenance", "is_clicked", "is_carted", "is_purchased"),
            *("purchase_value", "inclusion_probability", "label_weight"),
        )
    },
}
ACTION_LISTS = {
    "recorded_at": "known_at",
    "acted_at": "acted_at",
    "item_id": "item_ids",
    "category_id": "category_ids",
    "action": "actions",
    "domain": "domains",
}


def sequences(tables: dict[str, pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row per user with everything the user did, and how many actions were known from when on."""
    days = tables["days"]
    acts = tables["actions"][tables["actions"]["ds"].isin(days.loc[days["is_train"], "ds"])]
    items = tables["items"]
    items = items.assign(known_from=items[["valid_from", "recorded_at"]].max(axis=1)).sort_values("known_from")
    acts = pd.merge_asof(
        acts.sort_values("recorded_at"),
        items[["item_id", "known_from", "category_id"]],
        left_on="recorded_at",
        right_on="known_from",
        by="item_id",
    )
    acts = acts.sort_values(["user_id", "recorded_at", "acted_at", "action_id"])
    acts["category_id"] = acts["category_id"].fillna("")
    gathered = acts.groupby("user_id").agg(dict.fromkeys(ACTION_LISTS, list)).rename(columns=ACTION_LISTS)
    acts["num_known"] = acts.groupby("user_id").cumcount() + 1
    known = acts.drop_duplicates(["user_id", "recorded_at"], keep="last")
    return gathered.reset_index(), known[["user_id", "recorded_at", "num_known"]].sort_values("recorded_at")


def records(rows: pd.DataFrame, requests: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """One row per request, real or synthetic, lists over its items."""
    rows = rows.assign(is_hidden=~rows["is_exposed"]).sort_values(["sample_id", "is_hidden", "position", "item_id"])
    firsts = ("request_id", "made_query", "query_tier", "query_support", "query_confidence")
    grouped = rows.groupby("sample_id", sort=False)
    gathered = grouped.agg({**dict.fromkeys(firsts, "first"), **dict.fromkeys(ITEM_LISTS, list)})
    gathered = gathered.rename(columns=ITEM_LISTS).reset_index()
    columns = ["request_id", "ds", "user_id", "domain", "requested_at", "query_text", "label_as_of", "is_final"]
    found = gathered.merge(requests[columns], on="request_id").sort_values("requested_at", kind="stable")
    found["query_text"] = found["query_text"].where(found["query_tier"] == 0, found["made_query"])
    found = pd.merge_asof(
        found,
        known,
        left_on="requested_at",
        right_on="recorded_at",
        by="user_id",
        allow_exact_matches=False,
    )
    found["sequence_length"] = found["num_known"].fillna(0).astype("int64")
    return found.drop(columns=["made_query", "recorded_at", "num_known"])


def main() -> None:
    """Make the samples; prints seconds (also by stage), peak memory and counts."""
    ds, out = date.fromisoformat(sys.argv[1]), Path(sys.argv[2])
    out.mkdir()
    settings = load_settings()
    given = values(settings, ds)
    stages: dict[str, float] = {}
    began = time.perf_counter()

    def done(stage: str) -> None:
        stages[stage] = time.perf_counter() - began - sum(stages.values())

    with Lake(settings).read() as con:
        tables = read(con, given)
        done("read")
        exposures = native_labels(tables)
        done("native labels")
        clicks = native_clicks(tables["actions"])
        attributions = attribute(tables, exposures, clicks, given)
        done("attribution")
        trained = attributions.merge(tables["days"].loc[tables["days"]["is_train"], ["ds"]], on="ds")
        real = real_rows(exposures, trained, growth(trained, given), given)
        done("draw, labels, weights")
        synthetic = synthetic_rows(tables, exposures, trained, clicks, real=real, given=given)
        done("searchification")
        sequence, known = sequences(tables)
        sequence.to_parquet(out / "sequences.parquet", compression="zstd")
        done("sequences")
        made = records(pd.concat([real.assign(made_query=None), synthetic]), tables["requests"], known)
        made.to_parquet(out / "records.parquet", compression="zstd")
        done("records")
        found: dict[str, Any] = {"seconds": time.perf_counter() - began, "peak_mib": peak_mib(), "stages": stages}
        attributed = attributions.groupby(["action", "target"]).size()
        counted = {f"{action} to {target}": int(count) for (action, target), count in attributed.items()}
        found["same"] = compare(con, ds, out, exposures=len(exposures), attributed=counted)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
