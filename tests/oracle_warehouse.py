"""What the marts mean, once more in plain Python: slow, obvious, and written apart from the SQL."""

import math
from collections import defaultdict
from datetime import datetime, time, timedelta
from statistics import NormalDist

KINDS = {
    "exposed": lambda row, clicked: row["is_exposed"],
    "clicked": lambda row, clicked: clicked,
    "exposed_unclicked": lambda row, clicked: row["is_exposed"] and not clicked,
    "unexposed": lambda row, clicked: not row["is_exposed"],
}


def midnight(ds):
    return datetime.combine(ds, time())


def normalised(text):
    return " ".join(text.lower().split()) or None if text is not None else None


def wilson_lower(successes, trials):
    """Where a share lies at least, at 90 %: the smaller root of (p - share)^2 = z^2 share (1 - share) / trials."""
    z = NormalDist().inv_cdf(0.9)
    p = successes / trials
    a, b, c = 1 + z * z / trials, -(2 * p + z * z / trials), p * p
    return (-b - math.sqrt(max(0.0, b * b - 4 * a * c))) / (2 * a)


class Oracle:
    def __init__(self, log, policy, target_domain="search"):
        self.log = log
        self.policy = policy
        self.target = target_domain
        self.requests = {request["request_id"]: request for request in log.requests}
        self.rows = {(row["request_id"], row["item_id"]): row for row in log.candidates}

    def native(self, request_id, item_id, *, before):
        """Actions in the request, by its user, recorded before a time."""
        user_id = self.requests[request_id]["user_id"]
        return [
            action
            for action in self.log.actions
            if (action["request_id"], action["item_id"], action["user_id"]) == (request_id, item_id, user_id)
            and action["recorded_at"] < before
        ]

    def exposures(self, days):
        found = set()
        for (request_id, item_id), row in self.rows.items():
            as_of = {day.ds: day.label_as_of for day in days}.get(row["ds"])
            if as_of is None:
                continue
            done = self.native(request_id, item_id, before=as_of)
            kinds = {action["action"] for action in done}
            value = sum(a["quantity"] * a["unit_price"] for a in done if a["action"] == "purchase")
            found.add(
                (
                    request_id,
                    item_id,
                    bool(kinds & {"click", "purchase"}),
                    bool(kinds & {"cart", "favorite"}),
                    "purchase" in kinds,
                    float(value),
                )
            )
        return found

    def is_outside(self, action):
        if action["action"] not in ("click", "purchase"):
            return False
        request = self.requests.get(action["request_id"])
        domain = request["domain"] if request else action["domain"]
        return action["request_id"] is None or domain != self.target

    def cluster(self, item_id, attribute, at):
        """The product an item was known to be of: its own, if the attribute names none."""
        item = self.version(self.log.items, "item_id", item_id, before=at, inclusive=True)
        named = dict(item["attributes"] or []).get(attribute) if item else None
        return ("cluster", named) if named is not None else ("item", item_id)

    def is_match(self, action, item_id, rule):
        if rule.match == "item":
            return item_id == action["item_id"]
        attribute, at = rule.cluster_attribute, action["recorded_at"]
        return self.cluster(item_id, attribute, at) == self.cluster(action["item_id"], attribute, at)

    def winner(self, action):
        """The row an outside action labels, with its kind; None if there is none."""
        rule = getattr(self.policy.attribution, action["action"])
        first, last = -timedelta(hours=rule.before_request_hours), timedelta(hours=rule.window_hours)
        best = None
        for (request_id, item_id), row in self.rows.items():
            request = self.requests[request_id]
            delay = action["acted_at"] - request["requested_at"]
            if (
                request["domain"] != self.target
                or request["user_id"] != action["user_id"]
                or not first <= delay <= last
                or not self.is_match(action, item_id, rule)
            ):
                continue
            known = self.native(request_id, item_id, before=action["recorded_at"] + timedelta(microseconds=1))
            clicked = any(other["action"] in ("click", "purchase") for other in known)
            for rank, target in enumerate(rule.targets):
                if KINDS[target](row, clicked):
                    age = -delay if rule.tie == "earliest" else delay
                    offer = (rank, age, request_id, item_id != action["item_id"], item_id, target)
                    best = min(best, offer) if best else offer
                    break
        return best

    def attributions(self, days):
        as_of = {day.ds: day.label_as_of for day in days}
        found = set()
        for action in self.log.actions:
            best = self.winner(action) if self.is_outside(action) else None
            if best is None:
                continue
            _, _, request_id, _, item_id, target = best
            request = self.requests[request_id]
            ds = request["ds"]
            if ds in as_of and self.decided_at(action) < as_of[ds]:
                value = action["quantity"] * action["unit_price"] if action["action"] == "purchase" else 0.0
                hours = (action["acted_at"] - request["requested_at"]) / timedelta(hours=1)
                found.add((ds, action["action_id"], request_id, item_id, target, value, round(hours, 9)))
        return found

    def decided_at(self, action):
        """From then on the action is known and no later request can take it."""
        rule = getattr(self.policy.attribution, action["action"])
        return max(action["recorded_at"], action["acted_at"] + timedelta(hours=rule.before_request_hours))

    def version(self, versions, key, entity, *, before, inclusive=False):
        """The version with the newest valid_from that was valid and recorded before a time."""
        known = [
            version
            for version in versions
            if version[key] == entity
            and (
                max(version["valid_from"], version["recorded_at"]) < before
                or (inclusive and max(version["valid_from"], version["recorded_at"]) == before)
            )
        ]
        return max(known, key=lambda version: version["valid_from"], default=None)

    def native_rows(self, kinds, *, before):
        """Each row with such a native action recorded before a time: request, item, when it was first known."""
        first = {}
        for action in self.log.actions:
            request = self.requests.get(action["request_id"])
            if (
                request
                and action["action"] in kinds
                and action["recorded_at"] < before
                and request["user_id"] == action["user_id"]
            ):
                key = action["request_id"], action["item_id"]
                first[key] = min(first.get(key, action["recorded_at"]), action["recorded_at"])
        return [(self.requests[request_id], item_id, known) for (request_id, item_id), known in first.items()]

    def query_stats(self, ds, history_days):
        pairs = defaultdict(int)
        for request, item_id, _ in self.native_rows(("click", "purchase"), before=midnight(ds)):
            if request["domain"] != self.target:
                continue
            item = self.version(self.log.items, "item_id", item_id, before=midnight(ds))
            query = normalised(request["query_text"])
            if query and item and item["category_id"] and ds - timedelta(days=history_days) <= request["ds"] < ds:
                pairs[query, item["category_id"]] += 1
        found = set()
        for (query, category_id), clicks in pairs.items():
            of_query = sum(n for pair, n in pairs.items() if pair[0] == query)
            of_category = sum(n for pair, n in pairs.items() if pair[1] == category_id)
            prior = self.policy.searchification.prior_clicks
            likely = clicks + prior * of_category / sum(pairs.values())
            bound = max(0.0, round(wilson_lower(likely, of_query + prior), 9))
            found.add((query, category_id, clicks, of_query, of_category, bound))
        return found
