"""Searchification in pandas: query statistics, own and co-occurring queries, negatives; all days at once.

Words are compared row by row, for which pandas has nothing better.
"""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

_Z = 1.2815515655446004


def words(texts: pd.Series) -> list[frozenset[str]]:
    """The words of each text; none of a missing one."""
    known = {text: frozenset(re.findall(r"\w+", text.lower())) for text in texts.dropna().unique()}
    return [known.get(text, frozenset()) for text in texts]


def wilson(k: Any, n: Any) -> Any:
    """Lower bound of a share."""
    share = k / n
    middle = share + _Z * _Z / 2 / n - _Z * np.sqrt(share * (1 - share) / n + _Z * _Z / 4 / (n * n))
    return (middle / (1 + _Z * _Z / n)).clip(lower=0)


def drawn(seed: str, days: pd.Series, keys: pd.Series) -> list[float]:
    """A number in [0, 1) for each key."""
    texts = (seed + "|" + days.dt.strftime("%Y-%m-%d") + "|" + keys).str.encode("utf-8")
    return [int.from_bytes(hashlib.md5(text).digest()[8:], "little") / 2**64 for text in texts]


def item_versions(items: pd.DataFrame, days: pd.DataFrame) -> pd.DataFrame:
    """What was known of the items when each training day began."""
    versions = items[["item_id", "valid_from", "recorded_at", "category_id", "title"]]
    versions = versions.merge(days.loc[days["is_train"], ["ds"]], how="cross")
    versions = versions[versions["recorded_at"] < versions["ds"]].drop(columns="recorded_at")
    return versions.assign(category_id=versions["category_id"].replace("", None)).sort_values("valid_from")


def known_when(rows: pd.DataFrame, versions: pd.DataFrame, when: str) -> pd.DataFrame:
    """Rows with category and title of their item, as known on the morning of ``ds`` and valid at ``when``."""
    return pd.merge_asof(rows.sort_values(when), versions, left_on=when, right_on="valid_from", by=["ds", "item_id"])


def query_stats(
    clicks: pd.DataFrame, versions: pd.DataFrame, days: pd.DataFrame, given: dict[str, Any]
) -> pd.DataFrame:
    """Clicks by day, query and category."""
    searched = clicks[(clicks["domain_of_request"] == given["target"]) & clicks["search"].notna()]
    pairs = searched.merge(days.loc[days["is_train"], ["ds"]], how="cross")
    ahead = (pairs["ds"] - pairs["ds_of_request"]).dt.days
    pairs = pairs[ahead.between(1, given["history_days"]) & (pairs["clicked_at"] < pairs["ds"])]
    earlier = versions[versions["valid_from"] < versions["ds"]]
    pairs = known_when(pairs.assign(morning=pairs["ds"]), earlier, "morning").dropna(subset="category_id")
    stats = pairs.groupby(["ds", "search", "category_id"], as_index=False).size()
    of_query, of_category, of_all = (
        stats.groupby(keys)["size"].transform("sum") for keys in (["ds", "search"], ["ds", "category_id"], ["ds"])
    )
    prior = given["prior_clicks"]
    return stats.assign(confidence=wilson(stats["size"] + prior * of_category / of_all, of_query + prior))


def outside_rows(
    tables: dict[str, pd.DataFrame],
    exposures: pd.DataFrame,
    attributions: pd.DataFrame,
    versions: pd.DataFrame,
    target: str,
) -> pd.DataFrame:
    """Items of other domains' clicked requests, and the clicks that attribution left over."""
    other = exposures[exposures["is_train"] & (exposures["domain"] != target)]
    other = other[other.groupby("request_id")["is_clicked"].transform("max")]
    actions = tables["actions"]
    acts = actions[actions["action"].isin(["click", "purchase"]) & (actions["recorded_at"] < actions["label_as_of"])]
    acts = acts[acts["request_id"].isin(other["request_id"])]
    acts = acts.merge(attributions[["action_id", "ds"]], on="action_id", how="left", suffixes=("", "_used"))
    is_used = acts["ds_used"] <= acts["ds_of_request"]
    is_free_purchase = (acts["action"] == "purchase") & ~is_used
    acts = acts.assign(
        has_used_click=(acts["action"] == "click") & is_used,
        has_free_purchase=is_free_purchase,
        free_value=acts["value"].where(is_free_purchase, 0),
        free_id=acts["action_id"].where(~is_used),
    ).sort_values(["action", "acted_at", "action_id"])
    outcomes = acts.groupby(["request_id", "item_id", "user_id"], as_index=False).agg(
        {"has_used_click": "max", "has_free_purchase": "max", "free_value": "sum", "free_id": "first"}
    )
    rows = other.merge(outcomes, on=["request_id", "item_id", "user_id"], how="left")
    rows["is_positive"] = rows["is_clicked"] & rows["free_id"].notna() & ~rows["has_used_click"].eq(True)
    rows = known_when(rows, versions, "requested_at")
    return rows.assign(title_words=words(rows["title"]))


