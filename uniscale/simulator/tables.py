"""From arrays by index to the columns of the event contract and of the truth."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa

from uniscale.simulator.choice import DOMAINS, SEARCH, examination
from uniscale.simulator.draws import Array, normal, stream, uniform
from uniscale.simulator.events import DAY, KINDS, NO_REQUEST, PURCHASE
from uniscale.simulator.knobs import Knobs
from uniscale.simulator.pages import NO_CAUSE, Pages
from uniscale.simulator.state import State
from uniscale.simulator.traffic import device, midnight
from uniscale.simulator.world import World

DEVICES = ("app", "web", "mobile_web")
NEW_SEGMENT = 0.01
"""Daily chance that a user's profile is looked at again."""


class Names:
    """Identifiers of everything that has an index."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.users = _numbered("u", len(world.users.budget))
        self.items = _numbered("i", len(world.items.quality))
        self.categories = _numbered("c", world.size.num_categories)
        self.brands = _numbered("b", world.size.num_brands)
        self.shops = _numbered("s", world.size.num_shops)

    def days(self, keys: Array) -> list[str]:
        """``YYYYMMDD`` of request or action keys."""
        day = keys >> np.int64(34)
        first = self._world.start
        known = {int(d): (first + timedelta(days=int(d))).strftime("%Y%m%d") for d in np.unique(day)}
        return [known[d] for d in day.tolist()]

    def requests(self, keys: Array) -> list[str]:
        """Request identifiers, for example ``search-20260105-000017``."""
        domain = (keys >> np.int64(32)) % 4
        number = (keys & np.int64(2**32 - 1)).tolist()
        parts = zip(domain.tolist(), self.days(keys), number, strict=True)
        return [f"{DOMAINS[d]}-{day}-{n:06d}" for d, day, n in parts]

    def optional_requests(self, keys: Array, missing: int) -> pa.Array:
        """Request identifiers, NULL where the key is ``missing``."""
        absent = keys == missing
        return pa.array(np.array(self.requests(np.where(absent, 0, keys)), dtype=object), pa.string(), mask=absent)


def _numbered(prefix: str, count: int) -> pa.Array:
    width = len(str(max(count - 1, 1)))
    return pa.array([f"{prefix}{n:0{width}d}" for n in range(count)])


def times(microseconds: Array) -> pa.Array:
    """Timestamps without a zone."""
    return pa.array(microseconds.astype(np.int64)).cast(pa.timestamp("us"))


def maps(facts: dict[str, list[str | None]]) -> pa.Array:
    """Attributes from lists of one length; None leaves a fact out."""
    records = zip(*facts.values(), strict=True)
    rows = [[(n, v) for n, v in zip(facts, record, strict=True) if v is not None] for record in records]
    return pa.array(rows, pa.map_(pa.string(), pa.string()))


def request_columns(world: World, names: Names, pages: Pages) -> dict[str, pa.Array]:
    """Rows of ``requests``."""
    rng = stream(world.seed, "device", int(pages.keys[0]) if len(pages.keys) else 0)
    is_search = pages.domain == SEARCH
    queries = pa.array(pages.text, pa.string()) if is_search else pa.nulls(len(pages.keys), pa.string())
    devices = [DEVICES[d] for d in device(pages.users, rng).tolist()]
    order: list[str | None] = ["random" if r else "ranked" for r in pages.is_random.tolist()]
    count = len(pages.keys)
    return {
        "request_id": pa.array(names.requests(pages.keys), pa.string()),
        "user_id": names.users.take(pa.array(pages.users)),
        "domain": pa.array([DOMAINS[pages.domain]] * count, pa.string()),
        "query_text": queries,
        "requested_at": times(pages.requested_at),
        "attributes": maps({"device": list(devices), "order": order}),
    }


def candidate_columns(knobs: Knobs, names: Names, pages: Pages) -> tuple[dict[str, pa.Array], dict[str, pa.Array]]:
    """Rows of ``candidates`` and of their truth, in the same order."""
    row, place = np.nonzero(pages.is_there)
    position = pages.position[row, place]
    shown = position > 0
    ids = {
        "request_id": pa.array(names.requests(pages.keys), pa.string()).take(pa.array(row)),
        "item_id": names.items.take(pa.array(pages.items[row, place])),
    }
    share = (pages.position > 0).sum(axis=1) / np.maximum(pages.is_there.sum(axis=1), 1)
    log = {
        "is_exposed": pa.array(shown),
        "position": pa.array(position, mask=~shown),
        "logged_score": pa.array(pages.score[row, place].astype(np.float64)),
        "propensity": pa.array(share[row], mask=~pages.is_random[row]),
    }
    seen = examination(knobs.position_bias[pages.domain], position)
    truth = pages.truth
    facts = {
        "examination_probability": pa.array(seen, mask=~shown),
        "relevance": pa.array(truth.relevance[row, place]),
        "utility": pa.array(truth.utility[row, place]),
        "click_probability": pa.array(truth.click_probability[row, place]),
        "purchase_probability": pa.array(truth.purchase_probability[row, place]),
    }
    return ids | log, ids | facts


def action_columns(names: Names, records: Array) -> tuple[dict[str, pa.Array], dict[str, pa.Array]]:
    """Rows of ``actions`` and of their causes from ``RECORD`` arrays."""
    action_id = _action_ids(names, records["key"])
    is_purchase = records["kind"] == PURCHASE
    log = {
        "action_id": action_id,
        "user_id": names.users.take(pa.array(records["user"])),
        "item_id": names.items.take(pa.array(records["item"])),
        "action": pa.array(KINDS).take(pa.array(records["kind"])),
        "acted_at": times(records["acted_at"]),
        "recorded_at": times(records["recorded_at"]),
        "domain": pa.array(DOMAINS).take(pa.array(records["domain"])),
        "request_id": names.optional_requests(records["request"], NO_REQUEST),
        "quantity": pa.array(records["quantity"], mask=~is_purchase),
        "unit_price": pa.array(records["unit_price"], mask=~is_purchase),
    }
    return log, {
        "action_id": action_id,
        "causing_request_id": names.optional_requests(records["cause"], NO_CAUSE),
    }


def _action_ids(names: Names, keys: Array) -> pa.Array:
    number = (keys & np.int64(2**32 - 1)).tolist()
    return pa.array([f"action-{day}-{n:06d}" for day, n in zip(names.days(keys), number, strict=True)], pa.string())


def return_truth(names: Names, records: Array) -> dict[str, pa.Array]:
    """Purchases of ``RECORD`` arrays that are sent back."""
    back = records[records["returned_at"] > 0]
    return {"action_id": _action_ids(names, back["key"]), "returned_at": times(back["returned_at"])}


def bot_truth(world: World, names: Names, state: State) -> dict[str, pa.Array]:
    """Members of the day that are bots."""
    return {"user_id": names.users.take(pa.array(np.flatnonzero(state.is_member & world.users.is_bot)))}


def user_columns(world: World, names: Names, state: State) -> dict[str, pa.Array]:
    """Versions of ``users`` that begin today: everybody on the first day, then arrivals and refreshed profiles."""
    rng = stream(world.seed, "profiles", state.day)
    count = len(world.users.budget)
    again = uniform(rng, count) < NEW_SEGMENT
    sight = state.taste + np.float32(0.6) * normal(rng, state.taste.shape)
    segment = np.argmax(np.concatenate([sight, -sight], axis=1), axis=1)
    band = np.searchsorted([-0.84, -0.25, 0.25, 0.84], world.users.budget + 0.5 * normal(rng, count))
    is_new = state.is_member if state.day == 0 else (world.users.join_day == state.day) | (again & state.is_member)
    rows = np.flatnonzero(is_new)
    begins = times(np.full(len(rows), midnight(world, state.day)))
    region = world.users.region[rows].tolist()
    facts: dict[str, list[str | None]] = {
        "segment": [f"s{v}" for v in segment[rows].tolist()],
        "budget": [f"b{v}" for v in band[rows].tolist()],
        "region": [f"r{v}" if user % 10 else None for user, v in zip(rows.tolist(), region, strict=True)],
    }
    return {
        "user_id": names.users.take(pa.array(rows)),
        "valid_from": begins,
        "recorded_at": begins,
        "attributes": maps(facts),
    }


def item_columns(world: World, names: Names, state: State) -> dict[str, pa.Array]:
    """Versions of ``items`` that begin today: everything on the first day, then launches and new prices."""
    rng = stream(world.seed, "item versions", state.day)
    begin = midnight(world, state.day)
    launch = world.items.launch_day
    old = np.flatnonzero(launch < 0) if state.day == 0 else np.zeros(0, dtype=np.int64)
    new = np.flatnonzero(launch == state.day)
    rows = np.concatenate([old, state.repriced, new])
    minute = 60_000_000
    since = begin - world.items.age_days[old].astype(np.int64) * DAY
    repriced_at = np.full(len(state.repriced), begin)
    noted_at = begin + rng.integers(1, 90, size=len(state.repriced)) * minute
    launched_at = begin + rng.integers(60, 1200, size=len(new)) * minute
    items = world.items
    ratings = zip(launch[rows].tolist(), items.rating[rows].tolist(), strict=True)
    facts: dict[str, list[str | None]] = {
        "rating": [f"{rating:.1f}" if launched < 0 else None for launched, rating in ratings],
        "shipping": ["free" if i % 3 else "paid" for i in rows.tolist()],
    }
    return {
        "item_id": names.items.take(pa.array(rows)),
        "title": pa.array([items.title[i] for i in rows.tolist()], pa.string()),
        "category_id": names.categories.take(pa.array(items.category[rows])),
        "brand_id": names.brands.take(pa.array(items.brand[rows])),
        "shop_id": names.shops.take(pa.array(items.shop[rows])),
        "price": pa.array(state.price[rows]),
        "valid_from": times(np.concatenate([since, repriced_at, launched_at])),
        "recorded_at": times(np.concatenate([np.full(len(old), begin), noted_at, launched_at])),
        "attributes": maps(facts),
    }


def user_truth(world: World, names: Names, state: State) -> dict[str, pa.Array]:
    """Tastes of the members of the day."""
    rows = np.flatnonzero(state.is_member)
    return {
        "user_id": names.users.take(pa.array(rows)),
        "taste": vectors(state.taste[rows]),
        "feed_taste": vectors(state.feed_taste[rows]),
        "budget": pa.array(world.users.budget[rows]),
        "need_category_id": names.categories.take(pa.array(state.need[rows])),
    }


def item_truth(world: World, names: Names, state: State) -> dict[str, pa.Array]:
    """Vectors of the items that appear today; they never change."""
    launch = world.items.launch_day
    rows = np.flatnonzero(launch <= 0 if state.day == 0 else launch == state.day)
    return {
        "item_id": names.items.take(pa.array(rows)),
        "style": vectors(world.items.style[rows]),
        "quality": pa.array(world.items.quality[rows]),
        "attractiveness": pa.array(world.items.attractiveness[rows]),
        "popularity": pa.array(world.items.popularity[rows]),
    }


def vectors(values: Array) -> pa.Array:
    """A list column from the rows of a matrix."""
    offsets = np.arange(0, values.size + 1, values.shape[1], dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values.astype(np.float32).ravel()))
