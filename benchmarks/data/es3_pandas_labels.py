"""Labels in pandas: native labels, attribution, growth, the unexposed draw, weights; all days at once.

Merges, groups and ranks whole columns, with the names of `es3_by_hand.sql`.
"""

from __future__ import annotations

from datetime import timedelta
from math import prod
from typing import Any

import numpy as np
import pandas as pd


def read(con: Any, given: dict[str, Any]) -> dict[str, pd.DataFrame]:
    """The raw tables, with what their request says of actions."""
    tables = {
        name: con.execute(f"select * from lake.raw.{name}").to_arrow_table().to_pandas()
        for name in ("items", "requests", "candidates", "actions")
    }
    for table in tables.values():
        table["ds"] = table["ds"].astype("datetime64[us]")
    days = pd.DataFrame(given["days"]).astype({"ds": "datetime64[us]", "label_as_of": "datetime64[us]"})
    requests = tables["requests"].drop(columns="attributes").merge(days, on="ds")
    search = requests["query_text"].str.lower().str.replace(r"\s+", " ", regex=True).str.strip()
    requests["search"] = search.where(search != "")
    actions = tables["actions"].merge(
        requests[["request_id", "user_id", "domain", "ds", "label_as_of", "search"]],
        on="request_id",
        how="left",
        suffixes=("", "_of_request"),
    )
    actions["value"] = actions["quantity"].fillna(1) * actions["unit_price"].fillna(0)
    actions["is_native"] = actions["user_id"] == actions["user_id_of_request"]
    domain = actions["domain_of_request"].fillna(actions["domain"])
    actions["is_outside"] = actions["request_id"].isna() | (domain != given["target"])
    return {**tables, "days": days, "requests": requests, "actions": actions}