def own_queries(
    tables: dict[str, pd.DataFrame],
    past: pd.DataFrame,
    exposures: pd.DataFrame,
    versions: pd.DataFrame,
    given: dict[str, Any],
) -> pd.DataFrame:
    """The user's most recent search about the category."""
    searches = past[["ds", "request_id", "searched_at"]].drop_duplicates()
    actions = tables["actions"]
    clicks = actions.loc[
        actions["is_native"] & (actions["action"] == "click"), ["request_id", "item_id", "recorded_at"]
    ]
    clicks = known_when(searches.merge(clicks, on="request_id"), versions, "searched_at").dropna(subset="category_id")
    clicks = past[["sample_id", "ds", "request_id", "requested_at"]].merge(clicks, on=["ds", "request_id"])
    clicked = _top(clicks[clicks["requested_at"] > clicks["recorded_at"]], ["sample_id", "request_id"])
    seen = exposures.loc[exposures["is_exposed"], ["request_id", "item_id"]]
    seen = known_when(searches.merge(seen, on="request_id"), versions, "searched_at").dropna(subset="category_id")
    shown = _top(seen, ["ds", "request_id"])
    meant = past.merge(clicked, on=["sample_id", "request_id"], how="left")
    meant = meant.merge(shown, on=["ds", "request_id"], how="left", suffixes=("", "_shown"))
    confidence = wilson(meant["size"], meant["of"]).fillna(wilson(meant["size_shown"], meant["of_shown"]))
    category = meant["category_id"].fillna(meant["category_id_shown"])
    found = meant.assign(query_tier=1, query_support=meant["size"].fillna(0).astype(int), query_confidence=confidence)
    found = found[(category == meant["wanted"]) & (confidence >= given["min_confidence"])]
    return found.sort_values(["searched_at", "request_id"], ascending=False).drop_duplicates("sample_id")


