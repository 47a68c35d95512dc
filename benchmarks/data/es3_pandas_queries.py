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


def item_versions(items: pd.DataFrame) -> pd.DataFrame:
    """What was known of the items, from when on: a version that arrives after a newer one tells nothing."""
    versions = items[["item_id", "valid_from", "recorded_at", "category_id", "title"]]
    versions = versions.assign(
        known_from=versions[["valid_from", "recorded_at"]].max(axis=1),
        category_id=versions["category_id"].replace("", None),
    ).sort_values(["known_from", "valid_from", "recorded_at"])
    is_newest = versions["valid_from"] == versions.groupby("item_id")["valid_from"].cummax()
    columns = ["item_id", "known_from", "category_id", "title"]
    return versions.loc[is_newest, columns].drop_duplicates(["item_id", "known_from"], keep="last")


def known_when(rows: pd.DataFrame, versions: pd.DataFrame, when: str, *, at_once: bool = True) -> pd.DataFrame:
    """Rows with category and title of their item as known at ``when``; without ``at_once``, as known just before."""
    ordered = rows.sort_values(when)
    return pd.merge_asof(
        ordered, versions, left_on=when, right_on="known_from", by="item_id", allow_exact_matches=at_once
    )


def query_stats(
    clicks: pd.DataFrame, versions: pd.DataFrame, days: pd.DataFrame, given: dict[str, Any]
) -> pd.DataFrame:
    """Clicks by day, query and category."""
    searched = clicks[(clicks["domain_of_request"] == given["target"]) & clicks["search"].notna()]
    pairs = searched.merge(days.loc[days["is_train"], ["ds"]], how="cross")
    ahead = (pairs["ds"] - pairs["ds_of_request"]).dt.days
    pairs = pairs[ahead.between(1, given["history_days"]) & (pairs["clicked_at"] < pairs["ds"])]
    pairs = known_when(pairs, versions, "ds", at_once=False).dropna(subset="category_id")
    stats = pairs.groupby(["ds", "search", "category_id"], as_index=False).size()
    of_query, of_category, of_all = (
        stats.groupby(keys)["size"].transform("sum") for keys in (["ds", "search"], ["ds", "category_id"], ["ds"])
    )
    prior = given["prior_clicks"]
    return stats.assign(confidence=wilson(stats["size"] + prior * of_category / of_all, of_query + prior))


def outside_actions(
    tables: dict[str, pd.DataFrame], lists: pd.DataFrame, attributions: pd.DataFrame, given: dict[str, Any]
) -> pd.DataFrame:
    """Outside clicks and purchases of the training days, with the list they belong to."""
    acts = tables["actions"].drop(columns=["ds", "label_as_of"])
    acts = acts[acts["action"].isin(["click", "purchase"]) & acts["is_outside"]]
    acts = acts.assign(ds=acts["ds_of_request"].fillna(acts["acted_at"].dt.normalize()))
    days = tables["days"]
    acts = acts.merge(days.loc[days["is_train"], ["ds", "label_as_of"]], on="ds")
    acts = acts[acts["recorded_at"] < acts["label_as_of"]]
    unlisted = acts[acts["ds_of_request"].isna() & (acts["action"] == "click")]
    keys = ["ds", "user_id", "item_id", "domain"]
    visits = pd.merge_asof(
        unlisted.drop(columns="request_id").sort_values("acted_at"),
        lists[[*keys, "request_id", "requested_at"]].sort_values("requested_at"),
        left_on="acted_at",
        right_on="requested_at",
        by=keys,
        tolerance=pd.Timedelta(minutes=given["visit_minutes"]),
    ).set_index("action_id")["request_id"]
    is_listed = acts["ds_of_request"].notna()
    return acts.assign(
        request_id=acts["request_id"].where(is_listed, acts["action_id"].map(visits)),
        is_free=~acts["action_id"].isin(attributions["action_id"]),
    )