def native_labels(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """All candidates with what happened in their own request."""
    actions = tables["actions"]
    seen = actions[actions["is_native"] & (actions["recorded_at"] < actions["label_as_of"])]
    flags = pd.DataFrame(
        {
            "request_id": seen["request_id"],
            "item_id": seen["item_id"],
            "is_clicked": seen["action"].isin(["click", "purchase"]),
            "is_carted": seen["action"].isin(["cart", "favorite"]),
            "is_purchased": seen["action"] == "purchase",
            "purchase_value": seen["value"].where(seen["action"] == "purchase", 0),
        }
    )
    summed = flags.groupby(["request_id", "item_id"], as_index=False).agg(
        {"is_clicked": "max", "is_carted": "max", "is_purchased": "max", "purchase_value": "sum"}
    )
    columns = ["request_id", "ds", "is_train", "user_id", "domain", "requested_at"]
    rows = (
        tables["candidates"][["request_id", "item_id", "is_exposed", "position"]]
        .merge(tables["requests"][columns], on="request_id")
        .merge(summed, on=["request_id", "item_id"], how="left")
    )
    for flag in ("is_clicked", "is_carted", "is_purchased"):
        rows[flag] = rows[flag].eq(True)
    return rows.assign(purchase_value=rows["purchase_value"].fillna(0))


def native_clicks(actions: pd.DataFrame) -> pd.DataFrame:
    """When each natively clicked row was known to be clicked."""
    clicked = actions[actions["is_native"] & actions["action"].isin(["click", "purchase"])]
    keys = ["request_id", "item_id", "domain_of_request", "search", "ds_of_request"]
    found = clicked.groupby(keys, as_index=False, dropna=False)["recorded_at"].min()
    return found.rename(columns={"recorded_at": "clicked_at"})


def attribute(
    tables: dict[str, pd.DataFrame], exposures: pd.DataFrame, clicks: pd.DataFrame, given: dict[str, Any]
) -> pd.DataFrame:
    """The best row for each outside action."""
    actions = tables["actions"]
    outside = actions[actions["is_outside"] & actions["action"].isin(["click", "purchase"])]
    targets = exposures[exposures["domain"] == given["target"]]
    pairs = outside[["action_id", "action", "user_id", "item_id", "acted_at", "recorded_at", "value"]].merge(
        targets[["user_id", "item_id", "request_id", "requested_at", "is_exposed", "ds"]], on=["user_id", "item_id"]
    )
    pairs = pairs[pairs["acted_at"] >= pairs["requested_at"]]
    pairs = pairs.merge(clicks[["request_id", "item_id", "clicked_at"]], on=["request_id", "item_id"], how="left")
    is_clicked = pairs["clicked_at"] <= pairs["recorded_at"]
    kinds = {
        "exposed": pairs["is_exposed"],
        "clicked": is_clicked,
        "exposed_unclicked": pairs["is_exposed"] & ~is_clicked,
        "unexposed": ~pairs["is_exposed"],
    }
    parts = []
    for rule in given["rules"]:
        in_window = pairs["acted_at"] <= pairs["requested_at"] + timedelta(hours=rule["window_hours"])
        part = pairs[kinds[rule["target"]] & in_window & (pairs["action"] == rule["action"])]
        parts.append(part.assign(target=rule["target"], rank=rule["rank"], label_weight=rule["label_weight"]))
    ranked = pd.concat(parts).sort_values(["rank", "requested_at", "request_id"], ascending=[True, False, True])
    best = ranked.drop_duplicates("action_id").merge(tables["days"][["ds", "label_as_of"]], on="ds")
    return best[best["recorded_at"] < best["label_as_of"]]


def growth(attributions: pd.DataFrame, given: dict[str, Any]) -> dict[tuple[str, pd.Timestamp], float]:
    """What an attributed label of each action and day is multiplied by."""
    ages = (attributions["recorded_at"].dt.normalize() - attributions["ds"]).dt.days.clip(lower=0)
    window, factors = given["window_days"], {}
    days = [(pd.Timestamp(day["ds"]), min(day["age"], window), day) for day in given["days"] if day["is_train"]]
    for action in ("click", "purchase"):
        known = {}
        for ds, oldest, _ in days:
            mine = ages[(attributions["action"] == action) & (attributions["ds"] == ds)]
            known[ds] = [int((mine <= age).sum()) for age in range(oldest + 1)]
        steps = []
        for age in range(window):
            older = [counts for counts in known.values() if len(counts) > age + 1]
            before, after = sum(counts[age] for counts in older), sum(counts[age + 1] for counts in older)
            steps.append(after / before if before else 1.0)
        for ds, oldest, day in days:
            weighs = given["weigh"] and not day["is_final"]
            factors[action, ds] = min(round(prod(steps[oldest:]), 3), given["max_weight"]) if weighs else 1.0
    return factors


def real_rows(
    exposures: pd.DataFrame, attributions: pd.DataFrame, factors: dict[Any, float], given: dict[str, Any]
) -> pd.DataFrame:
    """Exposed rows, forced positives and drawn unexposed rows of the target domain, with labels and weights."""
    rows = exposures[exposures["is_train"] & (exposures["domain"] == given["target"])]
    first = attributions.sort_values(["acted_at", "action_id"])
    for action in ("click", "purchase"):
        mine = first[first["action"] == action].groupby(["request_id", "item_id"], as_index=False)
        found = mine.agg({"action_id": "first", "label_weight": "first", "value": "sum"})
        found.columns = pd.Index(["request_id", "item_id", f"{action}_id", f"{action}_weight", "outside_value"])
        if action == "click":
            found = found.drop(columns="outside_value")
        rows = rows.merge(found, on=["request_id", "item_id"], how="left")
    has_click, has_purchase = rows["click_id"].notna(), rows["purchase_id"].notna()
    is_native = rows["is_exposed"] | rows["is_clicked"] | rows["is_carted"] | rows["is_purchased"]
    kept = is_native | has_click | has_purchase
    of_request = rows.assign(is_kept=kept, is_forced=kept & ~rows["is_exposed"], is_pool=~kept).groupby("request_id")
    quota = (given["ratio"] * of_request["is_exposed"].transform("sum")).round() - of_request["is_forced"].transform(
        "sum"
    )
    chance = np.random.default_rng(0).random(len(rows))
    draw = pd.Series(np.where(kept, -1.0, chance), index=rows.index)
    place = draw[~kept].groupby(rows.loc[~kept, "request_id"]).rank(method="first").reindex(rows.index)
    rows = rows.assign(
        adds_click=has_click & ~rows["is_clicked"],
        adds_purchase=has_purchase & ~rows["is_purchased"],
        inclusion_probability=np.where(kept, 1.0, np.minimum(1.0, quota / of_request["is_pool"].transform("sum"))),
    )[kept | (place <= quota)]
    adds = rows["adds_click"] | rows["adds_purchase"]
    kinds = np.select(
        [adds & rows["is_exposed"], adds, is_native[rows.index]],
        ["attributed_exposed", "attributed_unexposed", "native"],
        "unexposed",
    )
    weights = {weight["provenance"]: weight["weight"] for weight in given["weights"]}
    added_by = np.where(rows["adds_purchase"], "purchase", "click")
    grown = pd.Series(list(zip(added_by, rows["ds"], strict=True)), index=rows.index)[adds].map(factors)
    of_provenance = pd.Series(kinds, index=rows.index).map(weights)
    added_weight = rows["purchase_weight"].where(rows["adds_purchase"], rows["click_weight"]).where(adds, 1.0)
    return pd.DataFrame(
        {
            "sample_id": rows["request_id"],
            "request_id": rows["request_id"],
            "query_tier": 0,
            "query_support": 0,
            "query_confidence": 1.0,
            "item_id": rows["item_id"],
            "is_exposed": rows["is_exposed"],
            "position": rows["position"],
            "provenance": kinds,
            "is_clicked": rows["is_clicked"] | adds | rows["is_purchased"],
            "is_carted": rows["is_carted"],
            "is_purchased": rows["is_purchased"] | rows["adds_purchase"],
            "purchase_value": rows["purchase_value"] + rows["outside_value"].fillna(0),
            "inclusion_probability": rows["inclusion_probability"],
            "label_weight": (of_provenance * added_weight * grown.reindex(rows.index).fillna(1)).astype("float32"),
            "action_id": rows["purchase_id"].where(rows["adds_purchase"], rows["click_id"]).where(adds),
        }
    )
