"""What the feature tables mean, once more in plain Python: slow, obvious, and written apart from the SQL.

Every method answers for the end of a day, from what was recorded before it, as a dictionary of all features.
"""

import math
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

from tests.oracle_warehouse import Oracle, midnight, normalised

CTR_PRIOR, CVR_PRIOR, NUM_CATEGORIES, NUM_FRESH, NUM_HISTORY = 20, 10, 5, 100, 50


def seconds(moment):
    return None if moment is None else int(moment.replace(tzinfo=UTC).timestamp())


def microseconds(moment):
    return (moment - datetime(1970, 1, 1)) // timedelta(microseconds=1)


def end_of(ds):
    return midnight(ds + timedelta(days=1))


def in_window(ds, event_day, days=30):
    return ds - timedelta(days=days) < event_day <= ds


def facts(version):
    return [f"{name}={value}" for name, value in sorted(version["attributes"] or [])] if version else []


def largest(counts):
    """The largest shares of a counter, ties by name: names and shares."""
    total = sum(counts.values())
    top = sorted(counts, key=lambda name: (-counts[name], name))[:NUM_CATEGORIES]
    return top, [counts[name] / total for name in top]


def smoothed(successes, trials, mean, prior):
    return (successes + prior * mean) / (trials + prior)


def share(part, whole):
    return part / whole if whole else 0.0