def outside_rows(
    tables: dict[str, pd.DataFrame],
    exposures: pd.DataFrame,
    attributions: pd.DataFrame,
    versions: pd.DataFrame,
    given: dict[str, Any],
) -> pd.DataFrame:
    """What was seen in other domains' lists with a click, and the clicks that attribution left over."""
    is_target = exposures["domain"] == given["target"]
    lists = exposures[exposures["is_train"] & ~is_target & exposures["is_exposed"]]
    acts = outside_actions(tables, lists, attributions, given)
    acts = acts[acts["request_id"].notna()]
    is_click, is_free_purchase = acts["action"] == "click", (acts["action"] == "purchase") & acts["is_free"]
    acts = acts.assign(
        has_click=is_click,
        has_taken_click=is_click & ~acts["is_free"],
        has_free_purchase=is_free_purchase,
        free_value=acts["value"].where(is_free_purchase, 0),
        free_id=acts["action_id"].where(acts["is_free"]),
    ).sort_values(["action", "acted_at", "action_id"])
    flags = dict.fromkeys(("has_click", "has_taken_click", "has_free_purchase"), "max")
    outcomes = acts.groupby(["request_id", "item_id", "user_id"], as_index=False).agg(
        {**flags, "free_value": "sum", "free_id": "first"}
    )
    rows = lists.merge(outcomes, on=["request_id", "item_id", "user_id"], how="left")
    rows["is_clicked"] |= rows["has_click"].eq(True)
    rows = rows[rows.groupby("request_id")["is_clicked"].transform("max")]
    searched = exposures.loc[is_target, ["user_id", "item_id", "requested_at"]]
    claims = rows[["request_id", "user_id", "item_id", "requested_at"]].merge(
        searched, on=["user_id", "item_id"], suffixes=("", "_searched")
    )
    age = claims["requested_at"] - claims["requested_at_searched"]
    claims = claims[(age >= timedelta(0)) & (age <= timedelta(hours=given["click_window_hours"]))]
    is_claimed = pd.MultiIndex.from_frame(rows[["request_id", "item_id"]]).isin(
        pd.MultiIndex.from_frame(claims[["request_id", "item_id"]])
    )
    rows["is_positive"] = rows["is_clicked"] & rows["free_id"].notna() & ~rows["has_taken_click"].eq(True)
    rows["is_negative"] = ~rows["is_clicked"] & ~rows["is_carted"] & ~is_claimed
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
    clicked = _shares(clicks[clicks["requested_at"] > clicks["recorded_at"]], ["sample_id", "request_id"])
    seen = exposures.loc[exposures["is_exposed"], ["request_id", "item_id"]]
    seen = known_when(searches.merge(seen, on="request_id"), versions, "searched_at").dropna(subset="category_id")
    shown = _shares(seen, ["ds", "request_id"])
    meant = past.rename(columns={"wanted": "category_id"})
    meant = meant.merge(clicked[["sample_id", "request_id", "of"]].drop_duplicates(), how="left")
    meant = meant.merge(clicked.drop(columns="of"), on=["sample_id", "request_id", "category_id"], how="left")
    meant = meant.merge(shown, on=["ds", "request_id", "category_id"], how="left", suffixes=("", "_shown"))
    has_clicks = meant["of"].notna()
    about = meant["size"].where(has_clicks, meant["size_shown"]).fillna(0)
    of_all = meant["of"].where(has_clicks, meant["of_shown"]).fillna(1)
    confidence = wilson(about, of_all)
    draw = np.array(drawn(given["seed"], meant["ds"], meant["sample_id"] + "|" + meant["request_id"]))
    found = meant.assign(query_tier=1, query_support=meant["size"].fillna(0).astype(int), query_confidence=confidence)
    found = found[(draw < about / of_all) & (confidence >= given["min_confidence"])]
    return found.sort_values(["searched_at", "request_id"], ascending=False).drop_duplicates("sample_id")


def _shares(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    counted = rows.groupby([*keys, "category_id"], as_index=False).size()
    return counted.assign(of=counted.groupby(keys)["size"].transform("sum"))


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
    *,
    real: pd.DataFrame,
    given: dict[str, Any],
) -> pd.DataFrame:
    """Synthetic requests: their queries, positives and negatives."""
    versions = item_versions(tables["items"])
    stats = query_stats(clicks, versions, tables["days"], given)
    outside = outside_rows(tables, exposures, attributions, versions, given)
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
    made = made.merge(queries, on="sample_id")
    matched = matched_rows(made, outside, real=real, requests=requests, stats=stats, versions=versions, given=given)
    return drawn_rows(made, outside, exposures, matched, given)