def _top(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    counted = rows.groupby([*keys, "category_id"], as_index=False).size()
    counted["of"] = counted.groupby(keys)["size"].transform("sum")
    return counted.sort_values(["size", "category_id"], ascending=[False, True]).drop_duplicates(keys)


def co_occurring_queries(
    wanting: pd.DataFrame, past: pd.DataFrame, stats: pd.DataFrame, given: dict[str, Any]
) -> pd.DataFrame:
    """A query of the category, drawn by its clicks and the words the user has searched before."""
    offered = stats[(stats["size"] >= given["min_support"]) & (stats["confidence"] >= given["min_confidence"])]
    offered = offered.sort_values(["size", "search"], ascending=[False, True]).groupby(["ds", "category_id"]).head(200)
    offers = wanting.merge(offered, on=["ds", "category_id"]).sort_values(["sample_id", "search"])
    searched = past[past["sample_id"].isin(wanting["sample_id"])]
    searched = searched.assign(query_words=words(searched["search"])).groupby("sample_id")["query_words"]
    of_user = {sample: frozenset().union(*known) for sample, known in searched}
    shared = [
        len(query & of_user.get(sample, frozenset()))
        for query, sample in zip(words(offers["search"]), offers["sample_id"], strict=True)
    ]
    chance = offers["size"] * (1 + given["user_mix"] * np.array(shared, dtype=float))
    up_to = chance.groupby(offers["sample_id"]).cumsum()
    total = chance.groupby(offers["sample_id"]).transform("sum")
    offers = offers.assign(query_tier=2, query_support=offers["size"], query_confidence=offers["confidence"])
    return offers[up_to > np.array(drawn(given["seed"], offers["ds"], offers["sample_id"])) * total].drop_duplicates(
        "sample_id"
    )


def synthetic_rows(
    tables: dict[str, pd.DataFrame],
    exposures: pd.DataFrame,
    attributions: pd.DataFrame,
    clicks: pd.DataFrame,
    given: dict[str, Any],
) -> pd.DataFrame:
    """Synthetic requests: their queries, positives and negatives."""
    versions = item_versions(tables["items"], tables["days"])
    stats = query_stats(clicks, versions, tables["days"], given)
    outside = outside_rows(tables, exposures, attributions, versions, given["target"])
    positive = outside[outside["is_positive"] & outside["category_id"].notna()]
    made = positive.groupby(["ds", "request_id", "category_id"], as_index=False).agg(
        user_id=("user_id", "first"), requested_at=("requested_at", "first"), num_positives=("item_id", "size")
    )
    made["sample_id"] = made["request_id"] + "~s" + made["category_id"]
    requests = tables["requests"]
    asked = requests[(requests["domain"] == given["target"]) & requests["search"].notna()]
    past = made[["sample_id", "ds", "category_id", "user_id", "requested_at"]].rename(columns={"category_id": "wanted"})
    past = past.merge(
        asked[["user_id", "request_id", "requested_at", "search"]].rename(columns={"requested_at": "searched_at"}),
        on="user_id",
    )
    age = past["requested_at"] - past["searched_at"]
    past = past[(age > timedelta(0)) & (age <= timedelta(days=given["history_days"]))]
    own = own_queries(tables, past, exposures, versions, given)
    wanting = made[~made["sample_id"].isin(own["sample_id"])]
    drawn_ones = co_occurring_queries(wanting, past, stats, given)
    columns = ["sample_id", "search", "query_tier", "query_support", "query_confidence"]
    queries = pd.concat([own[columns], drawn_ones[columns]])
    return fitting_rows(made.merge(queries, on="sample_id"), outside, exposures, given)


def fitting_rows(
    samples: pd.DataFrame, outside: pd.DataFrame, exposures: pd.DataFrame, given: dict[str, Any]
) -> pd.DataFrame:
    """Positives, and the negatives that fit the query."""
    real = exposures[(exposures["domain"] == given["target"]) & exposures["is_exposed"]]
    rate = real.groupby("ds")["is_clicked"].mean()
    per_positive = ((1 - rate) / rate).clip(upper=given["max_negatives"]).fillna(given["max_negatives"])
    columns = ["request_id", "item_id", "is_exposed", "position", "is_clicked", "is_carted", "is_positive"]
    items = outside[[*columns, "has_free_purchase", "free_value", "free_id", "category_id", "title_words"]]
    samples = samples.drop(columns=["user_id", "requested_at"]).assign(query_words=words(samples["search"]))
    rows = samples.merge(items, on="request_id", suffixes=("", "_of_item"))
    is_same = rows["category_id"] == rows["category_id_of_item"]
    is_negative = ~(rows["is_clicked"] | rows["is_carted"])
    rows = rows.assign(is_same=is_same)[is_negative | (rows["is_positive"] & is_same)]
    matching = [len(one & two) for one, two in zip(rows["query_words"], rows["title_words"], strict=True)]
    rows = rows.assign(matching=np.array(matching, dtype=float))
    of_category = rows["matching"].where(rows["is_same"]).groupby(rows["sample_id"]).transform("mean")
    rows = rows[rows["is_same"] | (rows["matching"] >= of_category.clip(lower=1).fillna(1))]
    clicked = rows[rows["is_clicked"]].groupby("sample_id")["title_words"].agg(list)
    negatives = rows[~rows["is_clicked"]]
    likeness = [
        max((len(title & one) / max(1, len(title | one)) for one in clicked.get(sample, [])), default=0.0)
        for sample, title in zip(negatives["sample_id"], negatives["title_words"], strict=True)
    ]
    draw = drawn(given["seed"], negatives["ds"], negatives["sample_id"] + "|" + negatives["item_id"])
    negatives = negatives.assign(likeness=likeness, draw=draw).sort_values(
        ["is_same", "is_exposed", "likeness", "draw", "item_id"], ascending=[False, False, False, True, True]
    )
    place = negatives.groupby("sample_id").cumcount() + 1
    at_most = (negatives["num_positives"] * negatives["ds"].map(per_positive)).round().clip(lower=1)
    negatives = negatives[place <= at_most]
    positives = rows[rows["is_clicked"] & rows["sample_id"].isin(negatives["sample_id"])]
    kept = pd.concat([positives, negatives])
    return kept.assign(
        made_query=kept["search"],
        provenance="synthetic",
        is_carted=kept["is_clicked"] & kept["is_carted"],
        is_purchased=kept["is_clicked"] & kept["has_free_purchase"].eq(True),
        purchase_value=kept["free_value"].where(kept["is_clicked"], 0).fillna(0),
        inclusion_probability=1.0,
        label_weight=np.float32(next(w["weight"] for w in given["weights"] if w["provenance"] == "synthetic")),
        action_id=kept["free_id"].where(kept["is_clicked"]),
    )