class FeatureOracle:
    def __init__(self, log, policy, target_domain="search"):
        self.log, self.target = log, target_domain
        self.marts = Oracle(log, policy, target_domain)

    def item_at(self, item_id, at):
        """What was known of an item at a time, a version that became known right then included."""
        return self.marts.version(self.log.items, "item_id", item_id, before=at, inclusive=True) or {}

    def item_of_day(self, item_id, ds):
        """What was known of an item when a day began."""
        return self.marts.version(self.log.items, "item_id", item_id, before=end_of(ds - timedelta(days=1))) or {}

    def actions(self, ds, days=None, **wanted):
        """Actions known when the day ended, of the last days if any, with such values."""
        return [
            action
            for action in self.log.actions
            if action["recorded_at"] < end_of(ds)
            and (days is None or in_window(ds, action["acted_at"].date(), days))
            and all(action[name] == value for name, value in wanted.items())
        ]

    def users(self, ds):
        """Everyone who was known when the day ended."""
        asked = {request["user_id"] for request in self.log.requests if request["ds"] <= ds}
        told = {u["user_id"] for u in self.log.users if max(u["valid_from"], u["recorded_at"]) < end_of(ds)}
        return asked | told | {action["user_id"] for action in self.actions(ds)}

    def user(self, ds, user_id):
        counts = {}
        for days in (1, 7, 30):
            counts[f"user_num_requests_{days}d"] = sum(
                request["user_id"] == user_id
                and request["domain"] == self.target
                and in_window(ds, request["ds"], days)
                for request in self.log.requests
            )
            kinds = Counter(action["action"] for action in self.actions(ds, days, user_id=user_id))
            counts[f"user_num_clicks_{days}d"] = kinds["click"]
            counts[f"user_num_purchases_{days}d"] = kinds["purchase"]
        items = [self.item_at(act["item_id"], act["acted_at"]) for act in self.actions(ds, 30, user_id=user_id)]
        prices = [math.log1p(item["price"]) for item in items if item.get("price") is not None]
        categories, shares = largest(Counter(item["category_id"] for item in items if item.get("category_id")))
        version = self.marts.version(self.log.users, "user_id", user_id, before=end_of(ds))
        return {
            "user_attributes": facts(version),
            **counts,
            "user_mean_log_price": sum(prices) / len(prices) if prices else None,
            "user_categories": categories,
            "user_category_shares": shares,
        }

    def pairs(self, ds):
        """Every user and category with an action in the window."""
        acts = defaultdict(list)
        for action in self.actions(ds, 30):
            if category_id := self.item_at(action["item_id"], action["acted_at"]).get("category_id"):
                acts[action["user_id"], category_id].append(action)
        totals = Counter()
        for (user_id, _), done in acts.items():
            totals[user_id] += len(done)
        return {
            (user_id, category_id): {
                "user_category_num_actions": len(done),
                "user_category_num_clicks": sum(action["action"] == "click" for action in done),
                "user_category_num_purchases": sum(action["action"] == "purchase" for action in done),
                "user_category_share": len(done) / totals[user_id],
                "user_category_last_acted_at": seconds(max(action["acted_at"] for action in done)),
            }
            for (user_id, category_id), done in acts.items()
        }

    def domain_counts(self, ds):
        """Exposures, native clicks and native purchases by domain and item."""
        counts = defaultdict(lambda: defaultdict(lambda: [0, 0, 0]))
        for (request_id, item_id), row in self.marts.rows.items():
            if row["is_exposed"] and in_window(ds, row["ds"]):
                counts[self.marts.requests[request_id]["domain"]][item_id][0] += 1
        for place, kinds in ((1, ("click", "purchase")), (2, ("purchase",))):
            for request, item_id, _ in self.marts.native_rows(kinds, before=end_of(ds)):
                if in_window(ds, request["ds"]):
                    counts[request["domain"]][item_id][place] += 1
        return counts

    def rates(self, counts, of):
        """Click rate and conversion rate of one entry, drawn to the means of all."""
        exposures, clicks, purchases = (sum(count[place] for count in counts.values()) for place in range(3))
        return (
            smoothed(of[1], of[0], share(clicks, exposures), CTR_PRIOR),
            smoothed(of[2], of[1], share(purchases, clicks), CVR_PRIOR),
        )

    def price_changes(self, item_id, ds):
        """Price before, time of the change, for each change known when the day ended, oldest knowledge first."""
        known = sorted(
            max(item["valid_from"], item["recorded_at"]) for item in self.log.items if item["item_id"] == item_id
        )
        changes, price = [], None
        for at in known:
            now = self.item_at(item_id, at)
            if at >= end_of(ds) or now["price"] is None:
                continue
            if price is not None and now["price"] != price:
                changes.append((price, now["valid_from"]))
            price = now["price"]
        return changes

    def listed_at(self, item_id, version):
        """The first valid_from known when the version became known; without one, the first day in the log."""
        if version:
            until = max(version["valid_from"], version["recorded_at"])
            return min(
                item["valid_from"]
                for item in self.log.items
                if item["item_id"] == item_id and max(item["valid_from"], item["recorded_at"]) <= until
            )
        shown = [row["ds"] for (_, item), row in self.marts.rows.items() if item == item_id and row["is_exposed"]]
        return midnight(min([*shown, *(a["ds"] for a in self.log.actions if a["item_id"] == item_id)]))

    def item(self, ds, item_id, counts):
        version = self.marts.version(self.log.items, "item_id", item_id, before=end_of(ds))
        of_target = counts[self.target][item_id]
        acts = self.actions(ds, 30, item_id=item_id)
        changes = self.price_changes(item_id, ds)
        domains = sorted(domain for domain, items in counts.items() if items[item_id][0])
        rates = [self.rates(counts[domain], counts[domain][item_id]) for domain in domains]
        ctr, cvr = self.rates(counts[self.target], of_target)
        return {
            **{name: version and version[name] for name in ("title", "category_id", "brand_id", "shop_id", "price")},
            "item_attributes": facts(version),
            "item_listed_at": seconds(self.listed_at(item_id, version)),
            "item_num_exposures": of_target[0],
            "item_num_clicks": of_target[1],
            "item_num_purchases": sum(action["action"] == "purchase" for action in acts),
            "item_num_outside_clicks": sum(a["action"] == "click" and a["domain"] != self.target for a in acts),
            "item_ctr": ctr,
            "item_cvr": cvr,
            "item_domains": domains,
            "item_domain_ctrs": [rate[0] for rate in rates],
            "item_domain_cvrs": [rate[1] for rate in rates],
            "item_last_acted_at": seconds(max((action["acted_at"] for action in acts), default=None)),
            "item_previous_price": changes[-1][0] if changes else None,
            "item_price_changed_at": seconds(changes[-1][1]) if changes else None,
            "item_num_price_changes": sum(in_window(ds, at.date()) for _, at in changes),
        }

    def queries(self, ds):
        """Every query that was asked in the target domain until the day."""
        asked = [
            (normalised(request["query_text"]), request)
            for request in self.log.requests
            if request["ds"] <= ds and request["domain"] == self.target and normalised(request["query_text"])
        ]
        counts, categories = defaultdict(lambda: [0, 0, 0]), defaultdict(Counter)
        shown = Counter(row["request_id"] for row in self.log.candidates if row["is_exposed"])
        for query, request in asked:
            if in_window(ds, request["ds"]):
                counts[query][0] += shown[request["request_id"]]
        for place, kinds in ((1, ("click", "purchase")), (2, ("purchase",))):
            for request, item_id, known in self.marts.native_rows(kinds, before=end_of(ds)):
                query = normalised(request["query_text"])
                if query and request["domain"] == self.target and in_window(ds, request["ds"]):
                    counts[query][place] += 1
                    if place == 1 and (category_id := self.item_at(item_id, known).get("category_id")):
                        categories[query][category_id] += 1
        found = {}
        for query in {query for query, _ in asked}:
            ctr, cvr = self.rates(counts, counts[query])
            names, shares = largest(categories[query])
            found[query] = {
                **{
                    f"query_num_requests_{days}d": sum(
                        other == query and in_window(ds, request["ds"], days) for other, request in asked
                    )
                    for days in (1, 7, 30)
                },
                "query_num_clicks": counts[query][1],
                "query_num_purchases": counts[query][2],
                "query_ctr": ctr,
                "query_cvr": cvr,
                "query_categories": names,
                "query_category_shares": shares,
            }
        return found

    def sequence(self, ds, user_id, length=NUM_HISTORY):
        known = sorted(self.actions(ds, user_id=user_id), key=in_order_of_knowledge)
        items = [
            self.item_of_day(act["item_id"], act["recorded_at"].date() + timedelta(days=1)) for act in known[-length:]
        ]
        return {**acts_as_lists("history", known[-length:], items), "history_known_until": microseconds(end_of(ds))}

    def fresh_actions(self, ds):
        """By user and moment, what had become known on the day up to that moment."""
        found = {}
        for user_id in {action["user_id"] for action in self.log.actions}:
            of_day = [a for a in self.log.actions if a["user_id"] == user_id and a["recorded_at"].date() == ds]
            of_day.sort(key=in_order_of_knowledge)
            for moment in {action["recorded_at"] for action in of_day}:
                acts = [action for action in of_day if action["recorded_at"] <= moment][-NUM_FRESH:]
                found[user_id, moment] = {
                    "fresh_action_ids": [action["action_id"] for action in acts],
                    **acts_as_lists("fresh", acts, [self.item_of_day(act["item_id"], ds) for act in acts]),
                    "fresh_known_at": [microseconds(action["recorded_at"]) for action in acts],
                }
        return found


def in_order_of_knowledge(action):
    return action["recorded_at"], seconds(action["acted_at"]), action["action_id"]


def acts_as_lists(prefix, acts, items):
    return {
        f"{prefix}_items": [action["item_id"] for action in acts],
        f"{prefix}_categories": [item.get("category_id") or "" for item in items],
        f"{prefix}_brands": [item.get("brand_id") or "" for item in items],
        f"{prefix}_actions": [action["action"] for action in acts],
        f"{prefix}_domains": [action["domain"] for action in acts],
        f"{prefix}_acted_at": [seconds(action["acted_at"]) for action in acts],
    }