def matched_rows(
    made: pd.DataFrame,
    outside: pd.DataFrame,
    *,
    real: pd.DataFrame,
    requests: pd.DataFrame,
    stats: pd.DataFrame,
    versions: pd.DataFrame,
    given: dict[str, Any],
) -> pd.DataFrame:
    """How rows of real lists and of lists with a click match their query: its category, so many of so many words."""
    shown = real.loc[real["is_exposed"], ["sample_id", "item_id", "is_clicked", "query_tier"]]
    searches = requests.loc[requests["search"].notna(), ["request_id", "ds", "search", "requested_at"]]
    searches = searches[searches["request_id"].isin(shown["sample_id"])].rename(columns={"request_id": "sample_id"})
    order = [int.from_bytes(hashlib.md5(name.encode()).digest()[8:], "little") for name in searches["sample_id"]]
    searches = searches.assign(order=np.array(order, dtype=np.uint64)).sort_values(["order", "sample_id"])
    searches = searches.groupby("ds").head(given["max_lists"]).drop(columns="order")
    rows = known_when(searches.merge(shown, on="sample_id"), versions, "requested_at").dropna(subset="known_from")
    rows = rows.assign(title_words=words(rows["title"]), wanted=None)
    seen = made[["sample_id", "request_id", "ds", "category_id", "search", "query_tier"]]
    seen = seen.rename(columns={"category_id": "wanted"}).merge(outside.drop(columns="ds"), on="request_id")
    seen = seen[seen["is_negative"] | (seen["is_positive"] & (seen["category_id"] == seen["wanted"]))]
    columns = [
        "ds",
        "query_tier",
        "sample_id",
        "item_id",
        "search",
        "category_id",
        "title_words",
        "is_clicked",
        "wanted",
    ]
    rows = pd.concat([rows[columns], seen[columns]], ignore_index=True)
    meanings = stats.sort_values(["size", "category_id"], ascending=False)
    meanings = meanings.assign(is_meant=~meanings.duplicated(["ds", "search"]))
    rows = rows.merge(meanings[["ds", "search", "category_id", "is_meant"]], how="left")
    known = pd.MultiIndex.from_frame(meanings[["ds", "search"]])
    is_unknown = ~pd.MultiIndex.from_frame(rows[["ds", "search"]]).isin(known)
    rows = rows[rows["is_meant"].notna() | (rows["category_id"] == rows["wanted"])]
    queries = words(rows["search"])
    shared = [len(query & title) for query, title in zip(queries, rows["title_words"], strict=True)]
    return rows.assign(
        is_meant=np.where(rows["is_meant"].notna(), rows["is_meant"].eq(True), is_unknown[rows.index]),
        asked=np.minimum([len(query) for query in queries], 8),
        matching=np.minimum(shared, 8),
    )


def _chances(matched: pd.DataFrame) -> pd.DataFrame:
    """By class of match, the chance in proportion to the odds against a click of real rows."""
    real, kind = matched[matched["query_tier"] == 0], ["ds", "is_meant", "asked"]
    found = real.groupby([*kind, "matching"], as_index=False)["is_clicked"].agg(["sum", "size"])
    of_kind = found.groupby(kind)[["sum", "size"]].transform("sum")
    rate = (found["sum"] + 20 * of_kind["sum"] / of_kind["size"]) / (found["size"] + 20)
    found = found.assign(odds=(1 - rate) / rate)[(rate > 0) & (rate < 1)]
    found["word_chance"] = found["odds"] / found.groupby(kind)["odds"].transform("max")
    return found[[*kind, "matching", "word_chance"]]


def _ratios(rows: pd.DataFrame) -> pd.Series:
    """By day and tier, the odds of the category meant in real lists over those in synthetic ones."""
    keys = ["ds", "query_tier"]
    kinds = {
        f"{is_clicked} {is_meant}": (rows["is_clicked"] == is_clicked) & (rows["is_meant"] == is_meant)
        for is_clicked in (True, False)
        for is_meant in (True, False)
    }
    lists = rows.assign(**kinds).groupby([*keys, "sample_id"])[list(kinds)].sum()
    pairs = pd.DataFrame(
        {
            "pro": lists["True True"] * lists["False False"],
            "con": lists["True False"] * lists["False True"],
        }
    )
    pairs = pairs.groupby(keys).sum() + 10
    odds = (pairs["pro"] / pairs["con"]).reset_index(name="odds")
    made = odds[odds["query_tier"] > 0].merge(odds.loc[odds["query_tier"] == 0, ["ds", "odds"]], on="ds", how="left")
    return (made["odds_y"].fillna(1) / made["odds_x"]).set_axis(pd.MultiIndex.from_frame(made[keys]))


def drawn_rows(
    made: pd.DataFrame, outside: pd.DataFrame, exposures: pd.DataFrame, matched: pd.DataFrame, given: dict[str, Any]
) -> pd.DataFrame:
    """Positives, and the negatives that tell as much as those of real lists."""
    real = exposures[(exposures["domain"] == given["target"]) & exposures["is_exposed"]]
    rate = real.groupby("ds")["is_clicked"].mean()
    per_positive = ((1 - rate) / rate).clip(upper=given["max_negatives"]).fillna(given["max_negatives"])
    keys = ["ds", "is_meant", "asked", "matching"]
    seen = matched[(matched["query_tier"] > 0) & ~matched["is_clicked"]].merge(_chances(matched), on=keys, how="left")
    seen["draw"] = drawn(given["seed"], seen["ds"], seen["sample_id"] + "|" + seen["item_id"])
    seen["word_chance"] = seen["word_chance"].fillna(1)
    likely = seen[seen["draw"] < seen["word_chance"]]
    ratios = _ratios(pd.concat([matched[(matched["query_tier"] == 0) | matched["is_clicked"]], likely]))
    ratio = ratios.reindex(pd.MultiIndex.from_frame(seen[["ds", "query_tier"]])).to_numpy()
    thinned = np.minimum(1, np.where(seen["is_meant"], 1 / ratio, ratio))
    negatives = seen[seen["draw"] < seen["word_chance"] * thinned]
    clicked = matched[(matched["query_tier"] > 0) & matched["is_clicked"]].groupby("sample_id")["title_words"].agg(list)
    likeness = [
        max((len(title & one) / max(1, len(title | one)) for one in clicked.get(sample, [])), default=0.0)
        for sample, title in zip(negatives["sample_id"], negatives["title_words"], strict=True)
    ]
    negatives = negatives.assign(likeness=likeness).merge(made[["sample_id", "num_positives"]], on="sample_id")
    negatives = negatives.sort_values(["likeness", "draw", "item_id"], ascending=[False, True, True])
    wanted = negatives["num_positives"] * negatives["ds"].map(per_positive)
    negatives = negatives.assign(wanted=wanted)
    negatives = negatives[negatives.groupby("sample_id").cumcount() + 1 <= wanted.round().clip(lower=1)]
    weigh = negatives.groupby("sample_id").agg(kept=("item_id", "size"), wanted=("wanted", "first"))
    positive_weight = np.minimum(1, weigh["kept"] / weigh["wanted"]) if given["positive_rate"] == "weigh" else 1.0
    names = ["sample_id", "request_id", "category_id", "search", "query_tier", "query_support", "query_confidence"]
    rows = made.loc[made["sample_id"].isin(weigh.index), names].merge(
        outside, on="request_id", suffixes=("", "_of_item")
    )
    is_negative = pd.MultiIndex.from_frame(rows[["sample_id", "item_id"]]).isin(
        pd.MultiIndex.from_frame(negatives[["sample_id", "item_id"]])
    )
    is_positive = rows["is_positive"] & (rows["category_id"] == rows["category_id_of_item"])
    kept = rows.assign(is_clicked=is_positive)[is_negative | is_positive]
    of_positive = kept["sample_id"].map(pd.Series(positive_weight, index=weigh.index)).where(kept["is_clicked"], 1.0)
    weight = next(w["weight"] for w in given["weights"] if w["provenance"] == "synthetic")
    return kept.assign(
        made_query=kept["search"],
        provenance="synthetic",
        is_carted=kept["is_clicked"] & kept["is_carted"],
        is_purchased=kept["is_clicked"] & kept["has_free_purchase"].eq(True),
        purchase_value=kept["free_value"].where(kept["is_clicked"], 0).fillna(0),
        inclusion_probability=1.0,
        label_weight=(weight * of_positive).astype("float32"),
        action_id=kept["free_id"].where(kept["is_clicked"]),
    )
